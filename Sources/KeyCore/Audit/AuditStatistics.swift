package import Primitives

/// How many records of which kind there are in a time.
package struct AuditStatistics: Sendable, Equatable {
    /// How many have one value.
    package struct Count: Sendable, Equatable {
        package let value: String
        package let count: Int64
    }

    /// How many of one outcome there are in an hour or a day.
    package struct Bar: Sendable, Equatable {
        package let start: Instant
        package let outcome: String
        package let count: Int64
    }

    package var total: Int64 = 0
    /// In the order of time; intervals without records are left out.
    package var bars: [Bar] = []
    /// Most frequent first, as are the others.
    package var events: [Count] = []
    package var outcomes: [Count] = []
    package var causes: [Count] = []
    package var endpoints: [Count] = []
    package var principals: [Count] = []
    package var resources: [Count] = []
}

extension AuditSearch {
    /// Counts what a query finds.
    /// - Parameters:
    ///   - seconds: the length of a bar.
    ///   - top: how many values of each kind at most.
    package func statistics(_ query: AuditQuery, seconds: Int64, top: Int) async throws(StoreError) -> AuditStatistics {
        try await StoreError.typed {
            try await database.read { connection in
                var statistics = AuditStatistics()
                let condition = AuditCondition(query)
                statistics.total = try connection.query(
                    "SELECT COUNT(*) AS total FROM audit_records WHERE \(condition.sql)", condition.arguments
                ).first?.integer("total") ?? 0
                statistics.bars = try AuditSearch.bars(query, seconds, in: connection)
                statistics.events = try AuditSearch.counts("event", query, top, in: connection)
                statistics.outcomes = try AuditSearch.counts("outcome", query, top, in: connection)
                statistics.causes = try AuditSearch.counts("cause", query, top, in: connection)
                statistics.endpoints = try AuditSearch.counts("endpoint", query, top, in: connection)
                statistics.principals = try AuditSearch.counts("principal", query, top, in: connection)
                statistics.resources = try AuditSearch.counts("resource", query, top, in: connection)
                return statistics
            }
        }
    }

    private static func bars(
        _ query: AuditQuery, _ seconds: Int64, in connection: borrowing SQLConnection
    ) throws(SQLError) -> [AuditStatistics.Bar] {
        var condition = AuditCondition(query)
        let size = condition.add(.integer(seconds * 1_000_000_000))
        let rows = try connection.query(
            """
            SELECT CAST(at / \(size) AS {BIGINT}) AS bar, outcome, COUNT(*) AS count FROM audit_records
            WHERE outcome IS NOT NULL AND \(condition.sql) GROUP BY 1, 2 ORDER BY 1, 2
            """, condition.arguments)
        var bars: [AuditStatistics.Bar] = []
        for row in rows {
            bars.append(AuditStatistics.Bar(
                start: Instant(seconds: try row.integer("bar") * seconds), outcome: try row.text("outcome"),
                count: try row.integer("count")))
        }
        return bars
    }

    private static func counts(
        _ column: StaticString, _ query: AuditQuery, _ top: Int, in connection: borrowing SQLConnection
    ) throws(SQLError) -> [AuditStatistics.Count] {
        var condition = AuditCondition(query)
        let limit = condition.add(.integer(Int64(top)))
        let rows = try connection.query(
            """
            SELECT \(column) AS value, COUNT(*) AS count FROM audit_records WHERE \(column) IS NOT NULL AND \(condition.sql)
            GROUP BY \(column) ORDER BY 2 DESC, 1 LIMIT \(limit)
            """, condition.arguments)
        var counts: [AuditStatistics.Count] = []
        for row in rows { counts.append(AuditStatistics.Count(value: try row.text("value"), count: try row.integer("count"))) }
        return counts
    }
}
