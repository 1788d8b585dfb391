import KeyCore
@testable import Management
import Plugins
import Primitives
import Synchronization
import TestSupport
import Testing

@Suite("N27: a thousand changes at once while the data plane serves") struct ConcurrentChangeTests {
    private static let keys = 6
    private static let client = "ekms@example.iam.gserviceaccount.com"
    private static let dek = Array("a data key of thirty-two bytes!!".utf8)

    private let cache = KeyCache()
    private let fixture: APIFixture
    private let service: KeyService
    private let policy: AccessPolicy

    init() throws {
        let cache = cache
        fixture = try APIFixture(publish: { cache.invalidateAll() })
        service = KeyService(
            store: fixture.stores.keys, cache: cache, sources: [EmbeddedKeySource()], audit: fixture.audit, clock: fixture.store.clock.wall)
        policy = try AccessPolicy(
            parsing: "version: 1\nname: p\nrules:\n  - {name: a, effect: allow, operations: [wrap, unwrap], principals: [\(Self.client)], justifications: any}\n",
            source: "p.yaml")
    }

    @Test("no version twice, no use of what was suspended, no old version after a rotation: some order explains each answer")
    func linearizable() async throws {
        let keys = try await makeKeys("lin", Self.keys)
        var blobs: [[UInt8]] = []
        for key in keys { blobs.append(try await wrap(key)) }
        let history = History()
        let isOver = Shared(false)
        try await withThrowingTaskGroup { group in
            for (index, (key, blob)) in zip(keys, blobs).enumerated() {
                for _ in 0..<2 {
                    group.addTask {
                        while !isOver.withLock({ $0 }), !Task.isCancelled {
                            try await history.note(index) { try await self.use(key, blob) }
                            try await history.note(index) { try await self.wrapUse(key) }
                            try await Task.sleep(for: .milliseconds(10))  // so that the changes get on, too
                            try await Task.sleep(for: .microseconds(200))  // uses of a cached key never suspend by themselves
                        }
                    }
                }
            }
            try await withThrowingTaskGroup { changes in
                for (index, key) in keys.enumerated() {
                    changes.addTask {
                        for turn in 0..<40 {  // one after the other, beside all others
                            let state = turn % 2 == 0 ? "suspended" : "active"
                            try await history.note(index) {
                                let answer = try await self.fixture.call("PUT", "/api/v1/keys/\(key)/versions/1/state", body: ["state": .string(state)])
                                #expect(answer.status == 200, "\(answer.text)")
                                return turn % 2 == 0 ? .suspended : .resumed
                            }
                        }
                    }
                    for _ in 0..<4 {
                        changes.addTask {
                            for _ in 0..<10 {
                                try await history.note(index) {
                                    let answer = try await self.fixture.call("POST", "/api/v1/keys/\(key)/rotate")
                                    #expect(answer.status == 201, "\(answer.text)")
                                    return answer["versions"].array?.first?["number"]?.integer.map { .rotated($0) }
                                }
                            }
                        }
                    }
                }
                try await changes.waitForAll()
            }
            isOver.withLock { $0 = true }
            try await group.waitForAll()
        }
        for (index, key) in keys.enumerated() {
            let made = history.entries.compactMap { entry -> Int64? in
                if entry.key == index, case .rotated(let number) = entry.act { number } else { nil }
            }
            #expect(made.sorted() == Array(2...41), "each rotation made a version of its own, and none is missing")
            let found = try await fixture.call("GET", "/api/v1/keys/\(key)")
            #expect(found["versions"].array?.count == 41)
            #expect(found["versions"].array?.count { $0["state"]?.string == "active" } == 41, "no state is half changed")
            #expect(history.impossibleUses(of: index).isEmpty)
            #expect(history.impossibleWraps(of: index).isEmpty)
        }
    }

