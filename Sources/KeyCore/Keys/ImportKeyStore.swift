package import Primitives

/// The installation's own RSA key, under which material is wrapped on its way here. It is made when it is first asked for.
package struct ImportKeyStore: Sendable {
    private static let name = "import-key"
    private let database: any SQLDatabase
    private let sealer: DataSealer
    private let clock: WallClock

    /// Over an open, migrated database.
    package init(database: any SQLDatabase, sealer: DataSealer, clock: WallClock) {
        (self.database, self.sealer, self.clock) = (database, sealer, clock)
    }

    /// The key. Two who make it at once get the one that came first.
    package func find() async throws(StoreError) -> PrivateKey {
        if let key = try await stored() { return key }
        let made: [UInt8]
        do {
            let material = try await Offload.run { () throws in SharedSecret(try PrivateKey.generate(.rsa(bits: 3072)).pkcs8DER()) }
            made = try sealer.seal(material.bytes, at: place)
        } catch {
            throw StoreError(any: error)
        }
        let now = clock.now
        return try await StoreError.typed {
            try await database.write { connection in
                try connection.execute(
                    "INSERT INTO secrets (name, sealed, public, created_at) VALUES ($1, $2, NULL, $3) ON CONFLICT (name) DO NOTHING",
                    [.text(ImportKeyStore.name), .blob(made), .integer(now.nanoseconds)])
                guard let key = try read(connection) else { throw StoreError.notFound("the import key") }
                return key
            }
        }
    }

    private func stored() async throws(StoreError) -> PrivateKey? {
        try await StoreError.typed { try await database.read { try read($0) } }
    }

    private func read(_ connection: borrowing SQLConnection) throws -> PrivateKey? {
        guard let row = try connection.query("SELECT sealed FROM secrets WHERE name = $1", [.text(ImportKeyStore.name)]).first else { return nil }
        return try PrivateKey(pkcs8DER: try sealer.open(try row.blob("sealed"), at: place), validation: .ownExport)
    }

    private var place: SealedLocation { SealedLocation(table: "secrets", row: ImportKeyStore.name, column: "sealed") }
}
