package import Primitives

/// Key identifiers in the database. None is ever given another key, also not by way of deleting its endpoint or key and making it again: their
/// rows stay.
package struct CacheOnlyKeyStore: Sendable {
    private let database: any SQLDatabase
    private let clock: WallClock

    /// Over an open, migrated database.
    package init(database: any SQLDatabase, clock: WallClock) { (self.database, self.clock) = (database, clock) }

    /// Gives a key version an identifier at an endpoint.
    /// - Parameter sources: the key sources of this process; the key's must be one that leaves its material with us, sealed, so that no remote
    ///   source stands between Salesforce and its key.
    package func add(
        _ draft: CacheOnlyKeyDraft, at endpoint: EndpointID, sources: [any KeySource]
    ) async throws(StoreError) -> CacheOnlyKeyEntry {
        let exporting = CacheOnlyKeyStore.exporting(sources)
        return try await change { now, connection in
            try CacheOnlyKeyStore.insert(draft, at: endpoint, exporting: exporting, now, connection)
        }
    }

    /// Gives the key of an identifier a new version, and that a new identifier, all at once; the present identifier is served on.
    package func rotate(
        _ identifier: String, at endpoint: EndpointID, as draft: CacheOnlyKeyDraft, keys: KeyStore, sources: [any KeySource]
    ) async throws(StoreError) -> CacheOnlyKeyEntry {
        let present = try await find(identifier, at: endpoint)
        let keyID = present.key.keyID
        let name = try await keys.find(keyID).source
        guard let source = sources.first(where: { $0.id == name }) else { throw .refused("key source “\(name)” is not known to this program") }
        let exporting = CacheOnlyKeyStore.exporting(sources)
        return try await keys.rotate(keyID, source: source) { key, now, connection in
            // The certificate may have been changed since.
            let present = try CacheOnlyKeyRow.find(identifier, at: endpoint, connection)
            var next = draft
            (next.keyID, next.version) = (keyID, key.versions.first?.number)
            next.certificate = draft.certificate ?? present.key.certificate
            return try CacheOnlyKeyStore.insert(next, at: endpoint, exporting: exporting, now, connection)
        }
    }

    /// Changes how an identifier's key is handed out: whether at all (if not the answer is 404, on which Salesforce destroys its key until it is
    /// handed out again), when, and to which of the endpoint's certificates it is encrypted.
    package func update(
        _ identifier: String, at endpoint: EndpointID, _ wanted: CacheOnlyKeyChange, expecting: Int64? = nil
    ) async throws(StoreError) -> CacheOnlyKeyEntry {
        try await change { now, connection in
            let (_, options) = try CacheOnlyKeyRow.changeable(endpoint, connection)
            let present = try CacheOnlyKeyRow.find(identifier, at: endpoint, connection)
            let certificate = try wanted.certificate.map { try CacheOnlyKeyStore.certificate($0, options) } ?? present.key.certificate
            let (notBefore, notAfter) = (wanted.notBefore ?? present.key.notBefore, wanted.notAfter ?? present.key.notAfter)
            try CacheOnlyKeyStore.check(notBefore, notAfter)
            try Revision.advance("salesforce_keys", present.id, called: "key identifier “\(identifier)”", expecting: expecting, at: now, connection)
            try connection.execute(
                "UPDATE salesforce_keys SET certificate = $2, enabled = $3, not_before = $4, not_after = $5 WHERE id = $1",
                [
                    .text(present.id), .text(certificate), .boolean(wanted.isEnabled ?? present.key.isEnabled),
                    .optional(notBefore?.nanoseconds), .optional(notAfter?.nanoseconds),
                ])
            try ChangeLog.record(.endpoint, endpoint.description, at: now, in: connection)
            return try CacheOnlyKeyRow.find(identifier, at: endpoint, connection)
        }
    }

    /// One identifier of an endpoint that is there.
    package func find(_ identifier: String, at endpoint: EndpointID) async throws(StoreError) -> CacheOnlyKeyEntry {
        try await StoreError.typed {
            try await database.read { connection in
                _ = try CacheOnlyKeyRow.endpoint(endpoint, connection)
                return try CacheOnlyKeyRow.find(identifier, at: endpoint, connection)
            }
        }
    }

    /// Part of the list of an endpoint's identifiers.
    package func list(
        _ filter: CacheOnlyKeyFilter, _ keyset: Keyset, at endpoint: EndpointID
    ) async throws(StoreError) -> Listing<CacheOnlyKeyEntry> {
        try await StoreError.typed {
            try await database.read { connection in
                _ = try CacheOnlyKeyRow.endpoint(endpoint, connection)
                var own = filter
                own.endpointID = endpoint
                let (rows, total) = try own.query.run(CacheOnlyKeyRow.columns, keyset, connection)
                return Listing(items: try rows.map(CacheOnlyKeyRow.entry), total: total)
            }
        }
    }

    /// The identifiers under which a key version is handed out now, or would be if its endpoint were active.
    package func served(_ version: KeyVersionNumber, of key: KeyID) async throws(StoreError) -> [CacheOnlyKeyEntry] {
        let now = clock.now
        return try await StoreError.typed {
            try await database.read { connection in
                let rows = try connection.query(
                    """
                    SELECT \(CacheOnlyKeyRow.columns) FROM salesforce_keys
                    WHERE key_id = $1 AND key_version = $2 AND endpoint_id IN (SELECT id FROM endpoints) ORDER BY identifier
                    """, [.text(key.description), .integer(Int64(version))])
                return try rows.map(CacheOnlyKeyRow.entry).filter { $0.key.isServed(at: now) }
            }
        }
    }

    // MARK: Within a transaction

    /// The keys of every endpoint, and the identifier of one that can't be read for each endpoint that has such.
    static func all(_ connection: borrowing SQLConnection) throws -> (keys: [String: [CacheOnlyKey]], unreadable: [String: String]) {
        var (keys, unreadable): ([String: [CacheOnlyKey]], [String: String]) = ([:], [:])
        for row in try connection.query("SELECT \(CacheOnlyKeyRow.columns) FROM salesforce_keys") {
            let endpoint = try row.text("endpoint_id")
            do { keys[endpoint, default: []].append(try CacheOnlyKeyRow.entry(row).key) } catch {
                unreadable[endpoint] = try row.text("identifier")
            }
        }
        return (keys, unreadable)
    }

    /// That no identifier gets another key by way of its endpoint's move; and has the place on record, for those that come there later.
    static func move(_ entry: EndpointEntry, _ connection: borrowing SQLConnection) throws {
        let rows = try connection.query(
            "SELECT id, identifier, path, key_id, key_version FROM salesforce_keys WHERE endpoint_id = $1", [.text(entry.id.description)])
        for row in rows {
            let identifier = try row.text("identifier")
            try CacheOnlyPlaces.check(
                identifier, at: entry.path, of: entry.id, standsFor: (try row.text("key_id"), try row.integer("key_version")), connection)
            try connection.execute(
                "UPDATE salesforce_keys SET path = $2 WHERE id = $1",
                [.text(try row.text("id")), .text(CacheOnlyPlaces.adding(entry.path, to: try row.text("path")))])
        }
    }

    /// That no identifier's key is encrypted to a certificate that the endpoint has no longer: its callouts would fail.
    static func checkCertificates(_ entry: EndpointEntry, _ connection: borrowing SQLConnection) throws {
        guard let options = entry.salesforce else { return }
        let rows = try connection.query(
            "SELECT identifier, certificate FROM salesforce_keys WHERE endpoint_id = $1", [.text(entry.id.description)])
        for row in rows where options.certificate(try row.text("certificate")) == nil {
            throw StoreError.refused(
                "the key “\(try row.text("identifier"))” is encrypted to a certificate that would go: give it another of the endpoint's first")
        }
    }

    private static func insert(
        _ draft: CacheOnlyKeyDraft, at endpoint: EndpointID, exporting: Set<String>, _ now: Instant, _ connection: borrowing SQLConnection
    ) throws -> CacheOnlyKeyEntry {
        let identifier = try draft.identifier ?? UUIDBytes.random().description
        guard CacheOnlyKey.isIdentifier(identifier) else { throw StoreError.invalid(field: "kid", expected: CacheOnlyKey.identifierRule) }
        let (entry, options) = try CacheOnlyKeyRow.changeable(endpoint, connection)
        let keyID = draft.keyID ?? entry.keyID
        let version = try version(draft.version, of: keyID, exporting, connection)
        try checkUnused(identifier, keyID, version, entry, connection)
        try check(draft.notBefore, draft.notAfter)
        try connection.execute(
            """
            INSERT INTO salesforce_keys (id, endpoint_id, identifier, path, key_id, key_version, certificate, enabled, not_before, not_after,
                created_at, updated_at, revision)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $10, 1)
            """,
            [
                .text(try UUIDBytes.random().description), .text(endpoint.description), .text(identifier), .text(entry.path),
                .text(keyID.description), .integer(Int64(version)), .text(try certificate(draft.certificate, options)),
                .optional(draft.notBefore?.nanoseconds), .optional(draft.notAfter?.nanoseconds), .integer(now.nanoseconds),
            ])
        try ChangeLog.record(.endpoint, endpoint.description, at: now, in: connection)
        return try CacheOnlyKeyRow.find(identifier, at: endpoint, connection)
    }

    private static func exporting(_ sources: [any KeySource]) -> Set<String> {
        Set(sources.filter(\.keepsMaterial).map(\.id.description))
    }

    /// The version that is meant, if it can be handed out.
    private static func version(
        _ wanted: KeyVersionNumber?, of id: KeyID, _ exporting: Set<String>, _ connection: borrowing SQLConnection
    ) throws -> KeyVersionNumber {
        let rows = try connection.query("SELECT purpose, algorithm, source FROM keys WHERE id = $1", [.text(id.description)])
        guard let key = rows.first else { throw StoreError.invalid(field: "key_id", expected: "the id of a key that exists") }
        guard try key.text("purpose") == KeyPurpose.cacheOnly.rawValue, try key.text("algorithm") == KeyAlgorithm.aes256.rawValue else {
            throw StoreError.invalid(
                field: "key_id", expected: "an \(KeyAlgorithm.aes256.rawValue) key for the purpose \(KeyPurpose.cacheOnly.rawValue)")
        }
        guard exporting.contains(try key.text("source")) else {
            throw StoreError.invalid(field: "key_id", expected: "a key in a source that leaves its material here, sealed; “\(try key.text("source"))” does not")
        }
        let versions = try connection.query(
            "SELECT number, state FROM key_versions WHERE key_id = $1 ORDER BY number DESC", [.text(id.description)])
        for row in versions {
            guard let number = KeyVersionNumber(exactly: try row.integer("number")), wanted ?? number == number else { continue }
            if try row.text("state") == KeyState.active.rawValue { return number }
            if wanted != nil { throw StoreError.refused("version \(number) of key \(id) is \(try row.text("state")): activate it, or choose another") }
        }
        throw StoreError.invalid(field: "key_version", expected: "a version that exists and is active")
    }

    /// One identifier, one key version, for ever; and one key version for one org.
    private static func checkUnused(
        _ identifier: String, _ keyID: KeyID, _ version: KeyVersionNumber, _ endpoint: EndpointEntry, _ connection: borrowing SQLConnection
    ) throws {
        let own = try connection.query(
            "SELECT id FROM salesforce_keys WHERE identifier = $1 AND endpoint_id = $2", [.text(identifier), .text(endpoint.id.description)])
        guard own.isEmpty else { throw CacheOnlyPlaces.taken(identifier) }
        try CacheOnlyPlaces.check(
            identifier, at: endpoint.path, of: endpoint.id, standsFor: (keyID.description, Int64(version)), connection)
        let others = try connection.query(
            """
            SELECT salesforce_keys.identifier AS identifier FROM salesforce_keys JOIN endpoints ON endpoints.id = salesforce_keys.endpoint_id
            WHERE salesforce_keys.key_id = $1 AND salesforce_keys.key_version = $2
            """, [.text(keyID.description), .integer(Int64(version))])
        guard others.isEmpty else {
            throw StoreError.refused("version \(version) of key \(keyID) has an identifier already: rotate that, or name another version")
        }
    }

    private static func check(_ notBefore: Instant?, _ notAfter: Instant?) throws(StoreError) {
        guard let notBefore, let notAfter, notBefore >= notAfter else { return }
        throw .invalid(field: "not_after", expected: "a time after not_before")
    }

    private static func certificate(_ fingerprint: String?, _ options: CacheOnlyOptions) throws(StoreError) -> String {
        guard let fingerprint else {
            guard let first = options.certificates.first else { throw .corrupt("an endpoint without certificates") }
            return Hex.string(first.sha256Fingerprint)
        }
        guard options.certificate(fingerprint) != nil else {
            throw .invalid(field: "certificate", expected: "the SHA-256 fingerprint of one of the endpoint's certificates")
        }
        return fingerprint
    }

    private func change<R: Sendable>(
        _ body: @escaping @Sendable (Instant, borrowing SQLConnection) throws -> R
    ) async throws(StoreError) -> R {
        let now = clock.now
        return try await StoreError.typed { try await database.write { try body(now, $0) } }
    }
}
