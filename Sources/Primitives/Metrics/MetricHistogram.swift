/// How often what size occurred, in buckets that are fixed from the start: two atomic additions for each observation, no lock.
package final class MetricHistogram: Sendable {
    /// What was observed so far.
    package struct Snapshot: Sendable, Equatable {
        /// For each bucket its upper bound, in the unit of the exposition, and how many observations were no larger than that.
        package let buckets: [(bound: Double, count: Int)]
        /// All observations, those above the last bound too.
        package let count: Int
        /// Of all observations, in the unit of the exposition.
        package let sum: Double

        package static func == (a: Snapshot, b: Snapshot) -> Bool {
            a.count == b.count && a.sum == b.sum && a.buckets.elementsEqual(b.buckets, by: ==)
        }
    }

    private let bounds: [Int]
    private let scale: Double
    private let counts: [MetricCounter]
    private let sum = MetricCounter()

    /// A histogram of whole numbers.
    /// - Parameters:
    ///   - bounds: the buckets' upper bounds, ascending.
    ///   - scale: how many of the observed units one unit of the exposition has, as 1e9 for nanoseconds shown as seconds.
    package init(bounds: [Int], scale: Double = 1) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy(<), "a histogram's bounds must ascend")
        (self.bounds, self.scale) = (bounds, scale)
        counts = (0...bounds.count).map { _ in MetricCounter() }
    }

    /// A histogram of times, observed in nanoseconds and shown in seconds.
    package static func latency() -> MetricHistogram {
        MetricHistogram(
            bounds: [
                25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
                100_000_000, 150_000_000, 250_000_000, 500_000_000, 1_000_000_000, 5_000_000_000,
            ], scale: 1e9)
    }

    /// Counts one.
    package func observe(_ value: Int) {
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
        counts[bucket].add()
        sum.add(value)
    }

    /// What was observed so far. Observations made meanwhile may be in the buckets and not yet in the sum, never the other way round for long.
    package var snapshot: Snapshot {
        var total = 0
        var buckets: [(bound: Double, count: Int)] = []
        for (index, counter) in counts.enumerated() {
            total += counter.value
            if index < bounds.count { buckets.append((Double(bounds[index]) / scale, total)) }
        }
        return Snapshot(buckets: buckets, count: total, sum: Double(sum.value) / scale)
    }
}
