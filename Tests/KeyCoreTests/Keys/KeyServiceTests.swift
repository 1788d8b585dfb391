import Primitives
import TestSupport
import Testing

@testable import KeyCore

@Suite("Using keys") struct KeyServiceTests {
    let world: KeyDatabase
    let audit = RecordingAudit()
    let cache = KeyCache()
    static let dek = Array("a data key of thirty-two bytes!!".utf8)
    static let record = AuditRecord(AuditEvent("test.use"), .failed, at: Instant(seconds: 1_790_000_000))

    init() throws { world = try KeyDatabase() }

    private func service(_ source: any KeySource, deadline: Duration = .milliseconds(60)) -> KeyService {
        KeyService(store: world.keys, cache: cache, sources: [source], audit: audit, clock: world.clock.wall, deadline: deadline)
    }

    private func key(_ source: any KeySource, _ name: String = "k") async throws -> KeyID {
        try await world.keys.create(name: name, purpose: .wrap, algorithm: .aes256, source: source).id
    }

    private func grant(_ operation: KeyCore.Operation, _ id: KeyID) throws -> Grant {
        try PolicyFixture.policy(PolicyFixture.allow()).authorize(
            AccessRequest(operation, of: id, by: PolicyFixture.client, because: .customerInitiatedAccess, at: PolicyFixture.noon))
    }

    private func wrap(_ service: KeyService, _ id: KeyID, aad: String = "aad", label: DomainLabel = .ekm) async throws -> [UInt8] {
        try await service.wrap(
            SecretBytes(copying: Self.dek), aad: Array(aad.utf8), label: label, under: try grant(.wrap, id), recording: Self.record,
            since: MonotonicClock.nanoseconds)
    }

    private func unwrap(_ service: KeyService, _ blob: [UInt8], _ id: KeyID, aad: String = "aad", label: DomainLabel = .ekm) async throws -> [UInt8] {
        guard let blob = WrappedBlob(blob) else { throw KeyServiceError.undecryptable }
        return try await service.unwrap(
            blob, aad: Array(aad.utf8), label: label, under: try grant(.unwrap, id), recording: Self.record, since: MonotonicClock.nanoseconds
        ).exposedCopy()
    }

    /// Why `body` fails.
    private func failure(_ body: () async throws -> [UInt8]) async throws -> KeyServiceError? {
        do {
            _ = try await body()
            return nil
        } catch let error as KeyServiceError { return error }
    }

    /// Sets a version's state and has the cache notice, as the change log does.
    private func set(_ state: KeyState, _ id: KeyID, _ version: KeyVersionNumber = 1) async throws {
        try await world.database.execute(
            "UPDATE key_versions SET state = $1 WHERE key_id = $2 AND number = $3",
            [.text(state.rawValue), .text(id.description), .integer(Int64(version))])
        cache.invalidate(id)
    }

    @Test("unwrap gives back what wrap was given, and each use is on record with version, outcome and latency", arguments: [true, false])
    func roundTrip(isLocal: Bool) async throws {
        let source = FakeKeySource(isLocal: isLocal)
        let (service, id) = (service(source, deadline: .seconds(20)), try await key(source))
        let blob = try await wrap(service, id)
        #expect(blob.count == Self.dek.count + 64)
        #expect(try await wrap(service, id) != blob)
        #expect(try await unwrap(service, blob, id) == Self.dek)
        #expect(audit.records.count == 3)
        for record in audit.records {
            #expect((record.keyVersion, record.outcome, record.status) == (1, .allowed, 200))
            #expect((record.latencyMicroseconds ?? -1) >= 0)
        }
    }

