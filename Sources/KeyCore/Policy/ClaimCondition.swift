package import Primitives

/// What the tokens of a request say, for rules about their claims.
package struct TokenFacts: Sendable {
    /// The claims of the token that says who asks; nil if there is none.
    package let authentication: JSONValue?
    /// The claims of the token that says what is asked for; nil if there is none.
    package let authorization: JSONValue?

    /// The claims of verified tokens.
    package init(authentication: JSONValue? = nil, authorization: JSONValue? = nil) {
        (self.authentication, self.authorization) = (authentication, authorization)
    }
}

/// What a rule asks of one claim of one token.
struct ClaimCondition: Sendable {
    /// Which of the two tokens.
    enum Token: String, Sendable, CaseIterable { case authentication, authorization }

    let token: Token
    /// The claim's name.
    let name: String
    /// What it may be; nil: anything.
    let values: [Glob]?
    /// Whether a claim that isn't there is fine too.
    let allowsMissing: Bool

    /// Whether the tokens meet it; of a list one element is enough. Text is compared exactly.
    /// - Parameter denies: whether the rule refuses: then a value that can't be compared, an object say, meets it, so that a doubt never lets
    ///   anybody in.
    func holds(_ facts: TokenFacts?, denies: Bool) -> Bool {
        let claims = token == .authentication ? facts?.authentication : facts?.authorization
        guard let value = claims?[name], value != .null else { return allowsMissing }
        guard let values else { return true }
        return (value.array ?? [value]).contains { element in
            guard let text = ClaimCondition.text(element) else { return denies }
            return values.contains { $0.matches(text) }
        }
    }

    /// As policies write it.
    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .bool(let bool): bool ? "true" : "false"
        case .integer(let number): String(number)
        default: nil
        }
    }

    /// As `authentication.hd in example.com, example.org`.
    var words: String {
        let list = values?.map(\.text).joined(separator: " or ") ?? "anything"
        return "\(token.rawValue).\(name) \(list)\(allowsMissing ? " or missing" : "")"
    }
}

extension PolicyFields {
    static func callers(_ document: StrictDocument) throws(DocumentError) -> CallerKinds {
        var kinds: CallerKinds = []
        for element in try list(document, of: "callers") { kinds.insert(try caller(element)) }
        return kinds
    }

    /// One part in which somebody calls.
    static func caller(_ document: StrictDocument) throws(DocumentError) -> CallerKinds {
        guard let kind = CallerKind(rawValue: try document.string()) else {
            throw document.error("expected one of \(CallerKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return CallerKinds(kind)
    }

    static func claims(_ document: StrictDocument) throws(DocumentError) -> [ClaimCondition] {
        var conditions: [ClaimCondition] = []
        for element in try list(document, of: "claims") { conditions.append(try claim(element)) }
        return conditions
    }

    private static func claim(_ document: StrictDocument) throws(DocumentError) -> ClaimCondition {
        let members = try document.members(["token", "claim", "values", "missing"])
        let token = try required("token", members, in: document)
        guard let kind = ClaimCondition.Token(rawValue: try token.string()) else {
            throw token.error("expected authentication or authorization")
        }
        let name = try required("claim", members, in: document).string()
        guard (1...128).contains(name.utf8.count) else { throw document.error("expected a claim's name of 1 to 128 bytes") }
        return ClaimCondition(
            token: kind, name: name, values: try values(try required("values", members, in: document)),
            allowsMissing: try members["missing"]?.bool() ?? false)
    }

    /// Exact texts or patterns in which `*` stands for anything; nil for the word `any`.
    private static func values(_ document: StrictDocument) throws(DocumentError) -> [Glob]? {
        if document.isScalar {
            guard try document.string() == "any" else { throw document.error("expected a list, or the word any") }
            return nil
        }
        var globs: [Glob] = []
        for element in try list(document, of: "values") {
            let text = try element.string()
            do { globs.append(try Glob(text, separator: 0)) } catch { throw element.error(error.message) }
        }
        return globs
    }
}
