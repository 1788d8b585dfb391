package import Primitives

/// Which tables backups hold: all but these, so that a new table is in them unless somebody says why not.
package enum BackupTables {
    /// Tables that no backup holds, and why.
    package static let leftOut: [String: String] = [
        "schema_migrations": "belongs to the database, not to what is in it",
        "sealing_keys": "a backup opens with its own passphrase or key, whatever the root key; a restored installation has its own",
        "changes": "the order of changes that this database's servers follow; a restore adds to it",
        "audit_heads": "tells of a journal that is not in the backup; the header repeats it",
        "installation": "who an installation is, and how often it was restored",
        "backups": "the files that it lists are not in the backup",
        "sessions": "whoever was signed in signs in again",
        "api_tokens": "one that was revoked since would work again; new ones are made",
        "recovery_codes": "one that was used since would work again; new ones are made",
        "sign_in_failures": "would lock people out, or let them in, for what is long past",
        "idempotency_keys": "answers to requests that are long past",
        "approvals": "what waited for approval then is asked for again",
        "approval_votes": "belong to approvals",
        "audit_records": "an index of the journal, made from it again",
        "audit_positions": "how far that index is",
        "alerts": "tell of the present, and are raised again",
        "alert_deliveries": "messages under way",
        "salesforce_nonces": "callouts that were answered in the last minutes before it was made",
    ]

    /// The tables that backups hold, each after those that it refers to.
    package static func backedUp(in connection: borrowing SQLConnection) throws -> [SQLTable] {
        try SQLCatalogue.tables(in: connection).filter { leftOut[$0.name] == nil }
    }
}

extension SQLTable {
    /// Statements over this table, composed from names that `SQLCatalogue` has checked.
    var columnList: String { columnNames.joined(separator: ", ") }
    var keyList: String { primaryKey.joined(separator: ", ") }

    /// `a = $1 AND b = $2`, for the primary key.
    func keyMatch(from first: Int = 1) -> String {
        primaryKey.enumerated().map { "\($1) = $\($0 + first)" }.joined(separator: " AND ")
    }

    /// The primary key's values of a row.
    func key(of row: SQLRow) throws(SQLError) -> [SQLValue] {
        var key: [SQLValue] = []
        for name in primaryKey { key.append(try row.value(name)) }
        return key
    }

    /// The row of that primary key.
    func row(_ key: [SQLValue], in connection: borrowing SQLConnection) throws -> SQLRow? {
        try connection.query("SELECT \(columnList) FROM \(name) WHERE \(keyMatch())", key).first
    }

    /// Calls `body` with each row, in the order of the primary key; few are in memory at a time.
    func forEachRow(in connection: borrowing SQLConnection, _ body: (SQLRow) throws -> Void) throws {
        guard !primaryKey.isEmpty else { throw SQLError.misuse("the table \(name) has no primary key") }
        var last: [SQLValue]?
        while true {
            let arguments = primaryKey.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
            let condition = last == nil ? "" : " WHERE (\(keyList)) > (\(arguments))"
            let rows = try connection.query("SELECT \(columnList) FROM \(name)\(condition) ORDER BY \(keyList) LIMIT 200", last ?? [])
            for row in rows { try body(row) }
            guard rows.count == 200, let end = rows.last else { return }
            last = try key(of: end)
        }
    }

    /// Adds a row whose values stand in the order of `columns`.
    func insert(_ values: [SQLValue], in connection: borrowing SQLConnection) throws {
        let arguments = columns.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
        try connection.execute("INSERT INTO \(name) (\(columnList)) VALUES (\(arguments))", values)
    }

    /// Writes all the columns of the row of that primary key.
    func update(_ key: [SQLValue], to values: [SQLValue], in connection: borrowing SQLConnection) throws {
        let assignments = columnNames.enumerated().map { "\($1) = $\($0 + 1)" }.joined(separator: ", ")
        try connection.execute("UPDATE \(name) SET \(assignments) WHERE \(keyMatch(from: columns.count + 1))", values + key)
    }
}
