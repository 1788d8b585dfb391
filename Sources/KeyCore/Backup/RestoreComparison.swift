import Primitives

/// Compares a staged backup with the present rows.
struct RestoreComparison {
    /// What is to happen to a table.
    struct TableWork {
        let table: SQLTable
        var added: [[SQLValue]] = [], changed: [[SQLValue]] = [], removed: [[SQLValue]] = []
        /// Values that are written instead of the backup's, by primary key.
        var standing: [[SQLValue]: [String: SQLValue]] = [:]
    }

    var plan: RestorePlan
    private(set) var work: [TableWork] = []
    /// Deleted keys that come back.
    private(set) var returning: [String] = []

    let staging: BackupStaging
    let sealer: DataSealer
    let now: Instant
    let resurrect: Set<String>
    private var digest: [UInt8]
    private var named: Set<String> = []  // which of `resurrect` were found
    private(set) var tables: [SQLTable] = []
    /// Whether there are accounts: then what lets somebody in doesn't come back unasked.
    private(set) var hasAccounts = false
    private(set) var skipped: [String: Set<SQLValue>] = [:]  // rows that don't come back, by table
    private(set) var kept: [String: Set<SQLValue>] = [:]  // present rows that the backup doesn't know and that stay, by table
    private(set) var administrators: Set<SQLValue> = []  // who stay because nobody else would be one
    var replaced: Set<SQLValue> = []  // present key identifiers in whose place those of the backup come

    init(_ staging: BackupStaging, sealer: DataSealer, resurrect: Set<String>, now: Instant) {
        (self.staging, self.sealer, self.resurrect, self.now) = (staging, sealer, resurrect, now)
        plan = RestorePlan(header: staging.header)
        digest = Digest.sha256(staging.contentDigest + Array(resurrect.sorted().joined(separator: "\n").utf8))
    }

    /// Looks at every row of both.
    mutating func run(in connection: borrowing SQLConnection) throws {
        let identity = try InstallationIdentity.find(in: connection)
        (plan.epoch, plan.installation) = (identity?.epoch ?? 1, identity?.id ?? "")
        hasAccounts = try !connection.query("SELECT id FROM users LIMIT 1").isEmpty
        tables = try BackupTables.backedUp(in: connection)
        let comparison = try staging.database.readBlocking { staged in
            var copy = self
            try copy.skip(staged, connection)
            copy.administrators = try copy.lastAdministrators(staged, connection)
            for table in tables { copy.work.append(try copy.compare(table, staged, connection)) }
            try copy.warn(staged, connection)
            return copy
        }
        self = comparison
        if let unknown = resurrect.subtracting(named).min() {
            throw BackupError.refused(
                "resurrect: “\(unknown)” names nothing that was stopped after the backup; the plan lists what can be named")
        }
        note(["epoch", "\(plan.epoch)"])
        plan.confirmation = Hex.string(digest)
    }

    // MARK: What doesn't come back

    /// Finds the backup's rows that don't come back, and what belongs to them.
    private mutating func skip(_ staged: borrowing SQLConnection, _ live: borrowing SQLConnection) throws {
        for table in tables {
            if table.name == "keys" {
                for id in try RestoreComparison.deletedKeys(live).sorted() {
                    guard let row = try table.row([.text(id)], in: staged) else { continue }
                    if revive("key", "key:\(id)", name: try row.text("name"), now: "deleted", inBackup: "present") {
                        returning.append(id)
                    } else {
                        skipped["keys", default: []].insert(.text(id))
                    }
                }
            } else if let kind = RestoreRules.access[table.name], hasAccounts {
                try table.forEachRow(in: staged) { row in
                    let key = try table.key(of: row)
                    guard try !isSkipped(row, table), try table.row(key, in: live) == nil else { return }
                    let name = try RestoreLabel.of(row, table, staged, live)
                    let comesBack = revive(
                        kind, RestoreComparison.reference(kind, key), name: name, now: "absent", inBackup: "present", orAll: true)
                    if !comesBack { skipped[table.name, default: []].insert(RestoreComparison.identity(key)) }
                }
            } else if table.references.contains(where: { skipped[$0.table] != nil }) {
                try table.forEachRow(in: staged) { row in
                    if try isSkipped(row, table) { skipped[table.name, default: []].insert(RestoreComparison.identity(try table.key(of: row))) }
                }
            }
        }
    }

    /// Whether a row belongs to something that doesn't come back, or is that itself.
    func isSkipped(_ row: SQLRow, _ table: SQLTable) throws -> Bool {
        if let own = skipped[table.name], own.contains(RestoreComparison.identity(try table.key(of: row))) { return true }
        for reference in table.references where reference.columns.count == 1 {
            if try skipped[reference.table]?.contains(row.value(reference.columns[0])) == true { return true }
        }
        return false
    }

    // MARK: One table

