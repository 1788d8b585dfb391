import Primitives

/// What becomes of present rows that the backup doesn't know.
extension RestoreComparison {
    /// Whether such a row goes or stays; nil if it isn't concerned.
    mutating func fate(
        of row: SQLRow, _ table: SQLTable, _ staged: borrowing SQLConnection, _ live: borrowing SQLConnection
    ) throws -> RestorePlan.NamedChange.Change? {
        // Only of a user who is in the backup, too; of one who goes, the passwords go as well.
        if try staysWithPassword(row, table, in: staged) { return nil }
        if table.name == CacheOnlyRows.table, replaced.contains(try row.value("id")) { return .removed }
        let owner = table.references.first
        if staging.header.scope == .selected {  // concerned is only what is part of something that comes from the backup
            guard let owner, !RestoreRules.neverRemoved.contains(table.name), RestoreRules.isPart(table) else { return nil }
            return try refersToStaged(row, owner, staged) && !isSkipped(row, table) ? .removed : nil
        }
        if RestoreRules.neverRemoved.contains(table.name) { return .kept }
        if let kind = RestoreRules.guards[table.name], try row.boolean("enabled") {
            let reference = RestoreComparison.reference(kind, try table.key(of: row))
            if !revive(kind, reference, name: try RestoreLabel.of(row, table, live, live), now: "enabled", inBackup: "absent") { return .kept }
        }
        if try isAdministrator(row, table) { return try parentsStay(row, table, staged) ? .kept : .removed }
        // What describes a key that is kept is kept with it.
        if let owner, table.references.allSatisfy({ $0.table == "keys" || $0.table == "key_versions" }) {
            return try refersToStaged(row, owner, staged) ? .removed : .kept
        }
        // A part of something that doesn't come from the backup stays with it, unless something else that it links goes.
        if let owner, RestoreRules.isPart(table), case let whole = try row.value(owner.columns[0]),
            skipped[owner.table]?.contains(whole) == true || kept[owner.table]?.contains(whole) == true
        { return try parentsStay(row, table, staged) ? .kept : .removed }
        return try isHeld(row, table, staged, live) ? .kept : .removed
    }

    /// Whether all that a present row refers to stays: it is in the backup, too, or is kept.
    private func parentsStay(_ row: SQLRow, _ table: SQLTable, _ staged: borrowing SQLConnection) throws -> Bool {
        for reference in table.references where reference.columns.count == 1 {
            let value = try row.value(reference.columns[0])
            if value == .null || kept[reference.table]?.contains(value) == true { continue }
            guard try refersToStaged(row, reference, staged) else { return false }
        }
        return true
    }

    /// Whether something that stays refers to a present row.
    private func isHeld(
        _ row: SQLRow, _ table: SQLTable, _ staged: borrowing SQLConnection, _ live: borrowing SQLConnection
    ) throws -> Bool {
        for other in tables {
            for reference in other.references where reference.table == table.name && reference.columns.count == 1 {
                let value = try row.value(reference.targets[0])
                for user in try live.query("SELECT \(other.columnList) FROM \(other.name) WHERE \(reference.columns[0]) = $1", [value]) {
                    if try stays(user, other, staged) { return true }
                }
            }
        }
        for loose in RestoreRules.looseReferences where loose.target == table.name {
            let key = try table.key(of: row)
            if try !live.query("SELECT 1 AS present FROM \(loose.table) WHERE \(loose.column) = $1 AND enabled = 1", key).isEmpty { return true }
        }
        return false
    }

    /// Whether a present row stays as it is.
    private func stays(_ row: SQLRow, _ table: SQLTable, _ staged: borrowing SQLConnection) throws -> Bool {
        if try isSkipped(row, table) { return true }
        guard RestoreRules.neverRemoved.contains(table.name) else { return false }
        return try staged.query("SELECT 1 AS present FROM \(table.name) WHERE \(table.keyMatch())", table.key(of: row)).isEmpty
    }

    private func refersToStaged(_ row: SQLRow, _ reference: SQLReference, _ staged: borrowing SQLConnection) throws -> Bool {
        let condition = reference.targets.enumerated().map { "\($1) = $\($0 + 1)" }.joined(separator: " AND ")
        let values = try reference.columns.map { column throws(SQLError) in try row.value(column) }
        return try !staged.query("SELECT 1 AS present FROM \(reference.table) WHERE \(condition)", values).isEmpty
    }

    // MARK: Accounts

    /// Whether a row goes with the password of a user who is on the other side, too, and that password stands.
    func staysWithPassword(_ row: SQLRow, _ table: SQLTable, in other: borrowing SQLConnection) throws -> Bool {
        guard RestoreRules.passwordTables.contains(table.name), case let user = try row.value("user_id") else { return false }
        return try !resurrect.contains("password:\(user.word)") && !other.query("SELECT id FROM users WHERE id = $1", [user]).isEmpty
    }

    /// The present administrators, if after the restore nobody else would be one: somebody must remain who can manage accounts.
    func lastAdministrators(_ staged: borrowing SQLConnection, _ live: borrowing SQLConnection) throws -> Set<SQLValue> {
        guard staging.header.scope == .all, hasAccounts else { return [] }
        let group = SQLValue.text(RestoreRules.administrators)
        let members = "SELECT u.id AS id FROM users u JOIN group_members m ON m.user_id = u.id WHERE m.group_id = $1 AND u.enabled = 1"
        for row in try staged.query(members, [group]) {
            let id = try row.value("id")
            if skipped["users"]?.contains(id) == true || skipped["group_members"]?.contains(RestoreComparison.identity([group, id])) == true { continue }
            let isDisabled = try !live.query("SELECT id FROM users WHERE id = $1 AND enabled = 0", [id]).isEmpty
            if !isDisabled || resurrect.contains("user:\(id.word)") { return [] }
        }
        return Set(try live.query(members, [group]).map { row throws(SQLError) in try row.value("id") })
    }

    /// Whether a row is one of `administrators`, their membership, or belongs to one whom the backup doesn't know.
    private func isAdministrator(_ row: SQLRow, _ table: SQLTable) throws -> Bool {
        guard !administrators.isEmpty else { return false }
        if table.name == "users" { return administrators.contains(try row.value("id")) }
        guard table.columnNames.contains("user_id"), case let user = try row.value("user_id"), administrators.contains(user) else { return false }
        if kept["users"]?.contains(user) == true { return true }
        return table.name == "group_members" ? try row.value("group_id") == .text(RestoreRules.administrators) : false
    }

    /// Says what somebody should know who confirms the plan.
    mutating func warn(_ staged: borrowing SQLConnection, _ live: borrowing SQLConnection) throws {
        var names: [String] = []
        for row in try live.query("SELECT id, name FROM users ORDER BY name") where administrators.contains(try row.value("id")) {
            names.append("“\(try row.text("name"))”")
        }
        if !names.isEmpty {
            plan.warnings.append(
                "nobody who is an administrator in the backup comes back, so the present ones stay (\(names.prefix(10).joined(separator: ", "))): "
                    + "to have the backup's accounts, name them in “resurrect”, as user:* and group_member:*")
        }
        try warnOfCertificates(staged, live)
    }
}
