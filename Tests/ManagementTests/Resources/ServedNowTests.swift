import KeyCore
@testable import Management
import Plugins
import Primitives
import TestSupport
import Testing

/// The data plane beside the API, with its caches: what the executable composes, without listeners.
private final class Plane: Sendable {
    let api: APIFixture
    let cache = KeyCache()
    let keys: KeyService
    private let policy: AccessPolicy

    init() throws {
        api = try APIFixture()
        keys = KeyService(
            store: api.stores.keys, cache: cache, sources: [EmbeddedKeySource()], audit: RecordingAudit(), clock: api.store.clock.wall)
        policy = try AccessPolicy(
            parsing: "version: 1\nname: p\nrules:\n  - {name: r, effect: allow, operations: any, principals: [a@example.com], justifications: any}\n",
            source: "p")
    }

    /// What publishing does in the executable: keys that changed are forgotten.
    func catchUp(_ sequence: Int64) async throws {
        for change in try await api.store.database.read({ try ChangeLog.changes(after: sequence, in: $0) }) where change.entity == .key {
            if let id = KeyID(change.id) { cache.invalidate(id) }
        }
    }

    private func grant(_ operation: KeyCore.Operation, _ id: KeyID) throws -> KeyCore.Grant {
        try policy.authorize(AccessRequest(operation, of: id, by: "a@example.com", at: api.store.clock.now))
    }

    func wrap(_ id: KeyID) async throws -> [UInt8] {
        let record = AuditRecord(AuditEvent("test.wrap"), .failed, at: api.store.clock.now)
        return try await keys.wrap(
            SecretBytes(copying: [UInt8](0..<32)), aad: [], label: .ekm, under: try grant(.wrap, id), recording: record, since: 0)
    }

    func unwrap(_ blob: [UInt8], _ id: KeyID) async throws -> [UInt8] {
        let record = AuditRecord(AuditEvent("test.unwrap"), .failed, at: api.store.clock.now)
        let parsed = try #require(WrappedBlob(blob))
        return try await keys.unwrap(parsed, aad: [], label: .ekm, under: try grant(.unwrap, id), recording: record, since: 0).exposedCopy()
    }
}

@Suite("What is changed is served at once") struct ServedNowTests {
    @Test("N24 a version stopped through the API is never served from the cache afterwards", arguments: ["suspended", "deactivated", "compromised"])
    func stopped(state: String) async throws {
        let plane = try Plane()
        let id = try #require(KeyID(try await plane.api.makeKey()))
        let blob = try await plane.wrap(id)  // it is in the cache now
        _ = try await plane.api.call("PUT", "/api/v1/keys/\(id)/versions/1/state", body: ["state": .string(state)])
        try await plane.catchUp(0)
        await #expect(throws: KeyServiceError.self) { try await plane.wrap(id) }
        if state == "suspended" {
            await #expect(throws: KeyServiceError.suspended) { try await plane.unwrap(blob, id) }
        } else {
            #expect(try await plane.unwrap(blob, id) == [UInt8](0..<32))
        }
    }

    @Test("N24 a destroyed version, and a deleted key, open nothing any more")
    func destroyed() async throws {
        let plane = try Plane()
        let id = try #require(KeyID(try await plane.api.makeKey()))
        let blob = try await plane.wrap(id)
        _ = try await plane.api.call("PUT", "/api/v1/keys/\(id)/versions/1/state", body: ["state": "deactivated"])
        _ = try await plane.api.call("POST", "/api/v1/keys/\(id)/versions/1/destroy", body: ["confirm": "disk"])
        try await plane.catchUp(0)
        await #expect(throws: KeyServiceError.keyNotFound) { try await plane.unwrap(blob, id) }
        _ = try await plane.api.call("DELETE", "/api/v1/keys/\(id)")
        try await plane.catchUp(0)
        await #expect(throws: KeyServiceError.keyNotFound) { try await plane.unwrap(blob, id) }
    }

    @Test("an expired key wraps nothing new, from the cache neither, and goes on unwrapping")
    func expired() async throws {
        let plane = try Plane()
        let id = try #require(KeyID(try await plane.api.makeKey("disk", [
            "expires_at": .string(RFC3339.string(plane.api.store.clock.now + .seconds(60))),
        ])))
        let blob = try await plane.wrap(id)
        plane.api.store.clock.advance(by: .seconds(60))  // nobody tells the cache of that
        do {
            _ = try await plane.wrap(id)
            Issue.record("it wrapped")
        } catch KeyServiceError.unusable(let text) { #expect(text.contains("expired")) }
        #expect(try await plane.unwrap(blob, id) == [UInt8](0..<32))
    }
}
