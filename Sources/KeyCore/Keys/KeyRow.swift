import Primitives

/// Keys as rows: the one place that reads and derives them.
enum KeyRow {
    static let columns: StaticString = """
        id, name, purpose, algorithm, source, created_at, description, labels, expires_at, exportable, export_policy_id, state,
        version_count, revision, updated_at
        """
    /// What stands for “never” in `expires_at`.
    static let never = Int64.max

    static func find(_ id: KeyID, _ connection: borrowing SQLConnection) throws -> Key {
        guard let key = try first("id", id.description, connection) else { throw StoreError.notFound("key \(id)") }
        return key
    }

    static func first(_ column: StaticString, _ value: String, _ connection: borrowing SQLConnection) throws -> Key? {
        let rows = try connection.query("SELECT \(columns) FROM keys WHERE \(column) = $1", [.text(value)])
        return try rows.first.map { try key($0, connection) }
    }

    static func key(_ row: SQLRow, _ connection: borrowing SQLConnection) throws -> Key {
        let summary = try summary(row)
        let rows = try connection.query(
            "SELECT number, state, created_at, destroy_at, origin FROM key_versions WHERE key_id = $1 ORDER BY number DESC",
            [.text(summary.id.description)])
        return Key(summary: summary, versions: try rows.map(version))
    }

    static func summary(_ row: SQLRow) throws -> KeySummary {
        let text = try row.text("id")
        guard let id = KeyID(text), let purpose = KeyPurpose(rawValue: try row.text("purpose")),
            let algorithm = KeyAlgorithm(rawValue: try row.text("algorithm")),
            let labels = KeyLabels.parse(try row.text("labels"))
        else { throw StoreError.corrupt("key \(text)") }
        var summary = KeySummary(
            id: id, name: try row.text("name"), purpose: purpose, algorithm: algorithm, source: KeySourceID(try row.text("source")),
            createdAt: Instant(nanoseconds: try row.integer("created_at")))
        (summary.description, summary.labels) = (try row.text("description"), labels)
        let expiry = try row.integer("expires_at")
        summary.expiresAt = expiry == never ? nil : Instant(nanoseconds: expiry)
        summary.isExportable = try row.boolean("exportable")
        if let policy = try row.optionalText("export_policy_id") {
            guard let id = PolicyID(policy) else { throw StoreError.corrupt("the export policy of key \(text)") }
            summary.exportPolicy = id
        }
        (summary.state, summary.versionCount) = (try state(try row.text("state")), try row.integer("version_count"))
        (summary.revision, summary.updatedAt) = (try row.integer("revision"), Instant(nanoseconds: try row.integer("updated_at")))
        return summary
    }

    static func version(_ row: SQLRow) throws -> KeyVersion {
        guard let origin = KeyVersion.Origin(rawValue: try row.text("origin")) else { throw StoreError.corrupt("a key version's origin") }
        return KeyVersion(
            number: try number(row), state: try state(try row.text("state")), createdAt: Instant(nanoseconds: try row.integer("created_at")),
            destroyAt: try row.optionalInteger("destroy_at").map { Instant(nanoseconds: $0) }, origin: origin)
    }

    static func number(_ row: SQLRow) throws -> KeyVersionNumber {
        guard let number = KeyVersionNumber(exactly: try row.integer("number")) else { throw StoreError.corrupt("a key version's number") }
        return number
    }

    static func state(_ text: String) throws(StoreError) -> KeyState {
        guard let state = KeyState(rawValue: text) else { throw .corrupt("key state \(text)") }
        return state
    }

    static func state(of id: KeyID, _ version: KeyVersionNumber, _ connection: borrowing SQLConnection) throws -> KeyState {
        let rows = try connection.query(
            "SELECT state FROM key_versions WHERE key_id = $1 AND number = $2", [.text(id.description), .integer(Int64(version))])
        guard let row = rows.first else { throw StoreError.notFound("version \(version) of key \(id)") }
        return try state(try row.text("state"))
    }

    /// Ends a change: what the key's row repeats of its versions, revision, change log; the key as it is now.
    static func settle(
        _ id: KeyID, expecting expected: Int64?, at now: Instant, _ connection: borrowing SQLConnection
    ) throws -> Key {
        try Revision.advance("keys", id.description, called: "key \(id)", expecting: expected, at: now, connection)
        let counts = try connection.query("SELECT COUNT(*) AS count FROM key_versions WHERE key_id = $1", [.text(id.description)])
        let newest = try connection.query(
            "SELECT state FROM key_versions WHERE key_id = $1 ORDER BY number DESC LIMIT 1", [.text(id.description)])
        try connection.execute(
            "UPDATE keys SET version_count = $2, state = $3 WHERE id = $1",
            [
                .text(id.description), .integer(try counts.first?.integer("count") ?? 0),
                .text(try newest.first?.text("state") ?? KeyState.destroyed.rawValue),
            ])
        try ChangeLog.record(.key, id.description, at: now, in: connection)
        return try find(id, connection)
    }
}
