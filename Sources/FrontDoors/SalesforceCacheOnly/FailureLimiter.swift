import KeyCore
import Primitives
import Synchronization

/// Counts failed attempts to prove who one is, by endpoint and by endpoint and address: beyond a rate they are told to wait.
///
/// Who has the right proof is served all the same. Orgs share Salesforce's addresses: were they kept out by the failures of others, an attacker
/// could have a victim's key destroyed by failing on purpose. The passwords have 256 bits and tokens are signed, so there is nothing to guess.
package final class FailureLimiter: Sendable {
    private struct Bucket {
        var credit: UInt64
        var filled: UInt64
    }

    private static let slots = 4096
    private let price: UInt64
    private let capacity: UInt64
    private let buckets: Mutex<[Bucket]>

    /// A limiter that lets `perMinute` failures of one address at one endpoint pass, and `burst` at once after a quiet time; ten times as many
    /// of all addresses together. What it remembers is bounded: two that fall into one slot share it.
    package init(perMinute: Int = 30, burst: Int = 20) {
        price = 60_000_000_000 / UInt64(max(1, perMinute))
        capacity = price * UInt64(max(1, burst))
        buckets = Mutex([Bucket](repeating: Bucket(credit: .max, filled: 0), count: FailureLimiter.slots))
    }

    /// Whether one more failure is within the rate.
    func admit(_ endpoint: EndpointID, _ address: String, now: UInt64 = MonotonicClock.nanoseconds) -> Bool {
        var (one, all) = (Hasher(), Hasher())
        one.combine(endpoint)
        all.combine(endpoint)
        one.combine(address)
        let (first, second) = (one.finalize(), all.finalize())
        return buckets.withLock { buckets in
            let isWithin = take(&buckets[FailureLimiter.slot(first)], price, capacity, now)
            return take(&buckets[FailureLimiter.slot(second)], price / 10, capacity, now) && isWithin
        }
    }

    private static func slot(_ hash: Int) -> Int { Int(UInt(bitPattern: hash) % UInt(slots)) }

    private func take(_ bucket: inout Bucket, _ price: UInt64, _ capacity: UInt64, _ now: UInt64) -> Bool {
        let refill = now > bucket.filled ? now - bucket.filled : 0
        let (sum, overflow) = bucket.credit.addingReportingOverflow(refill)
        bucket.credit = min(capacity, overflow ? capacity : sum)
        bucket.filled = max(bucket.filled, now)
        guard bucket.credit >= price else { return false }
        bucket.credit -= price
        return true
    }
}
