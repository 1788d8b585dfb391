import Primitives

/// Compares a staged backup with the present rows.
struct RestoreComparison {
    /// What is to happen to a table.
    struct TableWork {
        let table: SQLTable
        var added: [[SQLValue]] = [], changed: [[SQLValue]] = [], removed: [[SQLValue]] = []
        /// Present values that stand, by primary key.
        var standing: [[SQLValue]: [String: SQLValue]] = [:]
    }

    private(set) var plan: RestorePlan
    private(set) var work: [TableWork] = []
    /// Deleted keys that come back.
    private(set) var returning: [String] = []

    private let staging: BackupStaging
    private let sealer: DataSealer
    private let resurrect: Set<String>
    private var digest: [UInt8]
    private var named: Set<String> = []  // which of `resurrect` were found
    private var skipped: [String: Set<SQLValue>] = [:]  // rows that don't come back, by table

    init(_ staging: BackupStaging, sealer: DataSealer, resurrect: Set<String>) {
        (self.staging, self.sealer, self.resurrect) = (staging, sealer, resurrect)
        plan = RestorePlan(header: staging.header)
        digest = Digest.sha256(staging.headerDigest + Array(resurrect.sorted().joined(separator: "\n").utf8))
    }

    /// Looks at every row of both.
    mutating func run(in connection: borrowing SQLConnection) throws {
        let selection = staging.header.scope == .selected
        let deleted = try RestoreComparison.deletedKeys(connection)
        for table in try BackupTables.backedUp(in: connection) {
            let (comparison, changes) = try staging.database.readBlocking { staged in
                var copy = self
                let work = try copy.compare(table, deleted, selection, staged, connection)
                return (copy, work)
            }
            self = comparison
            work.append(changes)
        }
        if let unknown = resurrect.subtracting(named).min() {
            throw BackupError.refused(
                "resurrect: “\(unknown)” names nothing that was stopped after the backup; the plan lists what can be named")
        }
        plan.epoch = try InstallationIdentity.find(in: connection)?.epoch ?? 1
        note(["epoch", "\(plan.epoch)"])
        plan.confirmation = Hex.string(digest)
    }

    // MARK: One table

    private mutating func compare(
        _ table: SQLTable, _ deleted: Set<String>, _ selection: Bool, _ staged: borrowing SQLConnection,
        _ live: borrowing SQLConnection
    ) throws -> TableWork {
        var work = TableWork(table: table)
        var counts = RestorePlan.TableChanges(table: table.name)
        try table.forEachRow(in: staged) { row in
            let key = try table.key(of: row)
            if try isSkipped(row, table) || comesFromDeletedKey(row, table, deleted) {
                if key.count == 1 { skipped[table.name, default: []].insert(key[0]) }
                return
            }
            guard let present = try table.row(key, in: live) else {
                work.added.append(key)
                counts.added += 1
                return try list(.added, row, table)
            }
            if try RestoreRules.belongsToJournal(table.name, present) { return }
            let standing = try standing(row, present, table, live)
            if !standing.isEmpty { work.standing[key] = standing }
            guard try differs(row, present, table, standing) else { return }
            work.changed.append(key)
            counts.changed += 1
            try list(.changed, row, table)
            try notePolicy(row, present, table)
        }
        try table.forEachRow(in: live) { row in
            let key = try table.key(of: row)
            guard try staged.query("SELECT 1 AS present FROM \(table.name) WHERE \(table.keyMatch())", key).isEmpty else { return }
            switch try fate(of: row, table, selection, staged) {
            case .none: return
            case .removed?:
                work.removed.append(key)
                counts.removed += 1
                try list(.removed, row, table)
            default:
                counts.kept += 1
                try list(.kept, row, table)
            }
        }
        if counts.added + counts.changed + counts.removed + counts.kept > 0 { plan.tables.append(counts) }
        return work
    }

