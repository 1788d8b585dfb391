package import Primitives

/// What somebody says of a new key.
package struct KeyDraft: Sendable {
    package var name: String
    package var purpose = KeyPurpose.wrap
    package var algorithm = KeyAlgorithm.aes256
    package var description = ""
    package var labels: [String: String] = [:]
    package var expiresAt: Instant?
    package var isExportable = false
    package var exportPolicy: PolicyID?

    /// An AES-256 key that wraps.
    package init(name: String) { self.name = name }
}

extension KeyStore {
    /// Adds a key with its first version, active at once.
    package func create(
        name: String, purpose: KeyPurpose, algorithm: KeyAlgorithm, source: any KeySource
    ) async throws(StoreError) -> Key {
        var draft = KeyDraft(name: name)
        (draft.purpose, draft.algorithm) = (purpose, algorithm)
        return try await create(draft, source: source)
    }

    /// Adds a key with its first version, which its source makes; active at once.
    package func create(_ draft: KeyDraft, source: any KeySource) async throws(StoreError) -> Key {
        try KeyStore.check(draft, source)
        return try await add(draft, try await KeyStore.generate(draft.algorithm, source), .generated, source)
    }

    /// Adds a key whose first version is material from outside.
    package func create(
        _ draft: KeyDraft, importing material: borrowing SecretBytes, source: any KeySource
    ) async throws(StoreError) -> Key {
        try KeyStore.check(draft, source)
        let own = SharedSecret(try KeyStore.imported(material, draft.algorithm, source))
        return try await add(draft, own, .imported, source)
    }

    /// Adds an active version, which wraps from now on; earlier ones go on unwrapping and, being older, wrap no more.
    package func rotate(_ id: KeyID, source: any KeySource, expecting: Int64? = nil) async throws(StoreError) -> Key {
        let key = try await find(id)
        try KeyStore.check(key, lives: source)
        return try await addVersion(to: key, try await KeyStore.generate(key.algorithm, source), .generated, expecting)
    }

    /// The same, and in the same transaction what `body` does with the key as it is then.
    func rotate<R: Sendable>(
        _ id: KeyID, source: any KeySource, then body: @escaping @Sendable (Key, Instant, borrowing SQLConnection) throws -> R
    ) async throws(StoreError) -> R {
        let key = try await find(id)
        try KeyStore.check(key, lives: source)
        return try await addVersion(to: key, try await KeyStore.generate(key.algorithm, source), .generated, nil, then: body)
    }

    /// The same with material from outside.
    package func rotate(
        _ id: KeyID, importing material: borrowing SecretBytes, source: any KeySource, expecting: Int64? = nil
    ) async throws(StoreError) -> Key {
        let key = try await find(id)
        try KeyStore.check(key, lives: source)
        let own = SharedSecret(try KeyStore.imported(material, key.algorithm, source))
        return try await addVersion(to: key, own, .imported, expecting)
    }

    // MARK: Parts

    private static func check(_ draft: KeyDraft, _ source: any KeySource) throws(StoreError) {
        try EntityName.check(draft.name)
        guard draft.algorithm.serves(draft.purpose) else {
            let fitting = KeyAlgorithm.allCases.filter { $0.serves(draft.purpose) }.map(\.rawValue)
            throw .invalid(field: "algorithm", expected: "one that a key for \(draft.purpose.rawValue) can have: \(fitting.joined(separator: ", "))")
        }
        try FreeText.check(description: draft.description)
        try KeyLabels.check(draft.labels)
        try check(expiry: draft.expiresAt)
        guard !draft.isExportable || source.keepsMaterial else {
            throw .invalid(field: "exportable", expected: "false: material in key source “\(source.id)” can't leave it")
        }
    }

