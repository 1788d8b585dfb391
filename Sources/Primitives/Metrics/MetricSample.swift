/// One value of a metric, with the labels that tell it from the others.
package struct MetricSample: Sendable {
    /// A value.
    package enum Value: Sendable {
        case integer(Int64)
        case real(Double)
        case histogram(MetricHistogram.Snapshot)
    }

    package let labels: [(name: String, value: String)]
    package let value: Value

    /// A sample as given.
    package init(_ labels: [(String, String)] = [], _ value: Value) {
        self.labels = labels.map { (name: $0.0, value: $0.1) }
        self.value = value
    }
}

/// What kind of number a metric is.
package enum MetricKind: String, Sendable {
    /// Only grows; its name ends in `_total`.
    case counter
    /// Goes up and down.
    case gauge
    /// Sizes in buckets.
    case histogram
}
