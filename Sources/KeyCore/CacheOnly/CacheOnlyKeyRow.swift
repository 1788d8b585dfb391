import Primitives

/// Key identifiers as rows.
enum CacheOnlyKeyRow {
    static let columns: StaticString = """
        id, endpoint_id, identifier, key_id, key_version, certificate, enabled, not_before, not_after, created_at, updated_at, revision
        """

    static func find(_ identifier: String, at endpoint: EndpointID, _ connection: borrowing SQLConnection) throws -> CacheOnlyKeyEntry {
        let rows = try connection.query(
            "SELECT \(columns) FROM salesforce_keys WHERE endpoint_id = $1 AND identifier = $2",
            [.text(endpoint.description), .text(identifier)])
        guard let row = rows.first else { throw StoreError.notFound("key identifier “\(identifier)”") }
        return try entry(row)
    }

    static func entry(_ row: SQLRow) throws -> CacheOnlyKeyEntry {
        guard let keyID = KeyID(try row.text("key_id")), let endpoint = EndpointID(try row.text("endpoint_id")),
            let version = KeyVersionNumber(exactly: try row.integer("key_version"))
        else { throw StoreError.corrupt("key identifier \(try row.text("identifier"))") }
        let key = CacheOnlyKey(
            identifier: try row.text("identifier"), keyID: keyID, version: version, certificate: try row.text("certificate"),
            isEnabled: try row.boolean("enabled"), notBefore: try row.optionalInteger("not_before").map { Instant(nanoseconds: $0) },
            notAfter: try row.optionalInteger("not_after").map { Instant(nanoseconds: $0) })
        return CacheOnlyKeyEntry(
            id: try row.text("id"), endpointID: endpoint, key: key, createdAt: Instant(nanoseconds: try row.integer("created_at")),
            updatedAt: Instant(nanoseconds: try row.integer("updated_at")), revision: try row.integer("revision"))
    }

    /// An org's endpoint.
    static func endpoint(_ id: EndpointID, _ connection: borrowing SQLConnection) throws -> (entry: EndpointEntry, options: CacheOnlyOptions) {
        let entry = try EndpointRow.find(id, connection)
        guard let options = entry.salesforce else {
            throw StoreError.notFound("a Salesforce org's endpoint with the id \(id)")
        }
        return (entry, options)
    }

    /// The same for a change.
    static func changeable(_ id: EndpointID, _ connection: borrowing SQLConnection) throws -> (entry: EndpointEntry, options: CacheOnlyOptions) {
        let found = try endpoint(id, connection)
        guard found.entry.state != .archived else {
            throw StoreError.refused("the endpoint is archived: bring it back (state active, paused or disabled) and change its keys then")
        }
        return found
    }
}
