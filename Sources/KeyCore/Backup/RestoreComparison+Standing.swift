import Primitives

/// What stands against the backup, within one row.
extension RestoreComparison {
    /// The values that are written instead of the backup's to a row that is there.
    mutating func standing(
        _ row: SQLRow, _ present: SQLRow, _ table: SQLTable, _ live: borrowing SQLConnection
    ) throws -> [String: SQLValue] {
        if try conflicts(row, present, table, live) || outlasts(row, present, table, live) {
            let values = try RestoreComparison.all(present, table)
            return table.name == "key_versions" ? try destruction(row, present, table, values, live) : values
        }
        var values: [String: SQLValue] = [:]
        for column in RestoreRules.volatile[table.name] ?? [] { values[column] = try present.value(column) }
        for rule in RestoreRules.standing where rule.table == table.name {
            try stand(rule, row, present, table, &values, live)
        }
        try standWindow(row, present, table, &values, live)
        try standAuthentication(row, present, table, &values)
        try standPermissions(row, present, table, &values)
        for credential in RestoreRules.credentials where credential.table == table.name {
            guard try differs(row, present, table, in: credential.columns[0]) else { continue }
            let reference = RestoreComparison.reference(credential.kind, try table.key(of: row))
            let name = try RestoreLabel.of(present, table, live, live)
            if revive(credential.kind, reference, name: name, now: "another one", inBackup: "as it was then") { continue }
            for column in credential.columns { values[column] = try present.value(column) }
        }
        return table.name == "key_versions" ? try destruction(row, present, table, values, live) : values
    }

    /// Whether two different materials stand under one name, and the present one stays.
    private mutating func conflicts(
        _ row: SQLRow, _ present: SQLRow, _ table: SQLTable, _ live: borrowing SQLConnection
    ) throws -> Bool {
        guard let (column, kind) = RestoreRules.irreplaceable[table.name], try row.value(column) != .null, try present.value(column) != .null,
            try differs(row, present, table, in: column)
        else { return false }
        let reference = RestoreComparison.reference(kind, try table.key(of: row))
        let comesBack = isNamed(reference)
        if comesBack, kind == "material" { try checkIdentifiers(of: row, reference, live) }
        conflict(kind: kind, reference, try RestoreLabel.of(present, table, live, live), comesBack: comesBack)
        return !comesBack
    }

    /// Whether the present row lets people in, or holds them back, in another way than the backup's, and stays.
    private mutating func outlasts(
        _ row: SQLRow, _ present: SQLRow, _ table: SQLTable, _ live: borrowing SQLConnection
    ) throws -> Bool {
        let isGuard = RestoreRules.guards[table.name] != nil
        guard table.name != "users", let kind = RestoreRules.guards[table.name] ?? (hasAccounts ? RestoreRules.access[table.name] : nil),
            try differs(row, present, table, [:])
        else { return false }
        if isGuard, try !present.boolean("enabled") { return false }
        let name = try RestoreLabel.of(present, table, live, live)
        return try !revive(
            kind, RestoreComparison.reference(kind, table.key(of: row)), name: name, now: isGuard ? "enabled" : "another one",
            inBackup: isGuard ? "another one" : "as it was then", orAll: !isGuard)
    }

    private mutating func stand(
        _ rule: RestoreRules.Standing, _ row: SQLRow, _ present: SQLRow, _ table: SQLTable, _ values: inout [String: SQLValue],
        _ live: borrowing SQLConnection
    ) throws {
        let (now, then) = (try present.value(rule.column), try row.value(rule.column))
        guard let a = rule.order.firstIndex(of: now), let b = rule.order.firstIndex(of: then), a > b else { return }
        let reference = RestoreComparison.reference(rule.kind, try table.key(of: row))
        let name = try RestoreLabel.of(present, table, live, live)
        if revive(rule.kind, reference, name: name, now: rule.word(now), inBackup: rule.word(then)) { return }
        for column in [rule.column] + rule.companions { values[column] = try present.value(column) }
    }

    /// Keeps what a group may, if something of what it could then was taken away since.
    private mutating func standPermissions(
        _ row: SQLRow, _ present: SQLRow, _ table: SQLTable, _ values: inout [String: SQLValue]
    ) throws {
        guard table.name == "user_groups" else { return }
        func permissions(_ row: SQLRow) throws -> Set<Substring> { Set(try row.text("permissions").split(separator: " ")) }
        let taken = try permissions(row).subtracting(permissions(present))
        guard let first = taken.min() else { return }
        let what = taken.count == 1 ? String(first) : "\(first) and \(taken.count - 1) more"
        let reference = RestoreComparison.reference("group_permissions", try table.key(of: row))
        if revive("group_permissions", reference, name: try present.text("name"), now: "without \(what)", inBackup: "with \(what)") { return }
        values["permissions"] = try present.value("permissions")
    }

    // MARK: Scheduled destruction

