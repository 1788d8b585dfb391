import Synchronization

/// What a key cache did since its start, and how many keys it holds.
package struct KeyCacheCounts: Sendable, Equatable {
    package var hits = 0
    package var misses = 0
    package var size = 0
}

/// Keys unsealed a moment ago: a bounded set in shards, each forgetting what was used least recently.
///
/// A key loaded while it was being changed is not kept: `insert` is told in which epoch the load began, and every `invalidate`
/// begins a new one. So nothing revoked is served from here once `invalidate` has returned.
package final class KeyCache: Sendable {
    private struct Slot {
        let key: LoadedKey
        var usedAt: UInt64
    }

    private struct Shard {
        var slots: [KeyID: Slot] = [:]
        var ticks: UInt64 = 0
        var epoch: UInt64 = 0
        var counts = KeyCacheCounts()
    }

    private final class Lock: Sendable {
        let shard = Mutex(Shard())
    }

    private let locks = (0..<16).map { _ in Lock() }
    private let shardCapacity: Int

    /// A cache of about `capacity` keys.
    package init(capacity: Int = 4096) { shardCapacity = max(1, capacity / 16) }

    /// The key, if it is held.
    func find(_ id: KeyID) -> LoadedKey? {
        lock(id).shard.withLock { shard in
            guard var slot = shard.slots[id] else {
                shard.counts.misses += 1
                return nil
            }
            shard.counts.hits += 1
            shard.ticks += 1
            slot.usedAt = shard.ticks
            shard.slots[id] = slot
            return slot.key
        }
    }

    /// What it did since its start, and holds now.
    package var counts: KeyCacheCounts {
        locks.reduce(into: KeyCacheCounts()) { sum, lock in
            lock.shard.withLock { shard in
                sum.hits += shard.counts.hits
                sum.misses += shard.counts.misses
                sum.size += shard.slots.count
            }
        }
    }

    /// To be asked before a load begins.
    func epoch(for id: KeyID) -> UInt64 { lock(id).shard.withLock { $0.epoch } }

    /// Holds a key, unless something was invalidated since `epoch`.
    func insert(_ key: LoadedKey, loadedIn epoch: UInt64) {
        lock(key.key.id).shard.withLock { shard in
            guard shard.epoch == epoch else { return }
            if shard.slots.count >= shardCapacity, shard.slots[key.key.id] == nil,
                let oldest = shard.slots.min(by: { $0.value.usedAt < $1.value.usedAt })
            {
                shard.slots[oldest.key] = nil
            }
            shard.ticks += 1
            shard.slots[key.key.id] = Slot(key: key, usedAt: shard.ticks)
        }
    }

    /// Forgets one key.
    package func invalidate(_ id: KeyID) {
        lock(id).shard.withLock { shard in
            shard.epoch += 1
            shard.slots[id] = nil
        }
    }

    /// Forgets everything.
    package func invalidateAll() {
        for lock in locks {
            lock.shard.withLock { shard in
                shard.epoch += 1
                shard.slots = [:]
            }
        }
    }

    private func lock(_ id: KeyID) -> Lock { locks[Int(truncatingIfNeeded: id.hashValue.magnitude % 16)] }
}