    @Test("N51 a blob opens with its own key, AAD and protocol only; every changed bit is refused, and none of it is on record as allowed")
    func binding() async throws {
        let source = FakeKeySource()
        let (service, id) = (service(source), try await key(source))
        let other = try await key(source, "other")
        let blob = try await wrap(service, id)
        #expect(try await failure { try await unwrap(service, blob, id, aad: "bbb") } == .undecryptable)
        #expect(try await failure { try await unwrap(service, blob, id, aad: "") } == .undecryptable)
        #expect(try await failure { try await unwrap(service, blob, id, label: .kacls) } == .undecryptable)
        #expect(try await failure { try await unwrap(service, blob, other) } == .undecryptable)
        var renamed = blob
        renamed.replaceSubrange(3..<19, with: other.bytes.array)
        #expect(try await failure { try await unwrap(service, renamed, other) } == .undecryptable)
        for count in stride(from: 0, to: blob.count, by: 3) {
            #expect(try await failure { try await unwrap(service, Array(blob.prefix(count)), id) } == .undecryptable)
        }
        for bit in 0..<blob.count * 8 {
            var changed = blob
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(try await failure { try await unwrap(service, changed, id) } == .undecryptable)
        }
        #expect(try await failure { try await unwrap(service, blob + [0], id) } == .undecryptable)
        #expect(audit.records.count == 1)
    }

    @Test("the newest active version wraps; the blob names the version that unwraps")
    func versions() async throws {
        let source = FakeKeySource()
        let (service, id) = (service(source), try await key(source))
        let first = try await wrap(service, id)
        _ = try await world.keys.rotate(id, source: source)
        cache.invalidate(id)
        let second = try await wrap(service, id)
        #expect([first, second].map { WrappedBlob($0)?.header.version } == [1, 2])
        #expect(try await unwrap(service, first, id) == Self.dek)
        #expect(try await unwrap(service, second, id) == Self.dek)
        #expect(audit.records.map(\.keyVersion) == [1, 2, 1, 2])
        var downgraded = second
        downgraded[22] = 1
        #expect(try await failure { try await unwrap(service, downgraded, id) } == .undecryptable)
        downgraded[22] = 3
        #expect(try await failure { try await unwrap(service, downgraded, id) } == .undecryptable)
    }

    private static let noPrimary = KeyServiceError.unusable("its newest version is not active; rotate the key")

    @Test("a stopped newest version stops wrapping: the older active one doesn't step in, but what it wrapped still opens", arguments: [
        (KeyState.suspended, KeyServiceError.suspended), (.deactivated, noPrimary), (.compromised, noPrimary),
    ])
    func stoppedPrimary(state: KeyState, wrapping: KeyServiceError) async throws {
        let source = FakeKeySource()
        let (service, id) = (service(source), try await key(source))
        let first = try await wrap(service, id)
        _ = try await world.keys.rotate(id, source: source)
        _ = try await world.keys.setState(state, of: id, version: 2)
        cache.invalidate(id)
        #expect(try await failure { try await wrap(service, id) } == wrapping)
        #expect(try await unwrap(service, first, id) == Self.dek)
    }