    private func add(
        _ draft: KeyDraft, _ material: SharedSecret, _ origin: KeyVersion.Origin, _ source: any KeySource
    ) async throws(StoreError) -> Key {
        let id: KeyID
        let sealed: [UInt8]
        do {
            id = try KeyID.random()
            sealed = try sealer.seal(material.bytes, at: place(id, 1))
        } catch {
            throw StoreError(any: error)
        }
        let sourceID = source.id
        return try await change { now, connection in
            guard try connection.query("SELECT id FROM keys WHERE name = $1", [.text(draft.name)]).isEmpty else {
                throw StoreError.exists("a key named “\(draft.name)”")
            }
            try KeyStore.check(exportPolicy: draft.exportPolicy, connection)
            try connection.execute(
                """
                INSERT INTO keys (id, name, purpose, algorithm, source, created_at, description, labels, expires_at, exportable,
                    export_policy_id, updated_at, revision)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $6, 0)
                """,
                [
                    .text(id.description), .text(draft.name), .text(draft.purpose.rawValue), .text(draft.algorithm.rawValue),
                    .text(sourceID.description), .integer(now.nanoseconds), .text(draft.description), .text(KeyLabels.json(draft.labels)),
                    .integer(draft.expiresAt?.nanoseconds ?? KeyRow.never), .boolean(draft.isExportable),
                    .optional(draft.exportPolicy?.description),
                ])
            try KeyLabels.store(draft.labels, of: id, connection)
            try KeyStore.insertVersion(id, 1, sealed, origin, now, connection)
            return try KeyRow.settle(id, expecting: nil, at: now, connection)
        }
    }

    private func addVersion(
        to key: Key, _ material: SharedSecret, _ origin: KeyVersion.Origin, _ expecting: Int64?
    ) async throws(StoreError) -> Key {
        try await addVersion(to: key, material, origin, expecting) { key, _, _ in key }
    }

    private func addVersion<R: Sendable>(
        to key: Key, _ material: SharedSecret, _ origin: KeyVersion.Origin, _ expecting: Int64?,
        then body: @escaping @Sendable (Key, Instant, borrowing SQLConnection) throws -> R
    ) async throws(StoreError) -> R {
        let id = key.id
        return try await change { now, connection in
            let present = try KeyRow.find(id, connection)
            guard !present.summary.hasExpired(at: now) else {
                throw StoreError.refused("key “\(present.name)” has expired: move its expiry before it gets another version")
            }
            guard let latest = present.versions.first?.number, latest < KeyVersionNumber.max, present.versions.count < KeyStore.maxVersions else {
                throw StoreError.refused("key \(id) has no room for another version")
            }
            let sealed = try sealer.seal(material.bytes, at: place(id, latest + 1))
            try KeyStore.insertVersion(id, latest + 1, sealed, origin, now, connection)
            return try body(try KeyRow.settle(id, expecting: expecting, at: now, connection), now, connection)
        }
    }

    /// The most versions of a key.
    package static let maxVersions = 10_000

    private static func insertVersion(
        _ id: KeyID, _ number: KeyVersionNumber, _ sealed: [UInt8], _ origin: KeyVersion.Origin, _ now: Instant,
        _ connection: borrowing SQLConnection
    ) throws {
        try connection.execute(
            "INSERT INTO key_versions (key_id, number, state, material, created_at, origin) VALUES ($1, $2, $3, $4, $5, $6)",
            [
                .text(id.description), .integer(Int64(number)), .text(KeyState.active.rawValue), .blob(sealed), .integer(now.nanoseconds),
                .text(origin.rawValue),
            ])
    }

    private static func check(_ key: Key, lives source: any KeySource) throws(StoreError) {
        guard key.source == source.id else { throw .refused("key \(key.id) lives in key source “\(key.source)”, not in “\(source.id)”") }
    }

    private static func imported(
        _ material: borrowing SecretBytes, _ algorithm: KeyAlgorithm, _ source: any KeySource
    ) throws(StoreError) -> SecretBytes {
        guard source.keepsMaterial else { throw .refused("key source “\(source.id)” takes no material from outside") }
        return try KeyMaterial.check(material, is: algorithm)
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
}
