package import Primitives

/// A key with the material of its versions, unsealed: what the key cache holds.
package final class LoadedKey: Sendable {
    /// The key as it was when loaded.
    package let key: Key
    private let materials: [KeyVersionNumber: SharedSecret]

    /// A key with the material of those versions that still have any.
    package init(key: Key, materials: [KeyVersionNumber: SharedSecret]) { (self.key, self.materials) = (key, materials) }

    /// The material of a version; nil once it is destroyed.
    package func material(_ version: KeyVersionNumber) -> SharedSecret? { materials[version] }
}

/// Keys in the database. Material is sealed; nothing is cached here. Each change is one transaction, which gives back what it has made.
package struct KeyStore: Sendable {
    let database: any SQLDatabase
    let sealer: DataSealer
    let clock: WallClock

    /// Over an open, migrated database.
    package init(database: any SQLDatabase, sealer: DataSealer, clock: WallClock) {
        (self.database, self.sealer, self.clock) = (database, sealer, clock)
    }

    // MARK: Reading

    /// The key of that id with its material.
    package func load(_ id: KeyID) async throws(StoreError) -> LoadedKey? {
        try await StoreError.typed {
            try await database.read { connection in
                guard let key = try KeyRow.first("id", id.description, connection) else { return nil }
                let rows = try connection.query(
                    "SELECT number, material FROM key_versions WHERE key_id = $1", [.text(id.description)])
                var materials: [KeyVersionNumber: SharedSecret] = [:]
                for row in rows {
                    guard let sealed = try row.optionalBlob("material") else { continue }
                    let number = try KeyRow.number(row)
                    materials[number] = SharedSecret(try sealer.open(sealed, at: place(id, number)))
                }
                return LoadedKey(key: key, materials: materials)
            }
        }
    }

    /// The key of that id: a name is never taken for one.
    package func find(_ id: KeyID) async throws(StoreError) -> Key {
        try await StoreError.typed { try await database.read { try KeyRow.find(id, $0) } }
    }

    /// The key of that name, or whose id is `text`.
    package func find(_ text: String) async throws(StoreError) -> Key {
        let key = try await StoreError.typed {
            try await database.read { connection in
                try KeyRow.first("name", text, connection) ?? KeyRow.first("id", text, connection)
            }
        }
        guard let key else { throw .notFound("key “\(text)”") }
        return key
    }

    /// All keys by name.
    package func list() async throws(StoreError) -> [Key] {
        try await StoreError.typed {
            try await database.read { connection in
                let rows = try connection.query("SELECT \(KeyRow.columns) FROM keys ORDER BY name")
                return try rows.map { try KeyRow.key($0, connection) }
            }
        }
    }

    // MARK: Parts of changes

    /// Runs one change as one transaction, with one time for everything in it.
    func change<R: Sendable>(
        _ body: @escaping @Sendable (Instant, borrowing SQLConnection) throws -> R
    ) async throws(StoreError) -> R {
        let now = clock.now
        return try await StoreError.typed { try await database.write { try body(now, $0) } }
    }

    func place(_ id: KeyID, _ number: KeyVersionNumber) -> SealedLocation {
        SealedLocation(table: "key_versions", row: "\(id)/\(number)", column: "material")
    }

    /// That there is such a policy, by which a key may leave.
    static func check(exportPolicy: PolicyID?, _ connection: borrowing SQLConnection) throws {
        guard let exportPolicy else { return }
        guard try !connection.query("SELECT id FROM policies WHERE id = $1", [.text(exportPolicy.description)]).isEmpty else {
            throw StoreError.invalid(field: "export_policy_id", expected: "the id of a policy that exists")
        }
    }

    static func check(expiry: Instant?) throws(StoreError) {
        guard let expiry, expiry.nanoseconds == KeyRow.never || expiry.nanoseconds < 0 else { return }
        throw .invalid(field: "expires_at", expected: "a time from 1970 to 2262")
    }
}
