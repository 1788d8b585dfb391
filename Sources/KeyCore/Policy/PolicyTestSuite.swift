package import Primitives

/// What a policy is expected to decide: the cases of a `*.test.yaml`.
package struct PolicyTestSuite: Sendable {
    /// One case.
    package struct Case: Sendable {
        /// What it shows.
        package let name: String
        /// What is asked.
        package let request: AccessRequest
        /// Whether a grant is expected.
        package let expectsGrant: Bool
        /// The expected cause of a refusal, one of `Rejection.Cause.names`; nil for whichever.
        package let cause: String?
        /// The rule that is expected to decide; nil for whichever.
        package let rule: String?
        /// The obligations that are expected; nil for whichever.
        package let obligations: Obligations?
    }

    /// The cases in the document's order, at least one.
    package let cases: [Case]

    /// When cases happen that name no time.
    package static let defaultTime = "2026-01-01T12:00:00Z"

    /// Reads `version: 1`, `tests: […]` and, if present, `defaults`: the fields of requests that leave them out.
    /// - Parameters:
    ///   - text: YAML or JSON, at most 1 MiB.
    ///   - source: the file's name, for errors.
    package init(parsing text: String, source: String) throws(DocumentError) {
        let document = try StrictDocument(parsing: text, source: source)
        let members = try document.members(["version", "description", "defaults", "tests"])
        try PolicyFields.version(members["version"], in: document)
        _ = try members["description"]?.string()
        var defaults: [String: StrictDocument] = [:]
        if let member = members["defaults"] { defaults = try member.members(PolicyTestSuite.requestFields) }
        var cases: [Case] = []
        for element in try PolicyFields.list(try PolicyFields.required("tests", members, in: document), of: "tests") {
            cases.append(try PolicyTestSuite.readCase(element, defaults))
        }
        self.cases = cases
    }

    /// One result for each case, in their order.
    package func run(against policy: AccessPolicy) -> [PolicyTestResult] {
        cases.map { test in PolicyTestResult(test, policy.explain(test.request)) }
    }

    private static let requestFields = [
        "operation", "key", "principal", "justification", "resource", "perimeter", "address", "time", "attestation",
        "caller", "authentication", "authorization",
    ]

    private static func readCase(
        _ document: StrictDocument, _ defaults: [String: StrictDocument]
    ) throws(DocumentError) -> Case {
        let members = try document.members(["name", "request", "expect", "cause", "rule", "obligations"])
        let name = try PolicyFields.name(members["name"], in: document)
        var fields = defaults
        if let request = members["request"] {
            for (field, value) in try request.members(requestFields) { fields[field] = value }
        }
        let expect = try PolicyFields.effect(members["expect"], in: document)
        let cause = try members["cause"]?.string()
        if let cause, !Rejection.Cause.names.contains(cause) || expect == .allow {
            throw (members["cause"] ?? document).error("expected, with “expect: deny”, one of \(Rejection.Cause.names.joined(separator: ", "))")
        }
        let obligations: Obligations? =
            if let member = members["obligations"] { try member.elements().isEmpty ? [] : try PolicyFields.obligations(member) } else { nil }
        return Case(
            name: name, request: try request(fields, in: document), expectsGrant: expect == .allow, cause: cause,
            rule: try members["rule"]?.string(), obligations: obligations)
    }

    private static func request(
        _ fields: [String: StrictDocument], in document: StrictDocument
    ) throws(DocumentError) -> AccessRequest {
        AccessRequest(
            try parse(try PolicyFields.required("operation", fields, in: document), PolicyFields.operation),
            of: try optional(fields["key"], "a key id in lower case") { KeyID($0) } ?? noKey,
            by: try PolicyFields.required("principal", fields, in: document).string(),
            because: try fields["justification"].map { (member) throws(DocumentError) in try parse(member, justification) } ?? .missing,
            resource: try fields["resource"]?.string(), perimeter: try fields["perimeter"]?.string(),
            from: try optional(fields["address"], "an IPv4 or IPv6 address") { IPAddress($0) },
            at: try optional(fields["time"], "a time such as \(defaultTime)", RFC3339.parse) ?? noon,
            attestation: try fields["attestation"].map(attestation),
            as: try fields["caller"].map { (member) throws(DocumentError) in
                try (member.isScalar ? PolicyFields.caller(member) : PolicyFields.callers(member))
            } ?? .service,
            with: TokenFacts(
                authentication: try fields["authentication"].map(claims), authorization: try fields["authorization"].map(claims)))
    }

    private static let noKey = KeyID(bytes: UUIDBytes([UInt8](repeating: 0, count: 16))!)
    private static let noon = RFC3339.parse(defaultTime)!

    private static func parse<T>(
        _ document: StrictDocument, _ make: (String) throws(Complaint) -> T
    ) throws(DocumentError) -> T {
        let text = try document.string()
        do { return try make(text) } catch { throw document.error(error.message) }
    }

    private static func optional<T>(
        _ document: StrictDocument?, _ expected: String, _ make: (String) -> T?
    ) throws(DocumentError) -> T? {
        guard let document else { return nil }
        guard let value = make(try document.string()) else { throw document.error("expected \(expected)") }
        return value
    }

    /// A code by name or number, `missing`, `unknown`, or `unknown:` and the text that came.
    private static func justification(_ text: String) throws(Complaint) -> Justification {
        if let number = Int(text), Justification.codes.indices.contains(number) { return Justification(number: number) }
        if text.hasPrefix("unknown:") { return .unknown(String(text.dropFirst(8))) }
        return try PolicyFields.justification(text)
    }

    /// A token's claims: texts, numbers, true or false, and lists of texts.
    private static func claims(_ document: StrictDocument) throws(DocumentError) -> JSONValue {
        var members: [(name: String, value: JSONValue)] = []
        for (name, value) in try document.entries() { members.append((name, try claim(value))) }
        return .object(members)
    }

    private static func claim(_ document: StrictDocument) throws(DocumentError) -> JSONValue {
        if document.isSequence { return .strings(try document.strings()) }
        if let bool = try? document.bool() { return .bool(bool) }
        if let number = try? document.integer() { return .integer(Int64(number)) }
        return .string(try document.string())
    }

    private static func attestation(_ document: StrictDocument) throws(DocumentError) -> AttestationFacts {
        let members = try document.members(["zone", "project", "instance", "confidential"])
        return AttestationFacts(
            zone: try members["zone"]?.string(), project: try members["project"]?.string(),
            instance: try members["instance"]?.string(), confidential: try members["confidential"]?.bool() ?? false)
    }
}

