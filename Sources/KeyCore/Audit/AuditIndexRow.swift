import Primitives

/// A record as the audit index holds it.
struct AuditIndexRow {
    static let insertion = """
        INSERT INTO audit_records (
            node, seq, at, event, outcome, request, endpoint, key, principal, actor, project, resource, cause, remote, text, line,
            caller_request)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        ON CONFLICT (node, seq) DO UPDATE SET
            at = excluded.at, event = excluded.event, outcome = excluded.outcome, request = excluded.request,
            endpoint = excluded.endpoint, key = excluded.key, principal = excluded.principal, actor = excluded.actor,
            project = excluded.project, resource = excluded.resource, cause = excluded.cause, remote = excluded.remote, text = excluded.text,
            line = excluded.line, caller_request = excluded.caller_request
        """

    /// The members in which a search for text looks.
    private static let texts = [
        "event", "request", "caller_request", "endpoint", "endpoint_name", "key", "principal", "project", "resource", "justification", "cause", "remote",
        "actor", "target",
    ]

    let arguments: [SQLValue]

    init(_ entry: AuditEntry) {
        func column(_ name: String) -> SQLValue { .optional(entry[name]) }
        let words = AuditIndexRow.texts.compactMap { entry[$0]?.lowercased() }.joined(separator: "\n")
        arguments = [
            .text(entry.node.description), .integer(Int64(entry.seq)), .integer(entry.time?.nanoseconds ?? 0), .text(entry.event),
            column("outcome"), column("request"), column("endpoint"), column("key"), column("principal"), column("actor"),
            column("project"), column("resource"), column("cause"), column("remote"), .text(words), .text(String(decoding: entry.line, as: UTF8.self)),
            column("caller_request"),
        ]
    }
}
