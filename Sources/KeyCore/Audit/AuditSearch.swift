package import Primitives

/// Which records of the audit index are wanted; all that is set must hold.
package struct AuditQuery: Sendable, Equatable {
    /// The columns that are compared exactly; where several are, the first of these drives the search by its index.
    package enum Column: String, Sendable, CaseIterable {
        case request
        case callerRequest = "caller_request"
        case key, endpoint, principal, actor, outcome, project, resource, cause, remote, node
    }

    package var values: [Column: String] = [:]
    /// What the event's name begins with.
    package var eventPrefix: String?
    /// Somewhere in the record's texts; case doesn't matter.
    package var text: String?
    /// Not before this.
    package var since: Instant?
    /// Before this.
    package var until: Instant?

    /// All records.
    package init() {}
}

/// A record's place in the order of time.
package struct AuditPlace: Sendable, Equatable {
    package let time: Instant
    package let seq: Int64
    package let node: String

    /// A place as given.
    package init(time: Instant, seq: Int64, node: String) { (self.time, self.seq, self.node) = (time, seq, node) }
}

/// A record from the audit index.
package struct AuditHit: Sendable {
    package let place: AuditPlace
    /// The journal's line.
    package let line: String
}

/// Reads the audit index.
package struct AuditSearch: Sendable {
    let database: any SQLDatabase

    /// Over an open database.
    package init(database: any SQLDatabase) { self.database = database }

    /// Records in the order of time.
    /// - Parameters:
    ///   - after: the last one of the page before.
    ///   - newestFirst: or else oldest first.
    package func records(
        _ query: AuditQuery, after: AuditPlace? = nil, newestFirst: Bool = true, limit: Int
    ) async throws(StoreError) -> [AuditHit] {
        try await StoreError.typed {
            try await database.read { try AuditSearch.records(query, after: after, newestFirst: newestFirst, limit: limit, in: $0) }
        }
    }

    /// The same with the number of all that match, seen at one moment.
    package func page(
        _ query: AuditQuery, after: AuditPlace?, newestFirst: Bool, limit: Int
    ) async throws(StoreError) -> (hits: [AuditHit], total: Int64) {
        try await StoreError.typed {
            try await database.read { connection in
                let condition = AuditCondition(query)
                let total = try connection.query(
                    "SELECT COUNT(*) AS total FROM audit_records WHERE \(condition.sql)", condition.arguments
                ).first?.integer("total") ?? 0
                let hits = try AuditSearch.records(query, after: after, newestFirst: newestFirst, limit: limit, in: connection)
                return (hits, total)
            }
        }
    }

    private static func records(
        _ query: AuditQuery, after: AuditPlace?, newestFirst: Bool, limit: Int, in connection: borrowing SQLConnection
    ) throws(SQLError) -> [AuditHit] {
        var condition = AuditCondition(query)
        if let after { condition.follow(after, newestFirst: newestFirst) }
        let order = newestFirst ? "DESC" : "ASC"
        let rows = try connection.query(
            """
            SELECT node, seq, at, line FROM audit_records WHERE \(condition.sql)
            ORDER BY at \(order), seq \(order), node \(order) LIMIT \(condition.add(.integer(Int64(limit))))
            """, condition.arguments)
        var hits: [AuditHit] = []
        for row in rows {
            let place = AuditPlace(
                time: Instant(nanoseconds: try row.integer("at")), seq: try row.integer("seq"), node: try row.text("node"))
            hits.append(AuditHit(place: place, line: try row.text("line")))
        }
        return hits
    }
}

/// A query as a condition. The text depends only on which column drives it, not on which others are set, so that there are few
/// different statements; values are arguments.
struct AuditCondition {
    private(set) var sql = "at >= $1 AND at < $2"
    private(set) var arguments: [SQLValue]

    init(_ query: AuditQuery) {
        arguments = [
            .integer(query.since?.nanoseconds ?? .min), .integer(query.until?.nanoseconds ?? .max),
        ]
        let driver = AuditQuery.Column.allCases.first { query.values[$0] != nil }
        if let driver { sql += " AND \(driver.rawValue) = \(add(.optional(query.values[driver])))" }
        for column in AuditQuery.Column.allCases where column != driver {
            let value = add(.optional(query.values[column]))
            sql += " AND (\(column.rawValue) = \(value) OR CAST(\(value) AS TEXT) IS NULL)"
        }
        let prefix = add(.optional(query.eventPrefix))
        let length = add(.integer(Int64(query.eventPrefix?.unicodeScalars.count ?? 0)))
        sql += " AND (substr(event, 1, CAST(\(length) AS INTEGER)) = \(prefix) OR CAST(\(prefix) AS TEXT) IS NULL)"
        let pattern = add(.optional(query.text.map { "%\(AuditCondition.escaped($0.lowercased()))%" }))
        sql += " AND (text LIKE \(pattern) ESCAPE '\\' OR CAST(\(pattern) AS TEXT) IS NULL)"
    }

    /// Only what comes after a place.
    mutating func follow(_ place: AuditPlace, newestFirst: Bool) {
        let sign = newestFirst ? "<" : ">"
        let (at, seq, node) = (add(.integer(place.time.nanoseconds)), add(.integer(place.seq)), add(.text(place.node)))
        sql += " AND at \(sign)= \(at) AND (at \(sign) \(at) OR seq \(sign) \(seq) OR (seq = \(seq) AND node \(sign) \(node)))"
    }

    /// Adds an argument and gives its name.
    mutating func add(_ value: SQLValue) -> String {
        arguments.append(value)
        return "$\(arguments.count)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("%", with: "\\%").replacing("_", with: "\\_")
    }
}