    private mutating func compare(
        _ table: SQLTable, _ staged: borrowing SQLConnection, _ live: borrowing SQLConnection
    ) throws -> TableWork {
        var work = TableWork(table: table)
        if RestoreRules.ofInstallation.contains(table.name), try hasAccounts || !live.query("SELECT 1 AS present FROM \(table.name) LIMIT 1").isEmpty {
            return work
        }
        var counts = RestorePlan.TableChanges(table: table.name)
        try table.forEachRow(in: staged) { row in
            let key = try table.key(of: row)
            guard try !isSkipped(row, table), try !staysWithPassword(row, table, in: live), try takes(row, table, staged, live) else { return }
            guard let present = try table.row(key, in: live) else {
                work.added.append(key)
                counts.added += 1
                if let moved = try destructionOfAdded(row, table, staged) { work.standing[key] = moved }
                return try list(.added, row, table, staged, live)
            }
            if try RestoreRules.belongsToJournal(table.name, present) { return }
            let standing = try standing(row, present, table, live)
            if !standing.isEmpty { work.standing[key] = standing }
            guard try differs(row, present, table, standing) else { return }
            work.changed.append(key)
            counts.changed += 1
            try list(.changed, row, table, staged, live)
            try notePolicy(row, present, table)
        }
        try table.forEachRow(in: live) { row in
            let key = try table.key(of: row)
            guard try staged.query("SELECT 1 AS present FROM \(table.name) WHERE \(table.keyMatch())", key).isEmpty else { return }
            switch try fate(of: row, table, staged, live) {
            case .none: return
            case .removed?:
                work.removed.append(key)
                counts.removed += 1
                try list(.removed, row, table, staged, live)
            default:
                kept[table.name, default: []].insert(RestoreComparison.identity(key))
                counts.kept += 1
                try list(.kept, row, table, staged, live)
            }
        }
        if counts.added + counts.changed + counts.removed + counts.kept > 0 { plan.tables.append(counts) }
        return work
    }

    private static func deletedKeys(_ connection: borrowing SQLConnection) throws -> Set<String> {
        let rows = try connection.query(
            """
            SELECT entity_id AS id FROM changes WHERE entity = $1 UNION SELECT id FROM deleted_keys EXCEPT SELECT id FROM keys
            """, [.text(ChangedEntity.key.rawValue)])
        return Set(try rows.map { row throws(SQLError) in try row.text("id") })
    }

    // MARK: Names and notes

    /// Lists something that was stopped since; whether it comes back.
    mutating func revive(_ kind: String, _ reference: String, name: String, now: String, inBackup: String, orAll: Bool = false) -> Bool {
        let comesBack = isNamed(reference, orAllOf: orAll ? kind : nil)
        plan.revived.append(RestorePlan.Revived(
            kind: kind, reference: reference, name: name, now: now, inBackup: inBackup, comesBack: comesBack))
        note(["revived", reference, now, inBackup])
        return comesBack
    }

    /// Whether `resurrect` has it.
    mutating func isNamed(_ reference: String, orAllOf kind: String? = nil) -> Bool {
        let found = ([reference] + (kind.map { ["\($0):*"] } ?? [])).filter(resurrect.contains)
        named.formUnion(found)
        return !found.isEmpty
    }

    /// `kind:` and the primary key.
    static func reference(_ kind: String, _ key: [SQLValue]) -> String { "\(kind):\(key.map(\.word).joined(separator: "/"))" }

    /// A primary key as one value.
    static func identity(_ key: [SQLValue]) -> SQLValue { key.count == 1 ? key[0] : .text(key.map(\.word).joined(separator: "\u{1F}")) }

    private mutating func notePolicy(_ row: SQLRow, _ present: SQLRow, _ table: SQLTable) throws {
        guard table.name == "policies" else { return }
        let (now, then) = (try present.integer("version"), try row.integer("version"))
        guard now > then else { return }
        plan.newerPolicies.append(RestorePlan.NewerPolicy(
            id: try row.text("id"), name: try present.text("name"), now: now, inBackup: then))
    }

    private mutating func list(
        _ change: RestorePlan.NamedChange.Change, _ row: SQLRow, _ table: SQLTable, _ staged: borrowing SQLConnection,
        _ live: borrowing SQLConnection
    ) throws {
        let key = try table.key(of: row).map(\.word).joined(separator: "/")
        if change != .kept, !RestoreRules.unconfirmed.contains(table.name) {
            var parts = [table.name, change.rawValue, key]
            let sealed = SealedColumns.of(table.name).map(\.column)  // sealed anew each time; the backup's are in its content's digest
            let volatile = RestoreRules.volatile[table.name] ?? []
            for column in table.columnNames where !sealed.contains(column) && !volatile.contains(column) { parts.append(try row.value(column).word) }
            note(parts)
        }
        guard plan.changes.count < RestorePlan.maxChanges, RestoreLabel.exists(for: table) else { return }
        plan.changes.append(RestorePlan.NamedChange(
            table: table.name, id: key, name: try RestoreLabel.of(row, table, staged, live), change: change))
    }

    /// Makes the confirmation depend on this.
    mutating func note(_ parts: [String]) {
        var bytes = digest
        for part in parts { bytes += UInt32(part.utf8.count).bigEndianBytes + Array(part.utf8) }
        digest = Digest.sha256(bytes)
    }
}