    /// What becomes of a present row that the backup doesn't know; nil if it isn't concerned.
    private func fate(
        of row: SQLRow, _ table: SQLTable, _ selection: Bool, _ staged: borrowing SQLConnection
    ) throws -> RestorePlan.NamedChange.Change? {
        if selection {  // concerned is only what is part of something that comes from the backup
            guard let owner = table.references.first, !RestoreRules.neverRemoved.contains(table.name), RestoreRules.isPart(table) else { return nil }
            return try refersToStaged(row, owner, staged) ? .removed : nil
        }
        if RestoreRules.neverRemoved.contains(table.name) { return .kept }
        // What describes a key that is kept is kept with it.
        if let owner = table.references.first, table.references.allSatisfy({ $0.table == "keys" || $0.table == "key_versions" }) {
            return try refersToStaged(row, owner, staged) ? .removed : .kept
        }
        return .removed
    }

    private func refersToStaged(_ row: SQLRow, _ reference: SQLReference, _ staged: borrowing SQLConnection) throws -> Bool {
        let condition = reference.targets.enumerated().map { "\($1) = $\($0 + 1)" }.joined(separator: " AND ")
        let values = try reference.columns.map { column throws(SQLError) in try row.value(column) }
        return try !staged.query("SELECT 1 AS present FROM \(reference.table) WHERE \(condition)", values).isEmpty
    }

    // MARK: What stays stopped

    /// Whether a row belongs to something that doesn't come back.
    private func isSkipped(_ row: SQLRow, _ table: SQLTable) throws -> Bool {
        for reference in table.references {
            // Of a reference with several columns, those to a skipped row's single-column key count.
            guard let rows = skipped[reference.table], reference.columns.count == 1 else { continue }
            if rows.contains(try row.value(reference.columns[0])) { return true }
        }
        return false
    }

    private mutating func comesFromDeletedKey(_ row: SQLRow, _ table: SQLTable, _ deleted: Set<String>) throws -> Bool {
        guard table.name == "keys", case let id = try row.text("id"), deleted.contains(id) else { return false }
        let comesBack = revive("key", "key:\(id)", name: try row.text("name"), now: "deleted", inBackup: "present")
        if comesBack { returning.append(id) }
        return !comesBack
    }

    /// The present values that stand against those of the backup.
    private mutating func standing(
        _ row: SQLRow, _ present: SQLRow, _ table: SQLTable, _ live: borrowing SQLConnection
    ) throws -> [String: SQLValue] {
        guard let rule = RestoreRules.standing.first(where: { $0.table == table.name }), table.columnNames.contains(rule.column) else { return [:] }
        let (now, then) = (try present.value(rule.column), try row.value(rule.column))
        guard let a = rule.order.firstIndex(of: now), let b = rule.order.firstIndex(of: then) else { return [:] }
        var values: [String: SQLValue] = [:]
        if a > b {
            let reference = "\(rule.kind):\(try table.key(of: row).map(\.word).joined(separator: "/"))"
            let name = try RestoreComparison.name(of: present, table, live)
            if revive(rule.kind, reference, name: name, now: rule.word(now), inBackup: rule.word(then)) { return [:] }
            for column in [rule.column] + rule.companions { values[column] = try present.value(column) }
        } else if table.name == "key_versions", case let due = try present.value("destroy_at"), due != .null {
            values["destroy_at"] = due  // a destruction that was scheduled stays scheduled
        }
        return values
    }

    private mutating func revive(_ kind: String, _ reference: String, name: String, now: String, inBackup: String) -> Bool {
        let comesBack = resurrect.contains(reference)
        if comesBack { named.insert(reference) }
        plan.revived.append(RestorePlan.Revived(
            kind: kind, reference: reference, name: name, now: now, inBackup: inBackup, comesBack: comesBack))
        note(["revived", reference, now, inBackup])
        return comesBack
    }

