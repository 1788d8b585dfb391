package import KeyCore
package import Primitives

/// Requests by method, outcome and whether they were Google's health checks, with the time from their arrival to their outcome.
///
/// All that can be counted is there from the start, so that counting takes no lock.
package final class EKMCounters: Sendable {
    /// One kind of request.
    package struct Kind: Hashable, Sendable {
        /// Google's label; `other` for what has none.
        package let method: String
        package let outcome: AuditRecord.Outcome
        package let isHealthCheck: Bool
    }

    private static let methods = EKMMethod.allCases.map(\.rawValue) + ["other"]
    private static let outcomes: [AuditRecord.Outcome] = [.allowed, .refused, .failed]
    private let kinds: [Kind]
    private let times: [MetricHistogram]

    init() {
        kinds = EKMCounters.methods.flatMap { method in
            EKMCounters.outcomes.flatMap { outcome in
                [false, true].map { Kind(method: method, outcome: outcome, isHealthCheck: $0) }
            }
        }
        times = kinds.map { _ in MetricHistogram.latency() }
    }

    /// What happened since the start, without what never did.
    package var all: [Kind: Int] {
        Dictionary(uniqueKeysWithValues: snapshots.map { ($0.kind, $0.time.count) })
    }

    /// The same with times.
    package var snapshots: [(kind: Kind, time: MetricHistogram.Snapshot)] {
        zip(kinds, times.map(\.snapshot)).filter { $0.1.count > 0 }.map { (kind: $0.0, time: $0.1) }
    }

    /// Counts one that arrived at `start` on the monotonic clock.
    func count(_ method: EKMMethod?, _ outcome: AuditRecord.Outcome, isHealthCheck: Bool, since start: UInt64) {
        let row = switch outcome {
        case .allowed, .begun: 0
        case .refused: 1
        case .failed: 2
        }
        let index = (position(of: method) * EKMCounters.outcomes.count + row) * 2 + (isHealthCheck ? 1 : 0)
        let now = MonotonicClock.nanoseconds
        times[index].observe(now > start ? Int(now - start) : 0)
    }

    private func position(of method: EKMMethod?) -> Int {
        switch method {
        case .wrap: 0
        case .unwrap: 1
        case .asymmetricSign: 2
        case .getPublicKey: 3
        case .createKey: 4
        case .destroyKey: 5
        case .checkCryptoSpacePermissions: 6
        case .confidentialwrap: 7
        case .confidentialunwrap: 8
        case nil: 9
        }
    }
}
