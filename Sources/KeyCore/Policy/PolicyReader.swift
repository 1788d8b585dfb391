package import Primitives

extension AccessPolicy {
    /// Reads a policy in YAML or JSON: our own form (`version: 1`), or CipherTrust's basic policy (`{"basic": …}`).
    /// - Parameters:
    ///   - text: at most 1 MiB.
    ///   - source: the file's name, for errors.
    /// - Throws: the first of `problems`.
    package init(parsing text: String, source: String) throws(DocumentError) {
        var reader = PolicyReader()
        let policy = reader.policy(text, source)
        if let problem = reader.problems.first { throw problem }
        guard let policy else { throw DocumentError(source: source, line: nil, field: "", message: "expected a policy") }
        self = policy
    }

    /// Everything that is wrong with the document; empty if it is a policy.
    package static func problems(in text: String, source: String) -> [DocumentError] {
        var reader = PolicyReader()
        _ = reader.policy(text, source)
        return reader.problems
    }
}

/// Reads documents into policies and notes what is wrong, field by field.
struct PolicyReader {
    /// What is wrong, in the order of reading.
    private(set) var problems: [DocumentError] = []

    static let maxRules = 1000

    /// What `read` returns; nil, and a note, if it throws.
    mutating func note<T>(_ read: () throws(DocumentError) -> T) -> T? {
        do {
            return try read()
        } catch {
            problems.append(error)
            return nil
        }
    }

    mutating func policy(_ text: String, _ source: String) -> AccessPolicy? {
        guard let document = note({ () throws(DocumentError) in try StrictDocument(parsing: text, source: source) }),
            let names = note({ () throws(DocumentError) in try document.entries().map(\.name) })
        else { return nil }
        if names.contains("basic") || names.contains("rego") { return cckmPolicy(document, text) }
        return nativePolicy(document, text)
    }

    private mutating func nativePolicy(_ document: StrictDocument, _ text: String) -> AccessPolicy? {
        guard
            let members = note({ () throws(DocumentError) in
                try document.members(["version", "name", "description", "rules"])
            })
        else { return nil }
        _ = note { () throws(DocumentError) in try PolicyFields.version(members["version"], in: document) }
        let name = note { () throws(DocumentError) in try PolicyFields.name(members["name"], in: document) }
        let summary = note { () throws(DocumentError) in try members["description"]?.string() ?? "" }
        let elements = note { () throws(DocumentError) in
            let list = try PolicyFields.required("rules", members, in: document)
            return try PolicyFields.list(list, of: "rules")
        }
        let rules = self.rules(elements ?? [])
        guard problems.isEmpty, let name, let summary else { return nil }
        return AccessPolicy(name: name, summary: summary, source: text, rules: rules)
    }

    private mutating func rules(_ elements: [StrictDocument]) -> [PolicyRule] {
        var rules: [PolicyRule] = []
        var names: Set<String> = []
        for (index, element) in elements.enumerated() {
            guard index < PolicyReader.maxRules else {
                problems.append(element.error("expected at most \(PolicyReader.maxRules) rules"))
                break
            }
            guard let rule = rule(element) else { continue }
            if names.insert(rule.name).inserted {
                rules.append(rule)
            } else {
                problems.append(element.error("expected a name of its own; “\(rule.name)” occurs twice"))
            }
        }
        return rules
    }

    /// One rule; nil, and notes about each of its wrong fields, if there are any.
    private mutating func rule(_ element: StrictDocument) -> PolicyRule? {
        guard
            let members = note({ () throws(DocumentError) in
                try element.members([
                    "name", "effect", "operations", "principals", "justifications", "callers", "claims", "resources", "perimeters",
                    "networks", "times", "attestation", "obligations",
                ])
            })
        else { return nil }
        let count = problems.count
        let name = note { () throws(DocumentError) in try PolicyFields.name(members["name"], in: element) }
        let effect = note { () throws(DocumentError) in try PolicyFields.effect(members["effect"], in: element) }
        guard let effect else { return nil }
        var rule = PolicyRule(name: name ?? "", effect: effect)
        fill(&rule, members, element)
        return problems.count == count ? rule : nil
    }

    private mutating func fill(_ rule: inout PolicyRule, _ members: [String: StrictDocument], _ element: StrictDocument) {
        if rule.effect == .allow {  // what an allow rule takes in must be written down
            for field in ["operations", "principals", "justifications"] {
                _ = note { () throws(DocumentError) in try PolicyFields.required(field, members, in: element) }
            }
        }
        func optional<T>(
            _ field: String, _ read: (StrictDocument) throws(DocumentError) -> T
        ) -> T? {
            guard let document = members[field] else { return nil }
            return note { () throws(DocumentError) in try read(document) }
        }
        rule.operations = optional("operations", PolicyFields.operations) ?? .any
        rule.principals = optional("principals", PolicyFields.principals)
        rule.justifications = optional("justifications", PolicyFields.justifications) ?? .any
        rule.callers = optional("callers", PolicyFields.callers)
        rule.claims = optional("claims", PolicyFields.claims)
        rule.resources = optional("resources", PolicyFields.resources)
        rule.perimeters = optional("perimeters", PolicyFields.texts)
        rule.networks = optional("networks", PolicyFields.networks)
        rule.times = optional("times", PolicyFields.times)
        rule.attestation = optional("attestation", PolicyFields.attestation)
        rule.obligations = optional("obligations", PolicyFields.obligations) ?? []
    }
}
