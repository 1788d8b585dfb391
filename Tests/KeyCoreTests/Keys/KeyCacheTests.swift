import Primitives
import Synchronization
import TestSupport
import Testing

@testable import KeyCore

@Suite("The key cache") struct KeyCacheTests {
    private static func key(_ id: KeyID, _ name: String = "k") -> LoadedKey {
        LoadedKey(
            key: Key(
                summary: KeySummary(
                    id: id, name: name, purpose: .wrap, algorithm: .aes256, source: .embedded, createdAt: Instant(seconds: 0)),
                versions: []),
            materials: [:])
    }

    @Test("N24 a key whose load began before an invalidation is not kept")
    func lateInsert() throws {
        let (cache, id, other) = (KeyCache(), try KeyID.random(), try KeyID.random())
        for invalidate in [{ cache.invalidate(id) }, { cache.invalidateAll() }] {
            let epoch = cache.epoch(for: id)
            invalidate()
            cache.insert(Self.key(id), loadedIn: epoch)
            #expect(cache.find(id) == nil)
            cache.insert(Self.key(id), loadedIn: cache.epoch(for: id))
            #expect(cache.find(id)?.key.id == id)
            #expect(cache.find(other) == nil)
            invalidate()
            #expect(cache.find(id) == nil)
        }
    }

    private final class Number: Sendable {
        let value = Mutex(0)
    }

    @Test("N24 loads that run against changes never leave an old state behind")
    func race() async throws {
        let (cache, id) = (KeyCache(), try KeyID.random())
        let current = Number()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<2_000 {
                        let epoch = cache.epoch(for: id)
                        let read = current.value.withLock { $0 }
                        await Task.yield()
                        cache.insert(Self.key(id, "\(read)"), loadedIn: epoch)
                    }
                }
            }
            group.addTask {
                for number in 1...2_000 {
                    current.value.withLock { $0 = number }
                    cache.invalidate(id)
                    // Whatever is found from here on was read after the change.
                    if let found = cache.find(id), (Int(found.key.name) ?? -1) < number { Issue.record("\(found.key.name) served after \(number)") }
                    await Task.yield()
                }
            }
        }
    }

    @Test("it holds about its capacity and forgets what was used least recently")
    func bounded() throws {
        let cache = KeyCache(capacity: 32)  // two to a shard
        let favourite = try KeyID.random()
        cache.insert(Self.key(favourite), loadedIn: cache.epoch(for: favourite))
        var ids: [KeyID] = []
        for _ in 0..<2_000 {
            let id = try KeyID.random()
            ids.append(id)
            cache.insert(Self.key(id), loadedIn: cache.epoch(for: id))
            #expect(cache.find(favourite) != nil)
        }
        #expect(ids.count { cache.find($0) != nil } <= 31)
    }
}
