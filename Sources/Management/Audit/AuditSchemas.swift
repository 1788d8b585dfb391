package import KeyCore
package import Primitives

/// Audit records on the wire.
enum AuditSchemas {
    /// The texts of a record: the journal's member, its name on the wire, what it tells.
    static let texts: [(member: String, name: String, about: String)] = [
        ("request", "request_id", "As in answers and logs"),
        ("caller_request", "caller_request_id", "What the caller calls its request, as Salesforce's requestId"), ("endpoint", "endpoint_id", ""), ("endpoint_name", "endpoint_name", ""),
        ("key", "key_id", ""), ("principal", "principal", "The caller's e-mail address or subject"),
        ("project", "project", "The cloud project or tenant that calls"), ("resource", "resource", "What the key is used for"),
        ("device", "device", "The device that acts for the principal, or is to"), ("message", "message_id", "The mail that the key is used for"),
        ("peer", "peer", "The key service from which a key is taken over, by its URL"),
        ("justification", "justification", "As the caller wrote it"), ("cause", "cause", "The rule or code that decided"),
        ("remote", "remote_address", ""), ("actor", "actor", "Who acted, for acts of management"),
        ("target", "target", "What was acted on, for acts of management"),
    ]
    static let integers: [(member: String, name: String, about: String)] = [
        ("key_version", "key_version", ""), ("status", "status", "The HTTP status of the answer"),
        ("latency_us", "latency_us", "Microseconds from the request's first byte to the record"),
        ("suppressed", "suppressed", "How many similar refusals were not recorded before this one"),
    ]
    private static let own: Set<String> = ["seq", "time", "event", "outcome", "health_check", "obligations", "chain"]

    static let count = Schema.integer(0...(1 << 53))

    static let record = Schema.object(
        name: "AuditRecord",
        [
            .required("node", .text(1...64), "Which server's journal it stands in"), .required("seq", count, "Its number there"),
            .required("time", .time), .required("event", .text(1...128)),
            .required("outcome", .nullable(.oneOf(AuditRecord.Outcome.self)), "null for the journal's own records"),
        ]
            + texts.map { .required($0.name, .nullable(.text(0...1024)), $0.about) }
            + integers.map { .required($0.name, .nullable(.integer(-(1 << 53)...(1 << 53))), $0.about) }
            + [
                .required("health_check", .boolean, "Whether it was only a health check"),
                .required("obligations", .array(.text(0...128), count: 0...16)),
                .required("details", .anything, "What the journal's own records say besides; null for others"),
                .required("chain", .text(0...64), "Its link in the chain of hashes"),
            ])

    static let page = Schema.object(name: "AuditPage", [
        .required("items", .array(record, count: 0...1000), "Newest first, unless sorted by time"),
        .required("total", count, "How many there are on all pages"), .required("next_cursor", .nullable(.text(1...2048))),
        .required("indexed_through", .array(position, count: 0...10_000), "How far each journal was searched"),
        .required("is_complete", .boolean, "Whether everything that was on record when the search began was searched"),
    ])

    static let position = Schema.object(name: "AuditPosition", [
        .required("node", .text(1...64)), .required("seq", count, "The last record that was searched"), .required("time", .time),
    ])

    static let statistics: Schema = {
        let count = Schema.object(name: "AuditCount", [.required("value", .text(0...1024)), .required("count", AuditSchemas.count)])
        let counts = Schema.array(count, count: 0...1000)
        return .object(name: "AuditStatistics", [
            .required("since", .time), .required("until", .time), .required("total", AuditSchemas.count),
            .required("bars", .array(.object(name: "AuditBar", [
                .required("start", .time), .required("outcome", .oneOf(AuditRecord.Outcome.self)), .required("count", AuditSchemas.count),
            ]), count: 0...100_000), "By hour or day and outcome, those without records left out"),
            .required("events", counts, "Most frequent first, as are the others"), .required("outcomes", counts),
            .required("causes", counts), .required("endpoints", counts, "By id"), .required("principals", counts),
            .required("resources", counts, "What keys were used for, as documents and mail keys"),
            .required("indexed_through", .array(position, count: 0...10_000)), .required("is_complete", .boolean),
        ])
    }()

    static let report = Schema.object(name: "AuditVerification", [
        .required("is_intact", .boolean),
        .required("nodes", .array(.object(name: "AuditNodeVerification", [
            .required("node", .text(1...64)), .required("segments", count), .required("records", count, "In order, up to the fault"),
            .required("checkpoints", count), .required("signed_through", count, "The last record that a signed checkpoint vouches for"),
            .required("abandoned", count, "Records that a failing disk left behind, never confirmed to anybody"),
            .required("tamper_notices", count, "How often the journal itself noticed a disturbance"),
            .required("finding", .nullable(.object(name: "AuditFinding", [
                .required("file", .nullable(.text(0...256))), .required("line", .nullable(count)), .required("meaning", .text(0...4096)),
            ])), "The first fault; null if the journal is intact"),
        ]), count: 0...10_000)),
    ])

    // MARK: Documents

    /// A record's document, made from its line in the journal.
    static func document(_ hit: AuditHit) -> JSONValue {
        let line = (try? JSONValue(parsing: Array(hit.line.utf8))) ?? .null
        var members: [(name: String, value: JSONValue)] = [
            ("node", .string(hit.place.node)), ("seq", .integer(hit.place.seq)), ("time", .optional(hit.place.time)),
            ("event", line["event"] ?? ""), ("outcome", line["outcome"] ?? .null),
        ]
        members += texts.map { ($0.name, line[$0.member] ?? .null) }
        members += integers.map { ($0.name, line[$0.member] ?? .null) }
        let known = own.union(texts.map(\.member)).union(integers.map(\.member))
        let details = (line.object ?? []).filter { !known.contains($0.name) }
        members += [
            ("health_check", line["health_check"] ?? false), ("obligations", line["obligations"] ?? []),
            ("details", details.isEmpty ? .null : .object(details)), ("chain", line["chain"] ?? ""),
        ]
        return .object(members)
    }

    static func document(_ status: AuditIndexStatus) -> JSONValue {
        .array(status.nodes.map { ["node": .string($0.node.description), "seq": .integer(Int64($0.seq)), "time": .optional($0.time)] })
    }

    static func document(_ report: AuditReport) -> JSONValue {
        ["is_intact": .bool(report.isIntact), "nodes": .array(report.nodes.map(document))]
    }

    private static func document(_ node: AuditReport.Node) -> JSONValue {
        var finding = JSONValue.null
        if let found = node.finding {
            finding = [
                "file": .optional(found.file), "line": .optional(found.line.map(Int64.init)), "meaning": .string(found.description),
            ]
        }
        return [
            "node": .string(node.node.description), "segments": .integer(Int64(node.segments)), "records": .integer(Int64(node.records)),
            "checkpoints": .integer(Int64(node.checkpoints)), "signed_through": .integer(Int64(node.coveredThrough)),
            "abandoned": .integer(Int64(node.abandoned)), "tamper_notices": .integer(Int64(node.tamperNotices)), "finding": finding,
        ]
    }
}

extension AuditReport {
    /// The report as JSON, as API and command line show it.
    package var document: JSONValue { AuditSchemas.document(self) }
}
