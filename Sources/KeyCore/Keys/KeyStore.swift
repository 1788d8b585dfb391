package import Primitives

/// A key with the material of its versions, unsealed: what the key cache holds.
package final class LoadedKey: Sendable {
    /// The key as it was when loaded.
    package let key: Key
    private let materials: [KeyVersionNumber: SharedSecret]

    /// A key with the material of those versions that still have any.
    package init(key: Key, materials: [KeyVersionNumber: SharedSecret]) { (self.key, self.materials) = (key, materials) }

    /// The material of a version; nil once it is destroyed.
    func material(_ version: KeyVersionNumber) -> SharedSecret? { materials[version] }
}

/// Keys in the database. Material is sealed; nothing is cached here.
package struct KeyStore: Sendable {
    private let database: any SQLDatabase
    private let sealer: DataSealer
    private let clock: WallClock

    /// Over an open, migrated database.
    package init(database: any SQLDatabase, sealer: DataSealer, clock: WallClock) {
        (self.database, self.sealer, self.clock) = (database, sealer, clock)
    }

    // MARK: Reading

    /// The key of that id with its material.
    package func load(_ id: KeyID) async throws(StoreError) -> LoadedKey? {
        try await StoreError.typed {
            try await database.read { connection in
                guard let key = try KeyStore.key("id", id.description, connection) else { return nil }
                let rows = try connection.query(
                    "SELECT number, material FROM key_versions WHERE key_id = $1", [.text(id.description)])
                var materials: [KeyVersionNumber: SharedSecret] = [:]
                for row in rows {
                    guard let sealed = try row.optionalBlob("material") else { continue }
                    let number = try KeyStore.number(row)
                    materials[number] = SharedSecret(try sealer.open(sealed, at: place(id, number)))
                }
                return LoadedKey(key: key, materials: materials)
            }
        }
    }

    /// The key of that name, or whose id is `text`.
    package func find(_ text: String) async throws(StoreError) -> Key {
        let key = try await StoreError.typed {
            try await database.read { connection in
                try KeyStore.key("name", text, connection) ?? KeyStore.key("id", text, connection)
            }
        }
        guard let key else { throw .notFound("key “\(text)”") }
        return key
    }

    /// All keys by name.
    package func list() async throws(StoreError) -> [Key] {
        try await StoreError.typed {
            try await database.read { connection in
                let rows = try connection.query("SELECT id, name, purpose, algorithm, source, created_at FROM keys ORDER BY name")
                return try rows.map { try KeyStore.key($0, connection) }
            }
        }
    }

    // MARK: Changing

    /// Adds a key with its first version, active at once.
    package func create(
        name: String, purpose: KeyPurpose, algorithm: KeyAlgorithm, source: any KeySource
    ) async throws(StoreError) -> Key {
        guard algorithm.serves(purpose) else { throw .refused("a key for \(purpose.rawValue) can't be \(algorithm.rawValue)") }
        try EntityName.check(name)
        let now = clock.now
        let id: KeyID
        let sealed: [UInt8]
        do {
            id = try KeyID.random()
            sealed = try sealer.seal(try await KeyStore.generate(algorithm, source).bytes, at: place(id, 1))
        } catch {
            throw StoreError(any: error)
        }
        let sourceID = source.id
        try await StoreError.typed {
            try await database.write { connection in
                guard try connection.query("SELECT id FROM keys WHERE name = $1", [.text(name)]).isEmpty else {
                    throw StoreError.exists("a key named “\(name)”")
                }
                try connection.execute(
                    "INSERT INTO keys (id, name, purpose, algorithm, source, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
                    [
                        .text(id.description), .text(name), .text(purpose.rawValue), .text(algorithm.rawValue),
                        .text(sourceID.description), .integer(now.nanoseconds),
                    ])
                try KeyStore.insertVersion(id, 1, sealed, now, connection)
                try ChangeLog.record(.key, id.description, at: now, in: connection)
            }
        }
        return try await find(id)
    }

    /// Adds an active version, which wraps from now on; earlier ones go on unwrapping and, being older, wrap no more.
    package func rotate(_ id: KeyID, source: any KeySource) async throws(StoreError) -> Key {
        let key = try await find(id)
        guard key.source == source.id else { throw .refused("key \(id) lives in key source “\(key.source)”, not in “\(source.id)”") }
        let material = try await KeyStore.generate(key.algorithm, source)
        let now = clock.now
        try await StoreError.typed {
            try await database.write { connection in
                let rows = try connection.query(
                    "SELECT MAX(number) AS latest FROM key_versions WHERE key_id = $1", [.text(id.description)])
                guard let latest = try rows.first?.optionalInteger("latest"), latest < Int64(KeyVersionNumber.max) else {
                    throw StoreError.refused("key \(id) has no room for another version")
                }
                let number = KeyVersionNumber(latest + 1)
                let sealed = try sealer.seal(material.bytes, at: place(id, number))
                try KeyStore.insertVersion(id, number, sealed, now, connection)
                try ChangeLog.record(.key, id.description, at: now, in: connection)
            }
        }
        return try await find(id)
    }

    /// Changes the state of a version, if the present one allows that. `destroyed` takes the material away for good; a state that
    /// can't end in destruction calls a scheduled one off.
    package func setState(_ state: KeyState, of id: KeyID, version: KeyVersionNumber) async throws(StoreError) -> Key {
        let now = clock.now
        try await StoreError.typed {
            try await database.write { connection in
                let present = try KeyStore.state(of: id, version, connection)
                guard present.mayBecome(state) else {
                    throw StoreError.refused(
                        "version \(version) is \(present.rawValue) and can't become \(state.rawValue)\(KeyStore.hint(present, state))")
                }
                try KeyStore.change(state, id, version, at: now, connection)
            }
        }
        return try await find(id)
    }

    /// Has the material of a version destroyed at `due`, or calls that off with nil.
    package func scheduleDestruction(_ due: Instant?, of id: KeyID, version: KeyVersionNumber) async throws(StoreError) -> Key {
        let now = clock.now
        try await StoreError.typed {
            try await database.write { connection in
                let present = try KeyStore.state(of: id, version, connection)
                guard present.mayBecome(.destroyed) else {
                    throw StoreError.refused("version \(version) is \(present.rawValue); deactivate it before its destruction")
                }
                try connection.execute(
                    "UPDATE key_versions SET destroy_at = $3 WHERE key_id = $1 AND number = $2",
                    [.text(id.description), .integer(Int64(version)), .optional(due?.nanoseconds)])
                try ChangeLog.record(.key, id.description, at: now, in: connection)
            }
        }
        return try await find(id)
    }

    /// Destroys what is due and says what that was. A destruction that was called off before this began its transaction doesn't happen.
    package func destroyDue() async throws(StoreError) -> [(id: KeyID, version: KeyVersionNumber)] {
        let now = clock.now
        return try await StoreError.typed {
            guard try await database.read({ try KeyStore.due(now, $0) }).isEmpty == false else { return [] }
            return try await database.write { connection in
                let due = try KeyStore.due(now, connection)
                for (id, version) in due { try KeyStore.change(.destroyed, id, version, at: now, connection) }
                return due
            }
        }
    }

    private static func due(
        _ now: Instant, _ connection: borrowing SQLConnection
    ) throws -> [(id: KeyID, version: KeyVersionNumber)] {
        let rows = try connection.query(
            "SELECT key_id, number, state FROM key_versions WHERE destroy_at <= $1 ORDER BY key_id, number", [.integer(now.nanoseconds)])
        var due: [(id: KeyID, version: KeyVersionNumber)] = []
        for row in rows where try state(try row.text("state")).mayBecome(.destroyed) {
            guard let id = KeyID(try row.text("key_id")) else { throw StoreError.corrupt("key \(try row.text("key_id"))") }
            due.append((id, try number(row)))
        }
        return due
    }

    /// Writes a state that the present one allows.
    private static func change(
        _ state: KeyState, _ id: KeyID, _ version: KeyVersionNumber, at now: Instant, _ connection: borrowing SQLConnection
    ) throws {
        let more = state == .destroyed ? "material = NULL, destroy_at = NULL, " : state.mayBecome(.destroyed) ? "" : "destroy_at = NULL, "
        try connection.execute(
            "UPDATE key_versions SET \(more)state = $3 WHERE key_id = $1 AND number = $2",
            [.text(id.description), .integer(Int64(version)), .text(state.rawValue)])
        try ChangeLog.record(.key, id.description, at: now, in: connection)
    }

    private static func generate(_ algorithm: KeyAlgorithm, _ source: any KeySource) async throws(StoreError) -> SharedSecret {
        do {
            return SharedSecret(try await source.generate(algorithm))
        } catch .unsupported {
            throw .refused("key source “\(source.id)” can't make keys of the kind \(algorithm.rawValue)")
        } catch {
            throw .refused("key source “\(source.id)” made no key: \(error)")
        }
    }

    // MARK: Rows

    /// By id only: a name is never taken for one.
    private func find(_ id: KeyID) async throws(StoreError) -> Key {
        let key = try await StoreError.typed { try await database.read { try KeyStore.key("id", id.description, $0) } }
        guard let key else { throw .notFound("key \(id)") }
        return key
    }

    private static func number(_ row: SQLRow) throws -> KeyVersionNumber {
        guard let number = KeyVersionNumber(exactly: try row.integer("number")) else { throw StoreError.corrupt("a key version's number") }
        return number
    }

    private static func state(
        of id: KeyID, _ version: KeyVersionNumber, _ connection: borrowing SQLConnection
    ) throws -> KeyState {
        let rows = try connection.query(
            "SELECT state FROM key_versions WHERE key_id = $1 AND number = $2", [.text(id.description), .integer(Int64(version))])
        guard let row = rows.first else { throw StoreError.notFound("version \(version) of key \(id)") }
        return try state(try row.text("state"))
    }

    private static func key(_ column: String, _ value: String, _ connection: borrowing SQLConnection) throws -> Key? {
        let filter = column == "id" ? "id = $1" : "name = $1"
        let rows = try connection.query(
            "SELECT id, name, purpose, algorithm, source, created_at FROM keys WHERE \(filter)", [.text(value)])
        return try rows.first.map { try key($0, connection) }
    }

    private static func key(_ row: SQLRow, _ connection: borrowing SQLConnection) throws -> Key {
        guard let id = KeyID(try row.text("id")), let purpose = KeyPurpose(rawValue: try row.text("purpose")),
            let algorithm = KeyAlgorithm(rawValue: try row.text("algorithm"))
        else { throw StoreError.corrupt("key \(try row.text("id"))") }
        let rows = try connection.query(
            "SELECT number, state, created_at, destroy_at FROM key_versions WHERE key_id = $1 ORDER BY number DESC",
            [.text(id.description)])
        let versions = try rows.map { row in
            KeyVersion(
                number: try number(row), state: try state(try row.text("state")),
                createdAt: Instant(nanoseconds: try row.integer("created_at")),
                destroyAt: try row.optionalInteger("destroy_at").map { Instant(nanoseconds: $0) })
        }
        return Key(
            id: id, name: try row.text("name"), purpose: purpose, algorithm: algorithm,
            source: KeySourceID(try row.text("source")), createdAt: Instant(nanoseconds: try row.integer("created_at")),
            versions: versions)
    }

    private static func insertVersion(
        _ id: KeyID, _ number: KeyVersionNumber, _ sealed: [UInt8], _ now: Instant, _ connection: borrowing SQLConnection
    ) throws {
        try connection.execute(
            "INSERT INTO key_versions (key_id, number, state, material, created_at) VALUES ($1, $2, $3, $4, $5)",
            [
                .text(id.description), .integer(Int64(number)), .text(KeyState.active.rawValue), .blob(sealed),
                .integer(now.nanoseconds),
            ])
    }

    private static func state(_ text: String) throws(StoreError) -> KeyState {
        guard let state = KeyState(rawValue: text) else { throw .corrupt("key state \(text)") }
        return state
    }

    private static func hint(_ present: KeyState, _ wanted: KeyState) -> String {
        wanted == .destroyed && (present == .active || present == .suspended) ? "; deactivate it first" : ""
    }

    private func place(_ id: KeyID, _ number: KeyVersionNumber) -> SealedLocation {
        SealedLocation(table: "key_versions", row: "\(id)/\(number)", column: "material")
    }
}