    /// The moment of destruction is the present one, also if that is none: one that was called off stays called off.
    private mutating func destruction(
        _ row: SQLRow, _ present: SQLRow, _ table: SQLTable, _ values: [String: SQLValue], _ live: borrowing SQLConnection
    ) throws -> [String: SQLValue] {
        let state = KeyState(rawValue: try (values["state"] ?? row.value("state")).word)
        let at = state?.mayBecome(.destroyed) == true ? try present.optionalInteger("destroy_at") : nil
        listDestruction(try table.key(of: row), try RestoreLabel.of(present, table, live, live), at: at, inBackup: try row.optionalInteger("destroy_at"))
        var values = values
        values["destroy_at"] = .optional(at)
        return values
    }

    /// What is written instead to a row that comes back: no key is destroyed before somebody could call it off.
    mutating func destructionOfAdded(_ row: SQLRow, _ table: SQLTable, _ staged: borrowing SQLConnection) throws -> [String: SQLValue]? {
        guard table.name == "key_versions", let then = try row.optionalInteger("destroy_at") else { return nil }
        let at = max(then, (now + RestoreRules.graceOfDestruction).nanoseconds)
        listDestruction(try table.key(of: row), try RestoreLabel.of(row, table, staged, staged), at: at, inBackup: then)
        return ["destroy_at": .integer(at)]
    }

    private mutating func listDestruction(_ key: [SQLValue], _ name: String, at: Int64?, inBackup then: Int64?) {
        guard at != nil || then != nil else { return }
        let reference = RestoreComparison.reference("key_version", key)
        plan.destructions.append(RestorePlan.Destruction(
            reference: reference, name: name, at: at.map { Instant(nanoseconds: $0) }, inBackup: then.map { Instant(nanoseconds: $0) }))
        // Of one that is moved the moment depends on when the restore is.
        note(["destruction", reference, at == nil ? "none" : "some", then.map(String.init) ?? ""])
    }

    // MARK: Differences

    /// Whether a row is another one than the present one, but for what stands, repeats other rows, or changes with every use.
    func differs(_ row: SQLRow, _ present: SQLRow, _ table: SQLTable, _ standing: [String: SQLValue]) throws -> Bool {
        let passed = (RestoreRules.derived[table.name] ?? []).union(RestoreRules.volatile[table.name] ?? []).union(["revision"])
        for column in table.columnNames where !passed.contains(column) {
            if let value = standing[column] {
                if try value != present.value(column) { return true }
            } else if try differs(row, present, table, in: column) {
                return true
            }
        }
        return false
    }

    func differs(_ row: SQLRow, _ present: SQLRow, _ table: SQLTable, in column: String) throws -> Bool {
        let (a, b) = (try row.value(column), try present.value(column))
        guard case .blob(let mine) = a, case .blob(let theirs) = b,
            let place = SealedColumns.of(table.name).first(where: { $0.column == column })
        else { return a != b }
        let location = try place.location(of: row)
        return try !staging.values.open(mine, at: location).isEqual(to: sealer.open(theirs, at: location))
    }

    private static func all(_ present: SQLRow, _ table: SQLTable) throws -> [String: SQLValue] {
        var values: [String: SQLValue] = [:]
        for column in table.columnNames { values[column] = try present.value(column) }
        return values
    }
}

/// What a row is called in a plan.
enum RestoreLabel {
    /// Whether its rows are listed by name.
    static func exists(for table: SQLTable) -> Bool {
        table.columnNames.contains("name") || RestoreRules.access[table.name] != nil || RestoreRules.guards[table.name] != nil
            || table.name == CacheOnlyRows.table
    }

    /// The row's own name, or one made of what it refers to; `here` is where the row stands, `there` the other side.
    static func of(
        _ row: SQLRow, _ table: SQLTable, _ here: borrowing SQLConnection, _ there: borrowing SQLConnection
    ) throws -> String {
        if table.columnNames.contains("name") { return try row.optionalText("name") ?? "" }
        let text = { (column: String) in try row.optionalText(column) ?? "" }
        func name(_ target: String, _ id: String) throws -> String {
            let sql = "SELECT name FROM \(target) WHERE id = $1"
            let found = try here.query(sql, [.text(id)]).first ?? there.query(sql, [.text(id)]).first
            return try found?.text("name") ?? id
        }
        switch table.name {
        case "key_versions": return try name("keys", text("key_id"))
        case "salesforce_keys": return try text("identifier")
        case "group_members": return "\(try name("users", text("user_id"))) in \(try name("user_groups", text("group_id")))"
        case "grants":
            let holder = try row.optionalText("user_id").map { try name("users", $0) } ?? name("user_groups", text("group_id"))
            return "\(holder): \(try text("permissions")) on \(try text("resource_kind")) \(try text("resource_id"))"
        case "user_certificates": return "\(try name("users", text("user_id"))): certificate \(try text("fingerprint").prefix(16))"
        case "user_identities":
            return "\(try name("users", text("user_id"))) as \(try text("subject")) at \(try name("oidc_providers", text("provider_id")))"
        default: return try table.key(of: row).map(\.word).joined(separator: "/")
        }
    }
}
