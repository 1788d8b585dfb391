import Primitives

/// Where key identifiers of Salesforce orgs stand.
enum CacheOnlyRows {
    static let table = "salesforce_keys"
    /// What no identifier ever changes.
    static let fixed = ["endpoint_id", "identifier", "key_id", "key_version"]
}

/// Key identifiers of Salesforce orgs: none may ever hand out another key than it did.
extension RestoreComparison {
    /// Whether an identifier of the backup is to be compared or added like any other row; otherwise the present one stays, or none is.
    mutating func takes(
        _ row: SQLRow, _ table: SQLTable, _ staged: borrowing SQLConnection, _ live: borrowing SQLConnection
    ) throws -> Bool {
        guard table.name == CacheOnlyRows.table else { return true }
        let present = try table.row(table.key(of: row), in: live)
        if let present, try !CacheOnlyRows.fixed.contains(where: { try row.value($0) != present.value($0) }) { return true }
        let twin = try present == nil ? table.row(ofIdentifier: row, in: live) : nil
        if let twin, try twin.value("key_id") == row.value("key_id"), try twin.value("key_version") == row.value("key_version") { return false }
        let name = try RestoreLabel.of(row, table, staged, live)
        if let material = try losingMaterial(of: row, staged, live) {
            conflict(kind: "cache_only_key", material, name, comesBack: false)
            return false
        }
        guard present != nil || twin != nil else { return true }
        let reference = RestoreComparison.reference("cache_only_key", try table.key(of: row))
        let comesBack = isNamed(reference)
        conflict(kind: "cache_only_key", reference, name, comesBack: comesBack)
        if comesBack, let twin { replaced.insert(try twin.value("id")) }
        return comesBack
    }

    /// The reference of the backup's key version that an identifier names, if the present one has other material, and keeps it.
    private func losingMaterial(
        of row: SQLRow, _ staged: borrowing SQLConnection, _ live: borrowing SQLConnection
    ) throws -> String? {
        guard let versions = tables.first(where: { $0.name == "key_versions" }) else { return nil }
        let key = [try row.value("key_id"), try row.value("key_version")]
        let sql = "SELECT \(versions.columnList) FROM key_versions WHERE key_id = $1 AND number = $2"
        guard let theirs = try staged.query(sql, key).first, let ours = try live.query(sql, key).first,
            try theirs.value("material") != .null, try ours.value("material") != .null, try differs(theirs, ours, versions, in: "material")
        else { return nil }
        let reference = RestoreComparison.reference("material", try versions.key(of: ours))
        return resurrect.contains(reference) ? nil : reference
    }

    /// Throws `.refused` if an identifier hands out the present material of a version whose place the backup's is to take.
    func checkIdentifiers(of version: SQLRow, _ reference: String, _ live: borrowing SQLConnection) throws {
        let rows = try live.query(
            "SELECT identifier FROM \(CacheOnlyRows.table) WHERE key_id = $1 AND key_version = $2 ORDER BY identifier LIMIT 1",
            [try version.value("key_id"), try version.value("number")])
        guard let row = rows.first else { return }
        throw BackupError.refused(
            "“\(reference)” would give the key identifier “\(try row.text("identifier"))” another key, which Salesforce must never see: leave it out of “resurrect”")
    }

    /// Lists two different things under one name.
    mutating func conflict(kind: String, _ reference: String, _ name: String, comesBack: Bool) {
        plan.conflicts.append(RestorePlan.Conflict(kind: kind, reference: reference, name: name, comesBack: comesBack))
        note(["conflict", kind, reference, name])
    }

    // MARK: When it hands out

