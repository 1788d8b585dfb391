import Primitives

/// What a backup is to hold.
package enum BackupScope: Sendable, Equatable {
    case all
    /// These keys, and these endpoints with the keys, policies and issuers that they need; each by id.
    case selected(keys: [String], endpoints: [String])
}

/// Which rows a backup holds.
struct BackupSelection {
    /// The ids of what was chosen, by table; nil for everything.
    let roots: [String: Set<String>]?

    /// Tables that tell something of keys by `key_id` that must go wherever these go, without referring to them.
    private static let ofKeys: Set<String> = ["kacls_key_domains"]

    /// Finds what the chosen things need.
    /// - Throws: `.refused` if one of them isn't there.
    init(_ scope: BackupScope, in connection: borrowing SQLConnection) throws {
        guard case .selected(let keys, let endpoints) = scope else {
            roots = nil
            return
        }
        guard !keys.isEmpty || !endpoints.isEmpty else { throw BackupError.refused("expected at least one key or endpoint to back up, found none") }
        var (keyIDs, policyIDs, issuerIDs) = (Set(keys), Set<String>(), Set<String>())
        for id in keys where try connection.query("SELECT id FROM keys WHERE id = $1", [.text(id)]).isEmpty {
            throw StoreError.notFound("key \(id)")
        }
        for id in endpoints {
            guard let row = try connection.query("SELECT key_id, policy_id FROM endpoints WHERE id = $1", [.text(id)]).first else {
                throw StoreError.notFound("endpoint \(id)")
            }
            keyIDs.insert(try row.text("key_id"))
            policyIDs.insert(try row.text("policy_id"))
            for row in try connection.query("SELECT issuer_id FROM endpoint_issuers WHERE endpoint_id = $1", [.text(id)]) {
                issuerIDs.insert(try row.text("issuer_id"))
            }
        }
        for id in endpoints {
            // The keys of an org's identifiers may be others than the endpoint's own.
            let rows = try connection.query(
                "SELECT DISTINCT keys.id AS id FROM salesforce_keys JOIN keys ON keys.id = salesforce_keys.key_id WHERE endpoint_id = $1", [.text(id)])
            for row in rows { keyIDs.insert(try row.text("id")) }
        }
        var identifiers = Set<String>()
        for row in try connection.query("SELECT id, endpoint_id, key_id FROM salesforce_keys")
        where try endpoints.contains(row.text("endpoint_id")) || keyIDs.contains(row.text("key_id")) { identifiers.insert(try row.text("id")) }
        var roots = [
            "keys": keyIDs, "endpoints": Set(endpoints), "policies": policyIDs, "issuers": issuerIDs, "salesforce_keys": identifiers,
        ]
        try BackupSelection.addParents(of: "keys", to: &roots, connection)
        self.roots = roots
    }

    /// Adds what the chosen rows of a table refer to.
    private static func addParents(
        of name: String, to roots: inout [String: Set<String>], _ connection: borrowing SQLConnection
    ) throws {
        guard let table = try SQLCatalogue.tables(in: connection).first(where: { $0.name == name }) else { return }
        for id in roots[name] ?? [] {
            guard let row = try table.row([.text(id)], in: connection) else { continue }
            for reference in table.references where roots[reference.table] != nil {
                if let parent = try row.optionalText(reference.columns[0]) { roots[reference.table]?.insert(parent) }
            }
        }
    }

    /// Whether anything of the table can be part of it: it was chosen from, or all that it refers to was.
    func includes(_ table: SQLTable) -> Bool {
        guard let roots else { return true }
        if roots[table.name] != nil || BackupSelection.ofKeys.contains(table.name) { return true }
        return !table.references.isEmpty && table.references.allSatisfy { $0.columns.count == 1 && roots[$0.table] != nil }
    }

    /// Whether a row of such a table is part of it.
    func includes(_ row: SQLRow, of table: SQLTable) throws -> Bool {
        guard let roots else { return true }
        if let ids = roots[table.name] { return ids.contains(try row.text("id")) }
        if BackupSelection.ofKeys.contains(table.name) { return roots["keys"]?.contains(try row.text("key_id")) == true }
        for reference in table.references {
            guard let id = try row.optionalText(reference.columns[0]) else { continue }
            guard roots[reference.table]?.contains(id) == true else { return false }
        }
        return true
    }
}
