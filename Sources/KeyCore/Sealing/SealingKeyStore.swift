package import Primitives

/// Keeps the data-sealing key, sealed under the root key; nothing else is sealed under that.
package struct SealingKeyStore: Sendable {
    private static let place = SealedLocation(table: "sealing_keys", row: "data", column: "sealed")
    private let database: any SQLDatabase

    /// Over an open, migrated database.
    package init(database: any SQLDatabase) { self.database = database }

    /// Makes a data-sealing key and seals it under a new data folder's root key.
    package func create(
        rootKey source: RootKeySource, environment: [String: String], now: Instant
    ) throws -> DataSealer {
        let dataKey = SharedSecret(try SecretBytes(randomCount: 32))
        let row = try sealedRow(dataKey, rootKey: source, environment: environment, now: now)
        try writeBlocking { connection in try SealingKeyStore.insert(row, connection) }
        return DataSealer(key: dataKey)
    }

    /// Opens the data-sealing key with the root key.
    /// - Throws: `RootKeyError`, or `SealingError.wrongRootKey`.
    package func open(rootKey source: RootKeySource, environment: [String: String]) throws -> DataSealer {
        DataSealer(key: try openKey(rootKey: source, environment: environment))
    }

    /// As `open`, the key itself.
    func openKey(rootKey source: RootKeySource, environment: [String: String]) throws -> SharedSecret {
        let rows = try database.readBlocking { connection in
            try connection.query("SELECT salt, log_n, sealed FROM sealing_keys WHERE id = $1", ["data"])
        }
        guard let row = rows.first else { throw StoreError.notFound("the data-sealing key") }
        let salt = try row.optionalBlob("salt")
        let logN = Int(try row.optionalInteger("log_n") ?? 17)
        // Beyond 2^19 scrypt wants more than the gigabyte that it may have.
        guard (10...19).contains(logN) else { throw StoreError.corrupt("scrypt cost \(logN)") }
        let rootKey = try source.load(stretching: salt.map { PassphraseStretching(salt: $0, logN: logN) }, environment: environment)
        do {
            return SharedSecret(try DataSealer(key: rootKey).open(try row.blob("sealed"), at: SealingKeyStore.place))
        } catch SealingError.unauthentic {
            throw SealingError.wrongRootKey
        }
    }

    /// The row of a data-sealing key, sealed under a root key.
    func sealedRow(
        _ dataKey: SharedSecret, rootKey source: RootKeySource, environment: [String: String], now: Instant
    ) throws -> [SQLValue] {
        let stretching = source.isPassphrase ? PassphraseStretching(salt: try RandomBytes.generate(16)) : nil
        let rootKey = try source.load(stretching: stretching, environment: environment)
        let sealed = try DataSealer(key: rootKey).seal(dataKey.bytes, at: SealingKeyStore.place)
        return [
            "data", .text(source.isPassphrase ? "passphrase" : "raw"), .optional(stretching?.salt),
            .optional(stretching.map { Int64($0.logN) }), .blob(sealed), .integer(now.nanoseconds),
        ]
    }

    static func insert(_ row: [SQLValue], _ connection: borrowing SQLConnection) throws {
        try connection.execute(
            "INSERT INTO sealing_keys (id, kind, salt, log_n, sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6)", row)
    }

    func writeBlocking<R>(_ body: (borrowing SQLConnection) throws -> R) throws -> R { try database.writeBlocking(body) }
}

/// Named secrets of the server itself, sealed: the audit's checkpoint key, a development issuer's private key.
package struct SecretStore: Sendable {
    private let database: any SQLDatabase
    private let sealer: DataSealer

    /// Over an open database.
    package init(database: any SQLDatabase, sealer: DataSealer) { (self.database, self.sealer) = (database, sealer) }

    /// Adds a secret; `publicPart` is kept beside it in the clear.
    /// - Parameter announced: whether running servers are to notice.
    package func create(
        _ name: String, _ secret: borrowing SecretBytes, publicPart: String?, now: Instant, announced: Bool = false
    ) throws(StoreError) {
        do {
            let sealed = try sealer.seal(secret, at: place(name))
            try database.writeBlocking { connection in
                try connection.execute(
                    "INSERT INTO secrets (name, sealed, public, created_at) VALUES ($1, $2, $3, $4)",
                    [.text(name), .blob(sealed), .optional(publicPart), .integer(now.nanoseconds)])
                if announced { try ChangeLog.record(.secret, name, at: now, in: connection) }
            }
        } catch SQLError.constraint(.unique, _) {
            throw .exists("a secret named “\(name)”")
        } catch {
            throw StoreError(any: error)
        }
    }

    /// The secret of that name, if there is one.
    package func find(_ name: String) throws(StoreError) -> SharedSecret? {
        do {
            let rows = try database.readBlocking { connection in
                try connection.query("SELECT sealed FROM secrets WHERE name = $1", [.text(name)])
            }
            guard let row = rows.first else { return nil }
            return SharedSecret(try sealer.open(try row.blob("sealed"), at: place(name)))
        } catch {
            throw StoreError(any: error)
        }
    }

    /// The names that begin with `prefix`, with what is public of each.
    package func list(prefix: String) throws(StoreError) -> [(name: String, publicPart: String?, createdAt: Instant)] {
        do {
            return try database.readBlocking { connection in
                try connection.query("SELECT name, public, created_at FROM secrets ORDER BY name").compactMap { row in
                    let name = try row.text("name")
                    guard name.hasPrefix(prefix) else { return nil }
                    return (name, try row.optionalText("public"), Instant(nanoseconds: try row.integer("created_at")))
                }
            }
        } catch {
            throw StoreError(any: error)
        }
    }

    /// The public part of that name, if there is one.
    package func publicPart(_ name: String) throws(StoreError) -> String? {
        do {
            return try database.readBlocking { connection in
                try connection.query("SELECT public FROM secrets WHERE name = $1", [.text(name)]).first?.optionalText("public")
            }
        } catch {
            throw StoreError(any: error)
        }
    }

    private func place(_ name: String) -> SealedLocation { SealedLocation(table: "secrets", row: name, column: "sealed") }
}
