import KeyCore
import Primitives
import Synchronization

/// Counts failed attempts to prove who one is, by endpoint and by endpoint and address: beyond a rate they are told to wait.
///
/// Who has the right proof is served all the same. Orgs share Salesforce's addresses: were they kept out by the failures of others, an attacker
/// could have a victim's key destroyed by failing on purpose. The passwords have 256 bits and tokens are signed, so there is nothing to guess.
package final class FailureLimiter: Sendable {
    private struct Bucket {
        var credit = UInt64.max
        var filled: UInt64 = 0
    }

    /// What is remembered of one endpoint; addresses that fall into one slot share it.
    private struct Failures {
        var all = Bucket()
        var byAddress = [Bucket](repeating: Bucket(), count: 256)
    }

    private static let maxEndpoints = 1024
    private let price: UInt64
    private let capacity: UInt64
    private let endpoints = Mutex<[EndpointID: Failures]>([:])

    /// A limiter that lets `perMinute` failures of one address at one endpoint pass, and `burst` at once after a quiet time; ten times as many
    /// of all addresses together. What it remembers is bounded, and no endpoint's failures count at another.
    package init(perMinute: Int = 30, burst: Int = 20) {
        price = 60_000_000_000 / UInt64(max(1, perMinute))
        capacity = price * UInt64(max(1, burst))
    }

    /// Whether one more failure is within the rate.
    func admit(_ endpoint: EndpointID, _ address: String, now: UInt64 = MonotonicClock.nanoseconds) -> Bool {
        var hasher = Hasher()
        hasher.combine(address)
        let hash = UInt(bitPattern: hasher.finalize())
        return endpoints.withLock { endpoints in
            // Of endpoints that are gone.
            if endpoints.count >= FailureLimiter.maxEndpoints, endpoints[endpoint] == nil { endpoints = [:] }
            return admit(&endpoints[endpoint, default: Failures()], hash, now)
        }
    }

    private func admit(_ failures: inout Failures, _ hash: UInt, _ now: UInt64) -> Bool {
        let slot = Int(hash % UInt(failures.byAddress.count))
        let isWithin = take(&failures.byAddress[slot], price, now)
        return take(&failures.all, price / 10, now) && isWithin
    }

    private func take(_ bucket: inout Bucket, _ price: UInt64, _ now: UInt64) -> Bool {
        let refill = now > bucket.filled ? now - bucket.filled : 0
        let (sum, overflow) = bucket.credit.addingReportingOverflow(refill)
        bucket.credit = min(capacity, overflow ? capacity : sum)
        bucket.filled = max(bucket.filled, now)
        guard bucket.credit >= price else { return false }
        bucket.credit -= price
        return true
    }
}
