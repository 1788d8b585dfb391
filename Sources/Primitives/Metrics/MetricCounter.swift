import Synchronization

/// A number that only grows: one atomic addition for each event, no lock.
package final class MetricCounter: Sendable {
    private let count = Atomic<Int>(0)

    /// Zero.
    package init() {}

    /// Adds.
    package func add(_ amount: Int = 1) { count.add(amount, ordering: .relaxed) }

    /// What it has grown to.
    package var value: Int { count.load(ordering: .relaxed) }
}

/// A counter for each combination of labels that has occurred: for what happens seldom, because it takes a lock.
package final class MetricCounterFamily: Sendable {
    private let counts = Mutex<[[String]: Int]>([:])
    private let labels: [String]

    /// Counters with these label names.
    package init(labels: [String]) { self.labels = labels }

    /// Adds one under these label values, as many as there are names. Values come from the program, never from callers: each one is kept.
    package func add(_ values: String...) {
        precondition(values.count == labels.count, "a counter needs one value for each of its labels")
        counts.withLock { $0[values, default: 0] += 1 }
    }

    /// All of them, in the order of their labels' values.
    package var samples: [MetricSample] {
        counts.withLock { $0 }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { values, count in
            MetricSample(Array(zip(labels, values)), .integer(Int64(count)))
        }
    }
}
