import KeyCore
import Primitives

/// What is found out in the database.
extension AlertChecks {
    /// Of one kind no more than this: a thousand alerts tell nobody anything.
    private static let limit: Int64 = 200

    /// Refusals of the last five minutes, by endpoint and by address.
    func refusals(_ threshold: Int64, _ now: Instant) async throws -> [AlertCondition] {
        guard threshold > 0 else { return [] }
        var found: [AlertCondition] = []
        for (column, word) in [("endpoint", "endpoint"), ("remote", "address")] {
            let rows = try await stores.database.query(
                """
                SELECT \(column) AS subject, COUNT(*) AS count FROM audit_records
                WHERE outcome = 'refused' AND at >= $1 AND \(column) IS NOT NULL GROUP BY \(column) HAVING COUNT(*) >= $2
                ORDER BY 2 DESC, 1 LIMIT $3
                """,
                [.integer((now - .seconds(300)).nanoseconds), .integer(threshold), .integer(AlertChecks.limit)])
            for row in rows {
                found.append(AlertCondition(
                    .refusals, try row.integer("count") >= threshold * 10 ? .critical : .warning, "\(word):\(try row.text("subject"))",
                    "at least \(threshold) refusals in five minutes; see the audit"))
            }
        }
        return found
    }

    /// Material that will be destroyed soon.
    func destructions(_ hours: Int64, _ now: Instant) async throws -> [AlertCondition] {
        guard hours > 0 else { return [] }
        return try await stores.database.query(
            """
            SELECT key_versions.key_id AS id, key_versions.number AS number, key_versions.destroy_at AS at, keys.name AS name
            FROM key_versions JOIN keys ON keys.id = key_versions.key_id
            WHERE key_versions.destroy_at < $1 AND key_versions.state <> 'destroyed' ORDER BY 3, 1 LIMIT $2
            """, [.integer((now + .seconds(hours * 3600)).nanoseconds), .integer(AlertChecks.limit)]
        ).map { row in
            let time = RFC3339.string(Instant(nanoseconds: try row.integer("at")))
            return AlertCondition(
                .destructionDue, .critical, "key:\(try row.text("id"))/\(try row.integer("number"))",
                "version \(try row.integer("number")) of “\(try row.text("name"))” will be destroyed at \(time), which nothing can undo")
        }
    }

    /// Keys that expire soon, or have.
    func keys(_ days: Int64, _ now: Instant) async throws -> [AlertCondition] {
        try await expiring(
            "SELECT id, name, expires_at FROM keys WHERE expires_at < $1 AND state <> 'destroyed' ORDER BY expires_at, id LIMIT $2",
            .keyExpiry, "key", days, now)
    }

    /// API tokens that expire soon; those that have are no use to anybody.
    func tokens(_ days: Int64, _ now: Instant) async throws -> [AlertCondition] {
        try await expiring(
            "SELECT id, name, expires_at FROM api_tokens WHERE expires_at < $1 ORDER BY expires_at, id LIMIT $2", .tokenExpiry, "token",
            days, now, includesPast: false)
    }

    private func expiring(
        _ statement: String, _ kind: AlertKind, _ word: String, _ days: Int64, _ now: Instant,
        includesPast: Bool = true
    ) async throws -> [AlertCondition] {
        guard days > 0 else { return [] }
        return try await stores.database.query(
            statement, [.integer((now + .seconds(days * 86400)).nanoseconds), .integer(AlertChecks.limit)]
        ).compactMap { row in
            let end = Instant(nanoseconds: try row.integer("expires_at"))
            guard includesPast || end > now else { return nil }
            let isClose = end < now + .seconds(days * 86400 / 4)
            return AlertCondition(
                kind, isClose ? .critical : .warning, "\(word):\(try row.text("id"))",
                AlertChecks.expiry("the \(word) “\(try row.text("name"))”", end, now))
        }
    }

    /// The last backup of everything that was made here is too long ago, or there is none. Those that were brought say nothing of this place.
    func lateBackups(_ hours: Int64, _ now: Instant) async throws -> [AlertCondition] {
        let schedule = try await BackupScheduleStore(database: stores.database).read()
        guard let limit = hours > 0 ? .seconds(hours * 3600) : schedule.period(at: now).map({ $0 * 2 }) else { return [] }
        let rows = try await stores.database.query(
            "SELECT created_at, header FROM backups WHERE origin IN ($1, $2) ORDER BY created_at DESC",
            [.text(StoredBackup.Origin.made.rawValue), .text(StoredBackup.Origin.scheduled.rawValue)])
        let last = try rows.first { row throws(SQLError) in
            let header = try? JSONValue(parsing: Array(try row.text("header").utf8))
            return header?["scope"]?.string == BackupHeader.Scope.all.rawValue
        }.map { row throws(SQLError) in Instant(nanoseconds: try row.integer("created_at")) }
        let since = last ?? (hours > 0 ? Instant(nanoseconds: 0) : schedule.changedAt)
        guard now - since > limit else { return [] }
        let detail = last.map { "the last backup of everything was made at \(RFC3339.string($0))" } ?? "there is no backup of everything"
        return [AlertCondition(.backupLate, .warning, "backups", detail)]
    }
}
