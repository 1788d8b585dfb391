package import Primitives

/// Why a key was not used.
package enum KeyServiceError: Error, Equatable, Sendable {
    /// The blob was not made by this key, for this protocol and AAD, or was changed; or it names a version that never was.
    case undecryptable
    /// The key is destroyed or was never there, or the version that the blob names is destroyed.
    case keyNotFound
    /// The key is not for this, or has no version that may wrap.
    case unusable(String)
    /// An administrator has suspended the version.
    case suspended
    /// The key source or the database can't be reached; the text is for the operator.
    case sourceUnavailable(String)
    /// The key source did not answer in time.
    case deadlineExceeded
    /// The audit record could not be made durable: nothing is handed out.
    case auditUnavailable
}

/// Uses keys: chooses the version, calls the key source, and has the use on record before it hands the result out.
package final class KeyService: Sendable {
    private let store: KeyStore
    private let cache: KeyCache
    private let sources: [KeySourceID: any KeySource]
    private let audit: any AuditSink
    private let clock: WallClock
    private let deadline: Duration

    /// A service over these parts.
    /// - Parameter deadline: how long a key source that isn't local may take.
    package init(
        store: KeyStore, cache: KeyCache, sources: [any KeySource], audit: any AuditSink, clock: WallClock,
        deadline: Duration = .milliseconds(100)
    ) {
        (self.store, self.cache, self.audit, self.clock, self.deadline) = (store, cache, audit, clock, deadline)
        self.sources = Dictionary(sources.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Wraps a data key under the granted key's primary version.
    /// - Parameters:
    ///   - aad: bound to the blob, not hidden in it.
    ///   - record: what is known of the request; version, outcome and latency are filled in.
    /// - Returns: the blob (`WrappedBlob`), once its record is durable.
    package func wrap(
        _ dek: borrowing SecretBytes, aad: [UInt8], label: DomainLabel, under grant: Grant, recording record: AuditRecord,
        since start: UInt64
    ) async throws(KeyServiceError) -> [UInt8] {
        guard grant.operation.wraps else { throw .unusable("the grant is for \(grant.operation.rawValue)") }
        let loaded = try await load(toWrap: grant.key)
        let (version, material) = try primary(of: loaded)
        let source = try source(of: loaded.key)
        let header = WrappedBlob.Header(keyID: grant.key, version: version.number, algorithm: source.wrapAlgorithm).bytes
        let bound = WrappedBlob.associatedData(label: label, header: header, aad: aad)
        let box = try await wrap(dek, source, material, bound)
        try await write(record, version.number, start)
        return header + box
    }

    /// Unwraps what `wrap` made under the granted key, with whichever of its versions the blob names.
    /// - Returns: the data key, once its record is durable.
    package func unwrap(
        _ blob: WrappedBlob, aad: [UInt8], label: DomainLabel, under grant: Grant, recording record: AuditRecord,
        since start: UInt64
    ) async throws(KeyServiceError) -> SecretBytes {
        guard grant.operation == .unwrap else { throw .unusable("the grant is for \(grant.operation.rawValue)") }
        let opened = try await open(blob, of: grant.key, aad: aad, label: label)
        try await write(record, opened.version, start)
        return opened.content
    }

    /// Opens what `wrap` made under `key` for a use on which can be decided only by what is inside.
    /// - Parameter body: decides and uses; its grant must be for `key` and an operation that unwraps. If it throws, nothing was used.
    /// - Returns: what `body` made, once its record is durable.
    package func use<R: Sendable>(
        _ blob: WrappedBlob, of key: KeyID, aad: [UInt8], label: DomainLabel, since start: UInt64,
        _ body: (SharedSecret) async throws -> (grant: Grant, record: AuditRecord, result: R)
    ) async throws -> R {
        let opened = try await open(blob, of: key, aad: aad, label: label)
        let version = opened.version
        let (grant, record, result) = try await body(SharedSecret(opened.content))
        guard grant.operation.unwraps, grant.key == key else {
            throw KeyServiceError.unusable("the grant is for \(grant.operation.rawValue)")
        }
        try await write(record, version, start)
        return result
    }

    /// Whether `key` could wrap now; asks a source that isn't local with a data key of its own.
    package func probe(_ key: KeyID) async throws(KeyServiceError) {
        let loaded = try await load(toWrap: key)
        let (_, material) = try primary(of: loaded)
        let source = try source(of: loaded.key)
        guard !source.isLocal else { return }
        _ = try await wrap(SecretBytes(copying: [UInt8](repeating: 0, count: 32)), source, material, [])
    }

    private func open(
        _ blob: WrappedBlob, of key: KeyID, aad: [UInt8], label: DomainLabel
    ) async throws(KeyServiceError) -> OpenedBlob {
        guard blob.header.keyID == key else { throw .undecryptable }
        let loaded = try await load(usable: key)
        guard let version = loaded.key.versions.first(where: { $0.number == blob.header.version }) else { throw .undecryptable }
        guard version.state != .suspended else { throw .suspended }
        guard version.state != .destroyed else { throw .keyNotFound }
        guard version.state.mayProcess, let material = loaded.material(version.number) else {
            throw .unusable("version \(version.number) is \(version.state.rawValue)")
        }
        let bound = WrappedBlob.associatedData(label: label, header: blob.header.bytes, aad: aad)
        return OpenedBlob(content: try await unwrap(blob, try source(of: loaded.key), material, bound), version: version.number)
    }

    // MARK: The key

    /// The version that wraps, with its material.
    private func primary(of loaded: LoadedKey) throws(KeyServiceError) -> (KeyVersion, SharedSecret) {
        let now = clock.now
        guard let version = loaded.key.primary(at: now), let material = loaded.material(version.number) else {
            throw .unusable(loaded.key.summary.hasExpired(at: now)
                ? "it has expired and wraps nothing new; move its expiry, or use another key" : "its newest version is not active; rotate the key")
        }
        return (version, material)
    }

    private func load(toWrap key: KeyID) async throws(KeyServiceError) -> LoadedKey {
        let loaded = try await load(usable: key)
        if loaded.key.versions.first(where: { $0.state != .preActive })?.state == .suspended { throw .suspended }
        return loaded
    }

    private func load(usable key: KeyID) async throws(KeyServiceError) -> LoadedKey {
        let loaded = try await load(key)
        guard loaded.key.purpose == .wrap else { throw .unusable("the key is for \(loaded.key.purpose.rawValue)") }
        if loaded.key.versions.allSatisfy({ $0.state == .destroyed }) { throw .keyNotFound }
        return loaded
    }

    func load(_ id: KeyID) async throws(KeyServiceError) -> LoadedKey {
        if let held = cache.find(id) { return held }
        let epoch = cache.epoch(for: id)
        do {
            guard let loaded = try await store.load(id) else { throw KeyServiceError.keyNotFound }
            cache.insert(loaded, loadedIn: epoch)
            return loaded
        } catch let error as KeyServiceError {
            throw error
        } catch {
            throw .sourceUnavailable("\(error)")
        }
    }

    private func source(of key: Key) throws(KeyServiceError) -> any KeySource {
        guard let source = sources[key.source] else { throw .sourceUnavailable("key source “\(key.source)” is not configured") }
        return source
    }

    // MARK: The source

    private func wrap(
        _ dek: borrowing SecretBytes, _ source: any KeySource, _ material: SharedSecret, _ bound: [UInt8]
    ) async throws(KeyServiceError) -> [UInt8] {
        if source.isLocal {
            do { return try await source.wrap(dek, with: material, associatedData: bound) } catch { throw KeyServiceError(error) }
        }
        let copy = SharedSecret(dek.copy())
        let answer = await withDeadline(deadline) { () -> Result<[UInt8], KeySourceError> in
            do throws(KeySourceError) {
                return .success(try await source.wrap(copy.bytes, with: material, associatedData: bound))
            } catch {
                return .failure(error)
            }
        }
        switch answer {
        case .success(let box): return box
        case .failure(let error): throw KeyServiceError(error)
        case nil: throw .deadlineExceeded
        }
    }

    private func unwrap(
        _ blob: WrappedBlob, _ source: any KeySource, _ material: SharedSecret, _ bound: [UInt8]
    ) async throws(KeyServiceError) -> SecretBytes {
        let algorithm = blob.header.algorithm
        if source.isLocal {
            do {
                return try await source.unwrap(blob.box, algorithm: algorithm, with: material, associatedData: bound)
            } catch { throw KeyServiceError(error) }
        }
        let answer = await withDeadline(deadline) { () -> Result<SharedSecret, KeySourceError> in
            do throws(KeySourceError) {
                return .success(SharedSecret(
                    try await source.unwrap(blob.box, algorithm: algorithm, with: material, associatedData: bound)))
            } catch {
                return .failure(error)
            }
        }
        switch answer {
        case .success(let dek): return dek.bytes.copy()
        case .failure(let error): throw KeyServiceError(error)
        case nil: throw .deadlineExceeded
        }
    }

    // MARK: The record

    func write(_ record: AuditRecord, _ version: KeyVersionNumber, _ start: UInt64) async throws(KeyServiceError) {
        var record = record
        record.keyVersion = version
        record.outcome = .allowed
        record.status = 200
        let now = MonotonicClock.nanoseconds
        record.latencyMicroseconds = now > start ? Int64(clamping: (now - start) / 1000) : 0
        do { try await audit.append(record) } catch { throw .auditUnavailable }
    }
}

/// What was inside a blob, and which version opened it.
private struct OpenedBlob: ~Copyable {
    let content: SecretBytes
    let version: KeyVersionNumber
}

extension KeyServiceError {
    fileprivate init(_ error: KeySourceError) {
        self = switch error {
        case .unauthentic, .malformed: .undecryptable
        case .unsupported: .unusable("the key source can't do this with this key")
        case .unavailable(let text): .sourceUnavailable(text)
        case .deadlineExceeded: .deadlineExceeded
        }
    }
}
