import Synchronization

/// All metrics of a process, by name, and their exposition as text.
///
/// A metric is read when somebody asks for the text: what counts keeps its own number, and nothing on a request's way knows of this.
package final class MetricRegistry: Sendable {
    private struct Metric {
        let help: String
        let kind: MetricKind
        let read: @Sendable () -> [MetricSample]
    }

    private let metrics = Mutex<[String: Metric]>([:])

    /// Without metrics.
    package init() {}

    /// Adds a metric.
    /// - Parameters:
    ///   - name: `[a-z][a-z0-9_]*`, ending in `_total` if it is a counter; nobody else has it.
    ///   - help: one sentence.
    ///   - read: its values now.
    package func add(_ name: String, _ kind: MetricKind, _ help: String, read: @escaping @Sendable () -> [MetricSample]) {
        precondition(
            name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
                && name.hasSuffix("_total") == (kind == .counter), "\(name) is no name for a \(kind.rawValue)")
        let isNew = metrics.withLock { $0.updateValue(Metric(help: help, kind: kind, read: read), forKey: name) == nil }
        precondition(isNew, "the metric \(name) exists already")
    }

    /// Adds a counter without labels.
    package func add(_ name: String, _ help: String, _ counter: MetricCounter) {
        add(name, .counter, help) { [MetricSample([], .integer(Int64(counter.value)))] }
    }

    /// Adds a family of counters.
    package func add(_ name: String, _ help: String, _ family: MetricCounterFamily) { add(name, .counter, help) { family.samples } }

    /// Adds a histogram without labels.
    package func add(_ name: String, _ help: String, _ histogram: MetricHistogram) {
        add(name, .histogram, help) { [MetricSample([], .histogram(histogram.snapshot))] }
    }

    /// Adds a gauge without labels; nil if it has no value now.
    package func addGauge(_ name: String, _ help: String, read: @escaping @Sendable () -> Double?) {
        add(name, .gauge, help) { read().map { [MetricSample([], .real($0))] } ?? [] }
    }

    /// The names of all metrics, in order.
    package var names: [String] { metrics.withLock { $0.keys.sorted() } }

    /// All metrics in Prometheus' text format 0.0.4 (`text/plain; version=0.0.4; charset=utf-8`).
    ///
    /// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
    package var text: String {
        var writer = MetricTextWriter()
        for (name, metric) in metrics.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            let samples = metric.read()
            guard !samples.isEmpty else { continue }
            writer.begin(name, metric.kind, metric.help)
            for sample in samples { writer.sample(name, sample) }
        }
        return writer.text
    }
}
