import KeyCore
import Primitives

/// Policies on the wire.
enum PolicySchemas {
    /// The largest document, in characters.
    static let maxSource = 262_144
    static let source = Property.required("source", .text(1...maxSource), "The document: YAML or JSON, ours or CipherTrust's basic policy")
    private static let note = Property.optional("description", ResourceFields.description, "Why this version")

    static let draft = Schema.object(name: "PolicyDraft", [.required("name", .name, "Unique"), source, note])
    static let versionDraft = Schema.object(name: "PolicyVersionDraft", [source, note])

    private static let known: [Property] = [
        .required("id", .id), .required("name", .name), .required("description", .text(0...65_536), "What the document says of itself"),
        .required("version", .integer(1...Int64.max), "The latest, which serves"), .required("rule_count", .integer(0...1000)),
        ResourceFields.revision,
    ] + ResourceFields.times
    static let summary = Schema.object(name: "PolicySummary", known)
    static let policy = Schema.object(name: "Policy", known + [.required("source", .text(0...1_048_576), "Of the latest version")])

    private static let versionKnown: [Property] = [
        .required("policy_id", .id), .required("version", .integer(1...Int64.max)), .required("created_at", .time),
        .required("created_by", .text(0...512), "Who saved it; empty if that is not known"), .required("description", .text(0...1024), "Why"),
    ]
    static let versionSummary = Schema.object(name: "PolicyVersionSummary", versionKnown)
    static let version = Schema.object(name: "PolicyVersion", versionKnown + [.required("source", .text(0...1_048_576))])

    static let diff = Schema.object(name: "PolicyDiff", [
        .required("from", .integer(1...Int64.max)), .required("to", .integer(1...Int64.max)), .required("identical", .boolean),
        .required("diff", .text(0...4_194_304), "Unified, with three lines around each change; empty if they are identical"),
    ])

    static let validation = Schema.object(name: "PolicyValidation", [
        .required("valid", .boolean),
        .required("errors", .array(.object(name: "PolicyFault", [
            .required("line", .nullable(.integer(1...Int64.max))), .required("field", .text(0...1024), "As rules[2].operations"),
            .required("message", .text(0...4096)),
        ]), count: 0...1000)),
        .required("rule_count", .nullable(.integer(0...1000))),
    ])

    static func document(_ policy: StoredPolicy) -> JSONValue {
        [
            "id": .string(policy.id.description), "name": .string(policy.name), "description": .string(policy.policy.summary),
            "version": .integer(policy.version), "rule_count": .integer(Int64(policy.policy.rules.count)),
            "revision": .integer(policy.version), "created_at": .optional(policy.createdAt), "updated_at": .optional(policy.updatedAt),
        ]
    }

    static func document(_ version: PolicyVersion, of id: PolicyID) -> JSONValue {
        [
            "policy_id": .string(id.description), "version": .integer(version.version), "created_at": .optional(version.createdAt),
            "created_by": .string(version.author), "description": .string(version.note),
        ]
    }

    static func document(_ error: DocumentError) -> JSONValue {
        [
            "line": .optional(error.line.map(Int64.init)), "field": .string(AuditText.clean(error.field, limit: 1000)),
            "message": .string(AuditText.clean(error.message, limit: 4000)),
        ]
    }
}

/// The policy in a body.
enum PolicyText {
    /// Reads it.
    /// - Throws: `.invalidField` with every fault of the document, each with its line.
    static func parse(_ body: JSONValue) throws(Problem) -> AccessPolicy {
        let text = body["source"]?.string ?? ""
        do { return try AccessPolicy(parsing: text, source: "source") } catch {
            let faults = AccessPolicy.problems(in: text, source: "source").prefix(16).map { error in
                FieldFault("/source", expected: AuditText.clean("a valid policy; \(error)", limit: 1000))
            }
            throw Problem(
                .invalidField, "the policy is not valid: \(AuditText.clean("\(error)", limit: 1000))",
                remedy: "correct what errors names; POST /api/v1/policies/validate tells all of it", faults: faults)
        }
    }
}