/// What became of one case.
package struct PolicyTestResult: Sendable {
    /// The case's name.
    package let name: String
    /// What was expected and did not happen; empty if the case passes.
    package let failures: [String]
    /// The decision and each rule's part in it.
    package let explanation: PolicyExplanation

    /// Whether everything was as expected.
    package var passed: Bool { failures.isEmpty }

    init(_ test: PolicyTestSuite.Case, _ explanation: PolicyExplanation) {
        let (granted, cause, rule, obligations): (Bool, String?, String?, Obligations) =
            switch explanation.outcome {
            case .allowed(let rule, let obligations): (true, nil, rule, obligations)
            case .refused(let rejection): (false, rejection.cause.name, rejection.rule, rejection.obligations)
            }
        var failures: [String] = []
        func expect(_ what: String, _ expected: String, _ found: String) {
            if expected != found { failures.append("expected \(what) \(expected), found \(found)") }
        }
        expect("the decision", test.expectsGrant ? "allow" : "deny", granted ? "allow" : "deny")
        if let expected = test.cause { expect("the cause", expected, cause ?? "none") }
        if let expected = test.rule { expect("the rule", expected, rule ?? "none") }
        if let expected = test.obligations { expect("the obligations", "\(expected.names)", "\(obligations.names)") }
        (name, self.failures, self.explanation) = (test.name, failures, explanation)
    }

    /// `pass  name`, or `FAIL  name` with what was expected and the explanation.
    package var text: String {
        guard !passed else { return "pass  \(name)" }
        return (["FAIL  \(name)"] + failures.map { "  \($0)" } + ["  \(explanation.text)"]).joined(separator: "\n")
    }
}