    /// Keeps the times in which an identifier hands out its key, if they are narrower now.
    mutating func standWindow(
        _ row: SQLRow, _ present: SQLRow, _ table: SQLTable, _ values: inout [String: SQLValue], _ live: borrowing SQLConnection
    ) throws {
        guard table.name == CacheOnlyRows.table else { return }
        func time(_ column: String, _ row: SQLRow) throws -> Int64? { try row.optionalInteger(column) }
        let ends = (now: try time("not_after", present) ?? .max, then: try time("not_after", row) ?? .max)
        let begins = (now: try time("not_before", present) ?? .min, then: try time("not_before", row) ?? .min)
        guard ends.now < ends.then || begins.now > begins.then else { return }
        let reference = RestoreComparison.reference("cache_only_key", try table.key(of: row))
        let name = try RestoreLabel.of(present, table, live, live)
        func word(_ nanoseconds: Int64, _ preposition: String) -> String {
            nanoseconds == .max || nanoseconds == .min ? "at any time" : "\(preposition) \(RFC3339.string(Instant(nanoseconds: nanoseconds)))"
        }
        let words = ends.now < ends.then
            ? (now: word(ends.now, "until"), then: word(ends.then, "until")) : (now: word(begins.now, "from"), then: word(begins.then, "from"))
        if revive("cache_only_key", reference, name: name, now: words.now, inBackup: words.then) { return }
        for column in ["not_before", "not_after"] { values[column] = try present.value(column) }
    }

    // MARK: Who is let in

    /// Keeps the options of an endpoint that lets callers in by other passwords, signers or certificates than it did.
    mutating func standAuthentication(
        _ row: SQLRow, _ present: SQLRow, _ table: SQLTable, _ values: inout [String: SQLValue]
    ) throws {
        guard table.name == "endpoints", try row.text("options") != present.text("options"),
            RestoreComparison.authentication(try row.text("options")) != RestoreComparison.authentication(try present.text("options"))
        else { return }
        let reference = RestoreComparison.reference("endpoint_options", try table.key(of: row))
        if revive("endpoint_options", reference, name: try present.text("name"), now: "another one", inBackup: "as it was then") { return }
        values["options"] = try present.value("options")
    }

    /// By what an org's endpoint knows its callers; nothing for other doors.
    private static func authentication(_ options: String) -> [JSONValue?] {
        guard let document = try? JSONValue(parsing: Array(options.utf8)) else { return [.string(options)] }
        guard let org = document["salesforce"] else { return [] }
        return ["passwords", "signedToken", "accessToken", "clientCertificates"].map { org[$0] }
    }

    // MARK: To which certificate

    /// Warns of identifiers whose key would be encrypted to a certificate that their endpoint hasn't.
    mutating func warnOfCertificates(_ staged: borrowing SQLConnection, _ live: borrowing SQLConnection) throws {
        guard let kids = work.first(where: { $0.table.name == CacheOnlyRows.table }), let endpoints = work.first(where: { $0.table.name == "endpoints" })
        else { return }
        var rows: [SQLRow] = []
        let others = Set(kids.changed + kids.removed)
        let (fromBackup, gone) = (Set(endpoints.added + endpoints.changed), Set(endpoints.removed))
        try kids.table.forEachRow(in: live) { row in
            if try !others.contains(kids.table.key(of: row)) { rows.append(row) }
        }
        for key in kids.added + kids.changed {
            if let row = try kids.table.row(key, in: staged) { rows.append(row) }
        }
        var lost: [String: [String]] = [:]
        for row in rows {
            let endpoint = [try row.value("endpoint_id")]
            guard !gone.contains(endpoint),
                let found = try fromBackup.contains(endpoint) ? endpoints.table.row(endpoint, in: staged) : endpoints.table.row(endpoint, in: live),
                let id = EndpointID(try found.text("id")), case .text(let text) = try endpoints.standing[endpoint]?["options"] ?? found.value("options"),
                let org = try? EndpointRow.options(text, of: id).salesforce, org.certificate(try row.text("certificate")) == nil
            else { continue }
            lost[try found.text("name"), default: []].append(try row.text("identifier"))
        }
        for (endpoint, identifiers) in lost.sorted(by: { $0.key < $1.key }) {
            let names = identifiers.sorted().prefix(10).map { "“\($0)”" }.joined(separator: ", ")
            plan.warnings.append(
                "the endpoint “\(endpoint)” won't have the certificate of the key identifiers \(names)\(identifiers.count > 10 ? " and others" : ""): "
                    + "callouts for them fail until they are given another of its certificates")
        }
    }
}

extension SQLTable {
    /// The row of the same identifier at the same endpoint.
    fileprivate func row(ofIdentifier other: SQLRow, in connection: borrowing SQLConnection) throws -> SQLRow? {
        try connection.query(
            "SELECT \(columnList) FROM \(name) WHERE endpoint_id = $1 AND identifier = $2",
            [try other.value("endpoint_id"), try other.value("identifier")]).first
    }
}
