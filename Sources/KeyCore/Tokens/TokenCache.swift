import Primitives
import Synchronization

/// Tokens that were verified a moment ago, by the SHA-256 of their text: a caller shows the same one for up to an hour.
///
/// Bounded; each shard forgets its oldest. Remembers which generation of the issuer's keys verified a token and by which rules, so that
/// a key that was withdrawn takes its tokens along. The hash is keyed by the process's random seed (Swift's `Hasher`) on top of SHA-256.
final class TokenCache: Sendable {
    struct Entry: Sendable {
        let token: VerifiedToken
        let generation: UInt64
        let rules: Issuer.ClaimRules
        /// How far clocks were allowed to differ when the token's beginning was looked at.
        let skew: Duration
    }

    private struct Shard {
        var entries: [[UInt8]: Entry] = [:]
        var order: [[UInt8]] = []
        var oldest = 0
    }

    private final class Lock: Sendable {
        let shard = Mutex(Shard())
    }

    private let locks: [Lock]
    private let shardCapacity: Int

    init(capacity: Int) {
        locks = (0..<16).map { _ in Lock() }
        shardCapacity = max(1, capacity / 16)
    }

    func find(_ digest: [UInt8]) -> Entry? { lock(digest).shard.withLock { $0.entries[digest] } }

    func insert(_ entry: Entry, for digest: [UInt8]) {
        lock(digest).shard.withLock { shard in
            guard shard.entries.updateValue(entry, forKey: digest) == nil else { return }
            if shard.order.count < shardCapacity {
                shard.order.append(digest)
            } else {
                shard.entries[shard.order[shard.oldest]] = nil
                shard.order[shard.oldest] = digest
                shard.oldest = (shard.oldest + 1) % shardCapacity
            }
        }
    }

    var count: Int { locks.reduce(0) { $0 + $1.shard.withLock { $0.entries.count } } }

    private func lock(_ digest: [UInt8]) -> Lock { locks[Int(digest[0] & 15)] }
}
