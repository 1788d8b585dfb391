package import KeyCore
package import Primitives

/// Requests of a front door by method, outcome and whether they were health checks, with the time from their arrival to their outcome.
///
/// All that can be counted is there from the start, so that counting takes no lock.
package final class DoorCounters: Sendable {
    /// One kind of request.
    package struct Kind: Hashable, Sendable {
        /// The vendor's word; `other` for what has none.
        package let method: String
        package let outcome: AuditRecord.Outcome
        package let isHealthCheck: Bool
    }

    private static let outcomes: [AuditRecord.Outcome] = [.allowed, .refused, .failed]
    /// The front door's name in metrics.
    package let door: String
    private let methodCount: Int
    private let kinds: [Kind]
    private let times: [MetricHistogram]

    /// Counters for a door with these methods, which are counted by their position.
    init(door: FrontDoorKind, methods: [String]) {
        (self.door, methodCount) = (door.rawValue, methods.count)
        kinds = (methods + ["other"]).flatMap { method in
            DoorCounters.outcomes.flatMap { outcome in
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

    /// Counts one that arrived at `start` on the monotonic clock; `position` is its method's, nil for what has none.
    func count(_ position: Int?, _ outcome: AuditRecord.Outcome, isHealthCheck: Bool = false, since start: UInt64) {
        let row = switch outcome {
        case .allowed, .begun: 0
        case .refused: 1
        case .failed: 2
        }
        let index = ((position ?? methodCount) * DoorCounters.outcomes.count + row) * 2 + (isHealthCheck ? 1 : 0)
        let now = MonotonicClock.nanoseconds
        times[index].observe(now > start ? Int(now - start) : 0)
    }
}
