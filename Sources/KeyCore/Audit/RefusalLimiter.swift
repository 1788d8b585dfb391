import Primitives
import Synchronization

/// Keeps a flood of unauthenticated refusals from filling the journal: a token bucket. What it doesn't let pass it counts,
/// and the next record that passes carries the count (`AuditRecord.suppressed`).
///
/// Only for refusals of callers whom nobody knows: every use of a key, and every refusal of an authenticated caller, is recorded.
package final class RefusalLimiter: Sendable {
    /// What to do with a refusal.
    package enum Admission: Sendable, Equatable {
        /// Record it, with the number of those suppressed since the last that was.
        case record(suppressed: Int)
        /// Don't record it.
        case suppress
    }

    private struct Bucket {
        /// In nanoseconds of refill, so that nothing is rounded away.
        var credit: UInt64
        var filled: UInt64
        var suppressed = 0
    }

    private let price: UInt64
    private let capacity: UInt64
    private let bucket: Mutex<Bucket>

    /// A limiter that lets `perSecond` refusals pass, and `burst` at once after a quiet time; both from 1 to 1 000 000.
    /// - Parameter now: the monotonic clock in nanoseconds.
    package init(perSecond: Int, burst: Int, now: UInt64 = MonotonicClock.nanoseconds) {
        price = 1_000_000_000 / UInt64(min(max(perSecond, 1), 1_000_000))
        capacity = price * UInt64(min(max(burst, 1), 1_000_000))
        bucket = Mutex(Bucket(credit: capacity, filled: now))
    }

    /// Decides on one refusal.
    package func admit(now: UInt64 = MonotonicClock.nanoseconds) -> Admission {
        bucket.withLock { bucket in
            if now > bucket.filled {
                bucket.credit = min(capacity, bucket.credit + min(capacity, now - bucket.filled))
                bucket.filled = now
            }
            guard bucket.credit >= price else {
                bucket.suppressed += 1
                return .suppress
            }
            bucket.credit -= price
            defer { bucket.suppressed = 0 }
            return .record(suppressed: bucket.suppressed)
        }
    }

    /// How many were suppressed since the last record, and forgets them: for a last record at the end.
    package func drain() -> Int {
        bucket.withLock { bucket in
            defer { bucket.suppressed = 0 }
            return bucket.suppressed
        }
    }
}
