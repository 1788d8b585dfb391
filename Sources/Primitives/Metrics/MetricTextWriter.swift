/// Writes Prometheus' text format 0.0.4.
struct MetricTextWriter {
    private(set) var text = ""

    mutating func begin(_ name: String, _ kind: MetricKind, _ help: String) {
        text += "# HELP \(name) \(MetricTextWriter.escaped(help, quote: false))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ sample: MetricSample) {
        switch sample.value {
        case .integer(let value): line(name, sample.labels, String(value))
        case .real(let value): line(name, sample.labels, MetricTextWriter.number(value))
        case .histogram(let histogram):
            for bucket in histogram.buckets {
                line("\(name)_bucket", sample.labels + [("le", MetricTextWriter.number(bucket.bound))], String(bucket.count))
            }
            line("\(name)_bucket", sample.labels + [("le", "+Inf")], String(histogram.count))
            line("\(name)_sum", sample.labels, MetricTextWriter.number(histogram.sum))
            line("\(name)_count", sample.labels, String(histogram.count))
        }
    }

    private mutating func line(_ name: String, _ labels: [(name: String, value: String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(MetricTextWriter.escaped($0.value, quote: true))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    /// A whole number without a point; `+Inf`, `-Inf` and `NaN` as Go writes them.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map { String($0) } ?? "\(value)"
    }

    /// Backslash and line feed are escaped everywhere, the quote in labels.
    private static func escaped(_ text: String, quote: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quote: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