    private static func deletedKeys(_ connection: borrowing SQLConnection) throws -> Set<String> {
        let rows = try connection.query(
            """
            SELECT entity_id AS id FROM changes WHERE entity = $1 UNION SELECT id FROM deleted_keys EXCEPT SELECT id FROM keys
            """, [.text(ChangedEntity.key.rawValue)])
        return Set(try rows.map { row throws(SQLError) in try row.text("id") })
    }

    // MARK: Differences

    private func differs(_ row: SQLRow, _ present: SQLRow, _ table: SQLTable, _ standing: [String: SQLValue]) throws -> Bool {
        let (sealed, derived) = (SealedColumns.of(table.name), RestoreRules.derived[table.name] ?? [])
        for column in table.columnNames where column != "revision" && standing[column] == nil && !derived.contains(column) {
            let (a, b) = (try row.value(column), try present.value(column))
            guard case .blob(let mine) = a, case .blob(let theirs) = b, let place = sealed.first(where: { $0.column == column }) else {
                if a != b { return true }
                continue
            }
            let location = try place.location(of: row)
            if try !staging.values.open(mine, at: location).isEqual(to: sealer.open(theirs, at: location)) { return true }
        }
        return false
    }

    private mutating func notePolicy(_ row: SQLRow, _ present: SQLRow, _ table: SQLTable) throws {
        guard table.name == "policies" else { return }
        let (now, then) = (try present.integer("version"), try row.integer("version"))
        guard now > then else { return }
        plan.newerPolicies.append(RestorePlan.NewerPolicy(
            id: try row.text("id"), name: try present.text("name"), now: now, inBackup: then))
    }

    private mutating func list(_ change: RestorePlan.NamedChange.Change, _ row: SQLRow, _ table: SQLTable) throws {
        let key = try table.key(of: row).map(\.word).joined(separator: "/")
        var parts = [table.name, change.rawValue, key]
        if RestoreRules.weighed.contains(table.name) {
            let sealed = SealedColumns.of(table.name).map(\.column)  // sealed anew each time
            for column in table.columnNames where !sealed.contains(column) { parts.append(try row.value(column).word) }
        }
        if change != .kept { note(parts) }
        guard plan.changes.count < RestorePlan.maxChanges, table.columnNames.contains("name"), let name = try row.optionalText("name") else { return }
        plan.changes.append(RestorePlan.NamedChange(table: table.name, id: key, name: name, change: change))
    }

    /// Makes the confirmation depend on this.
    private mutating func note(_ parts: [String]) {
        var bytes = digest
        for part in parts { bytes += UInt32(part.utf8.count).bigEndianBytes + Array(part.utf8) }
        digest = Digest.sha256(bytes)
    }

    private static func name(of row: SQLRow, _ table: SQLTable, _ live: borrowing SQLConnection) throws -> String {
        guard table.name == "key_versions" else { return try row.text("name") }
        let rows = try live.query("SELECT name FROM keys WHERE id = $1", [try row.value("key_id")])
        return try rows.first?.text("name") ?? ""
    }
}

extension RestoreRules {
    /// Whether rows of the table are parts of what they refer to first, and named by it.
    static func isPart(_ table: SQLTable) -> Bool {
        guard let owner = table.references.first else { return false }
        return owner.columns.count == 1 && table.primaryKey.contains(owner.columns[0])
    }
}

extension RestoreRules.Standing {
    /// The value in a plan's words.
    func word(_ value: SQLValue) -> String { table == "users" ? (value == 1 ? "enabled" : "disabled") : value.word }
}

extension SQLValue {
    /// The value as text, for a plan; never used for bytes that are secret.
    var word: String {
        switch self {
        case .null: ""
        case .integer(let integer): String(integer)
        case .real(let real): "\(real)"
        case .text(let text): text
        case .blob(let blob): Hex.string(Digest.sha256(blob).prefix(8))
        }
    }
}
