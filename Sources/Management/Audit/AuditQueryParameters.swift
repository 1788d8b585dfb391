import KeyCore
import Primitives

extension AuditQuery {
    /// The filters of every route that reads the audit.
    static let parameters: [QueryParameter] = [
        QueryParameter("since", .time, "Not before this"), QueryParameter("until", .time, "Before this"),
        QueryParameter("event", .text(1...128), "What the event's name begins with, as ekm. or key.created"),
        QueryParameter("outcome", .oneOf(AuditRecord.Outcome.self), "How it ended"),
        QueryParameter("principal", .text(1...320), "The caller's e-mail address or subject, exactly"),
        QueryParameter("actor", .text(1...320), "Who acted, exactly, as user:alice"),
        QueryParameter("endpoint_id", .id, "The endpoint"), QueryParameter("key_id", .id, "The key"),
        QueryParameter("request_id", .text(1...64), "The request's id"),
        QueryParameter("caller_request_id", .text(1...128), "What the caller calls its request, as Salesforce's requestId, exactly"),
        QueryParameter("project", .text(1...128), "The cloud project or tenant, exactly"),
        QueryParameter("resource", .text(1...1024), "What the key was used for, exactly, as the name of a document"),
        QueryParameter("cause", .text(1...128), "The rule or code that decided, exactly"),
        QueryParameter("remote_address", .text(1...64), "The peer's address, exactly"),
        QueryParameter("node", .text(1...64), "Whose journal"),
        QueryParameter("text", .text(1...200), "Somewhere in the record's texts; case doesn't matter"),
    ]

    private static let columns: [(parameter: String, column: Column)] = [
        ("request_id", .request), ("caller_request_id", .callerRequest), ("key_id", .key), ("endpoint_id", .endpoint),
        ("principal", .principal), ("actor", .actor), ("outcome", .outcome), ("project", .project), ("resource", .resource),
        ("cause", .cause), ("remote_address", .remote), ("node", .node),
    ]

    /// What a request's filters ask for.
    init(_ query: [String: String]) {
        self.init()
        for (parameter, column) in AuditQuery.columns { values[column] = query[parameter] }
        (eventPrefix, text) = (query["event"], query["text"])
        (since, until) = (query["since"].flatMap(RFC3339.parse), query["until"].flatMap(RFC3339.parse))
    }
}

extension AuditPlace {
    /// The place that a page's cursor names.
    /// - Throws: `.invalidField` if it is none.
    init(_ after: (value: JSONValue, id: String)) throws(Problem) {
        let parts = after.id.split(separator: "/", omittingEmptySubsequences: false)
        guard let nanoseconds = after.value.integer, parts.count == 2, let seq = Int64(parts[1]) else {
            throw .invalid("query:cursor", expected: "the next_cursor of an answer with the same sort")
        }
        self.init(time: Instant(nanoseconds: nanoseconds), seq: seq, node: String(parts[0]))
    }

    /// The same for a cursor.
    var cursor: (value: JSONValue, id: String) { (.integer(time.nanoseconds), "\(node)/\(seq)") }
}