    @Test("what each state permits", arguments: [
        (KeyState.active, nil, nil), (.suspended, KeyServiceError.suspended, .suspended),
        (.deactivated, noPrimary, nil), (.compromised, noPrimary, nil),
        (.preActive, noPrimary, .unusable("version 1 is pre-active")), (.destroyed, .keyNotFound, .keyNotFound),
    ] as [(KeyState, KeyServiceError?, KeyServiceError?)])
    func states(state: KeyState, wrapping: KeyServiceError?, unwrapping: KeyServiceError?) async throws {
        let source = FakeKeySource()
        let (service, id) = (service(source), try await key(source))
        let blob = try await wrap(service, id)
        let uses = source.uses
        try await set(state, id)
        #expect(try await failure { try await wrap(service, id) } == wrapping)
        #expect(try await failure { try await unwrap(service, blob, id) } == unwrapping)
        if wrapping != nil, unwrapping != nil { #expect(source.uses == uses) }
    }

    @Test("N24 a key that was destroyed or suspended is refused once its change is noticed, although it was in the cache")
    func revoked() async throws {
        let source = FakeKeySource()
        let (service, id) = (service(source), try await key(source))
        let blob = try await wrap(service, id)
        _ = try await world.keys.rotate(id, source: source)
        _ = try await world.keys.setState(.deactivated, of: id, version: 1)
        _ = try await world.keys.setState(.destroyed, of: id, version: 1)
        cache.invalidate(id)
        #expect(try await failure { try await unwrap(service, blob, id) } == .keyNotFound)
        #expect(try await failure { try await wrap(service, id) } == nil)
    }

    @Test("a remote source that hangs costs the deadline and no more; it goes on serving afterwards", .timeLimit(.minutes(2)))
    func stalling() async throws {
        let source = FakeKeySource(KeySourceID("hsm"), isLocal: false)
        let (patient, service) = (service(source, deadline: .seconds(20)), service(source))
        let id = try await key(source)
        let blob = try await wrap(patient, id)
        source.stall(true)
        #expect(try await failure { try await wrap(service, id) } == .deadlineExceeded)
        #expect(try await failure { try await unwrap(service, blob, id) } == .deadlineExceeded)
        #expect(source.uses == 3)
        source.stall(false)
        #expect(try await unwrap(patient, blob, id) == Self.dek)
        #expect(audit.records.count == 2)
    }

    @Test("EKM-23 a source's failure is never a refusal", arguments: [true, false], [
        (KeySourceError.unavailable("off"), KeyServiceError.sourceUnavailable("off")), (.deadlineExceeded, .deadlineExceeded),
        (.unsupported, .unusable("the key source can't do this with this key")), (.malformed, .undecryptable), (.unauthentic, .undecryptable),
    ])
    func failing(isLocal: Bool, failure: (KeySourceError, KeyServiceError)) async throws {
        let source = FakeKeySource(isLocal: isLocal)
        let (service, id) = (service(source, deadline: .seconds(20)), try await key(source))
        let blob = try await wrap(service, id)
        source.fail(failure.0)
        #expect(try await self.failure { try await wrap(service, id) } == failure.1)
        #expect(try await self.failure { try await unwrap(service, blob, id) } == failure.1)
        #expect(audit.records.count == 1)
    }

    @Test("EKM-23 a source that is not configured, or a database that is closed, is unavailable, not unknown")
    func unavailable() async throws {
        let source = FakeKeySource()
        let id = try await key(source)
        let elsewhere = service(FakeKeySource(KeySourceID("hsm")))
        #expect(try await failure { try await wrap(elsewhere, id) } == .sourceUnavailable("key source “embedded” is not configured"))
        cache.invalidateAll()
        try world.database.close()
        guard case .sourceUnavailable = try await failure({ try await wrap(service(source), id) }) else {
            Issue.record("expected sourceUnavailable")
            return
        }
    }

    @Test("without a durable record nothing is handed out", arguments: [AuditError.overloaded, .closed, .unavailable(.deadline)])
    func auditFails(error: AuditError) async throws {
        let source = FakeKeySource()
        let (service, id) = (service(source), try await key(source))
        let blob = try await wrap(service, id)
        audit.fail(error)
        #expect(try await failure { try await wrap(service, id) } == .auditUnavailable)
        #expect(try await failure { try await unwrap(service, blob, id) } == .auditUnavailable)
        audit.fail(nil)
        #expect(try await unwrap(service, blob, id) == Self.dek)
    }

    @Test("a grant for another operation, an unknown key, and a key for another purpose are refused")
    func grants() async throws {
        let source = FakeKeySource()
        let (service, id) = (service(source), try await key(source))
        let blob = try #require(WrappedBlob(try await wrap(service, id)))
        let (wrapping, unwrapping) = (try grant(.wrap, id), try grant(.unwrap, id))
        await #expect(throws: KeyServiceError.unusable("the grant is for wrap")) {
            _ = try await service.unwrap(blob, aad: [], label: .ekm, under: wrapping, recording: Self.record, since: 0).count
        }
        await #expect(throws: KeyServiceError.unusable("the grant is for unwrap")) {
            try await service.wrap(SecretBytes(copying: []), aad: [], label: .ekm, under: unwrapping, recording: Self.record, since: .max)
        }
        #expect(try await failure { try await wrap(service, try KeyID.random()) } == .keyNotFound)
        let cacheOnly = try await world.keys.create(name: "c", purpose: .cacheOnly, algorithm: .aes256, source: source).id
        #expect(try await failure { try await wrap(service, cacheOnly) } == .unusable("the key is for cache-only"))
    }

    @Test("one load serves many uses at once; a hundred concurrent round trips agree")
    func concurrency() async throws {
        let source = FakeKeySource()
        let (service, id) = (service(source), try await key(source))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<100 {
                group.addTask {
                    let blob = try await wrap(service, id, aad: "\(number)")
                    return try await unwrap(service, blob, id, aad: "\(number)") == Self.dek
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        #expect(audit.records.count == 200)
    }
}