    @Test("no update is lost: what was changed since it was read is refused with 412, and each that is answered 200 is there")
    func noLostUpdate() async throws {
        let key = try await makeKeys("counter", 1)[0]
        let path = "/api/v1/keys/\(key)"
        let done = Shared(0)
        let refused = Shared(0)
        try await withThrowingTaskGroup { group in
            for _ in 0..<10 {
                group.addTask {
                    var own = 0
                    while own < 20 {
                        let read = try await self.fixture.call("GET", path)
                        let number = read["labels"]["n"]?.string.flatMap { Int($0) } ?? 0
                        let answer = try await self.fixture.call(
                            "PATCH", path, body: ["labels": ["n": .string("\(number + 1)")]], headers: ["If-Match": try #require(read.etag)])
                        switch answer.status {
                        case 200:
                            own += 1
                            done.withLock { $0 += 1 }
                        case 412: refused.withLock { $0 += 1 }
                        default: Issue.record("\(answer.status) \(answer.text)")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let found = try await fixture.call("GET", path)
        #expect(done.withLock { $0 } == 200)
        #expect(found["labels"]["n"]?.string == "200")
        #expect(found["revision"].integer == 201)
        #expect(refused.withLock { $0 } > 0, "they were really at it at the same time")
    }

    @Test("what was destroyed is never used again, whatever else was asked for in the same moment")
    func destroyed() async throws {
        let keys = try await makeKeys("gone", 20)
        for key in keys {
            let blob = try await wrap(key)
            let path = "/api/v1/keys/\(key)/versions/1"
            _ = try await fixture.call("PUT", path + "/state", body: ["state": "deactivated"])
            let name = try #require(try await fixture.call("GET", "/api/v1/keys/\(key)")["name"].string)
            let destroyedAt = Shared(UInt64.max)
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask { _ = try await self.fixture.call("PUT", path + "/state", body: ["state": "active"]) }
                    group.addTask { _ = try await self.fixture.call("PUT", path + "/state", body: ["state": "deactivated"]) }
                    group.addTask {
                        let answer = try await self.fixture.call("POST", path + "/destroy", body: ["confirm": .string(name)])
                        if answer.status < 300 { destroyedAt.withLock { $0 = min($0, MonotonicClock.nanoseconds) } }
                    }
                    group.addTask {
                        for _ in 0..<20 {
                            let start = MonotonicClock.nanoseconds
                            let isUsed = try await self.use(key, blob) == .unwrapped
                            #expect(!isUsed || start < destroyedAt.withLock { $0 }, "used after it was answered that it is destroyed")
                        }
                    }
                }
                try await group.waitForAll()
            }
            let state = try await fixture.call("GET", "/api/v1/keys/\(key)")["versions"].array?.first?["state"]?.string
            let wasDestroyed = destroyedAt.withLock { $0 } < .max
            #expect((state == "destroyed") == wasDestroyed)
            if wasDestroyed { #expect(try await fixture.store.sealedMaterial(key, 1) == nil) }
        }
    }

    @Test("each version of a policy is what one of its writers wrote, whole")
    func policies() async throws {
        let source: @Sendable (String) -> String = { name in
            "version: 1\nname: p\nrules:\n  - {name: \(name), effect: deny, operations: [wrap], principals: [\"a@example.com\"]}\n"
        }
        let made = try await fixture.call("POST", "/api/v1/policies", body: ["name": "p", "source": .string(source("first"))])
        let path = "/api/v1/policies/\(try #require(made["id"].string))/versions"
        let written = Shared<[Int64: String]>([:])
        try await withThrowingTaskGroup { group in
            for writer in 0..<10 {
                group.addTask {
                    for turn in 0..<10 {
                        let text = source("w\(writer)t\(turn)")
                        let answer = try await self.fixture.call("POST", path, body: ["source": .string(text)])
                        let number = try #require(answer["version"].integer, "\(answer.text)")
                        #expect(written.withLock { $0.updateValue(text, forKey: number) } == nil, "version \(number) was given twice")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(written.withLock { $0.keys.sorted() } == Array(2...101))
        for (number, text) in written.withLock({ $0 }) {
            #expect(try await fixture.call("GET", "\(path)/\(number)")["source"].string == text)
        }
    }

    // MARK: The data plane

    private func makeKeys(_ name: String, _ count: Int) async throws -> [KeyID] {
        var keys: [KeyID] = []
        for number in 0..<count {
            let answer = try await fixture.call("POST", "/api/v1/keys", body: ["name": .string("\(name)-\(number)")])
            keys.append(try #require(answer["id"].string.flatMap { KeyID($0) }))
        }
        return keys
    }

    private func grant(_ operation: KeyCore.Operation, _ key: KeyID) throws -> KeyCore.Grant {
        try policy.authorize(AccessRequest(
            operation, of: key, by: Self.client, because: .customerInitiatedAccess, at: fixture.store.clock.now))
    }

    private func wrap(_ key: KeyID) async throws -> [UInt8] {
        try await service.wrap(
            SecretBytes(copying: Self.dek), aad: [], label: .ekm, under: try grant(.wrap, key),
            recording: AuditRecord(.keyUpdated, .failed, at: fixture.store.clock.now), since: MonotonicClock.nanoseconds)
    }

    private func wrapUse(_ key: KeyID) async throws -> History.Act? {
        do {
            return .wrapped(Int64(try #require(WrappedBlob(try await wrap(key))).header.version))
        } catch KeyServiceError.suspended {
            return nil  // as long as there is only version 1
        }
    }

    private func use(_ key: KeyID, _ blob: [UInt8]) async throws -> History.Act {
        do {
            let dek = try await service.unwrap(
                try #require(WrappedBlob(blob)), aad: [], label: .ekm, under: try grant(.unwrap, key),
                recording: AuditRecord(.keyUpdated, .failed, at: fixture.store.clock.now), since: MonotonicClock.nanoseconds)
            #expect(dek.exposedCopy() == Self.dek)
            return .unwrapped
        } catch let error as KeyServiceError {
            switch error {
            case .suspended, .keyNotFound, .unusable: return .refused
            default: throw error
            }
        }
    }

    /// A value that tasks share.
    private final class Shared<Value: Sendable>: Sendable {
        private let value: Mutex<Value>
        init(_ value: Value) { self.value = Mutex(value) }
        func withLock<R: Sendable>(_ body: (inout Value) -> R) -> R { value.withLock { body(&$0) } }
    }
}
