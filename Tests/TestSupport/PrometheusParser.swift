import Primitives

/// The text parser of Prometheus' own Python client, which says what a scraper would make of our metrics.
package enum PrometheusParser {
    private static let program = """
        import json, sys
        sys.path.append("/usr/lib/python3/dist-packages")  # Debian's package, should another Python be the first in PATH
        from prometheus_client.parser import text_string_to_metric_families
        samples = [[f.type, s.name, s.labels, repr(s.value)] for f in text_string_to_metric_families(sys.stdin.read()) for s in f.samples]
        json.dump(samples, sys.stdout)
        """

    /// One sample as the parser sees it.
    package struct Sample: Sendable, Equatable {
        package let type: String
        package let name: String
        package let labels: [String: String]
        package let value: Double

        /// A sample as given.
        package init(type: String, name: String, labels: [String: String] = [:], value: Double) {
            (self.type, self.name, self.labels, self.value) = (type, name, labels, value)
        }
    }

    /// All samples.
    /// - Throws: what the parser says of a text that is none.
    package static func parse(_ text: String) async throws -> [Sample] {
        let outcome = try await SpawnedTool.python3.run(["-c", program], input: text)
        guard outcome.status == 0, let samples = try JSONValue(parsing: Array(outcome.output.utf8)).array else {
            throw SpawnedTimeout("prometheus_client (apt-get install python3-prometheus-client) refuses the text: \(outcome.text)")
        }
        return samples.map { sample in
            let parts = sample.array ?? []
            let labels = Dictionary(uniqueKeysWithValues: (parts[2].object ?? []).map { ($0.name, $0.value.string ?? "") })
            return Sample(
                type: parts[0].string ?? "", name: parts[1].string ?? "", labels: labels, value: Double(parts[3].string ?? "") ?? .nan)
        }
    }
}
