import Primitives
import TestSupport
import Testing

@Suite("Metrics") struct MetricTests {
    @Test("are read by Prometheus' own parser as they were counted, hostile labels included")
    func exposition() async throws {
        let registry = MetricRegistry()
        let counter = MetricCounter()
        let family = MetricCounterFamily(labels: ["operation", "status"])
        let histogram = MetricHistogram(bounds: [1_000_000, 10_000_000], scale: 1e9)
        let hostile = "a\\b\"c\nd} 1\n# é=,"
        registry.add("things_total", "Things; a \\ and\na line", counter)
        registry.add("calls_total", "Calls", family)
        registry.add("call_seconds", "Times", histogram)
        registry.addGauge("temperature", "Now") { -1.5 }
        registry.addGauge("unknown", "Has no value") { nil }
        counter.add()
        counter.add(4)
        family.add(hostile, "200")
        family.add(hostile, "200")
        for time in [1, 1_000_000, 1_000_001, 20_000_000] { histogram.observe(time) }

        typealias Sample = PrometheusParser.Sample
        #expect(try await PrometheusParser.parse(registry.text) == [
            Sample(type: "histogram", name: "call_seconds_bucket", labels: ["le": "0.001"], value: 2),
            Sample(type: "histogram", name: "call_seconds_bucket", labels: ["le": "0.01"], value: 3),
            Sample(type: "histogram", name: "call_seconds_bucket", labels: ["le": "+Inf"], value: 4),
            Sample(type: "histogram", name: "call_seconds_sum", labels: [:], value: 0.022000002),
            Sample(type: "histogram", name: "call_seconds_count", labels: [:], value: 4),
            Sample(type: "counter", name: "calls_total", labels: ["operation": hostile, "status": "200"], value: 2),
            Sample(type: "gauge", name: "temperature", labels: [:], value: -1.5),
            Sample(type: "counter", name: "things_total", labels: [:], value: 5),
        ])
    }

    @Test("lose nothing that several threads count at once")
    func concurrency() async throws {
        let (counter, family, histogram) = (MetricCounter(), MetricCounterFamily(labels: ["n"]), MetricHistogram(bounds: [5]))
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<1000 {
                        counter.add()
                        family.add(String(task % 2))
                        histogram.observe(number % 10)
                    }
                }
            }
        }
        #expect(counter.value == 8000)
        #expect(histogram.snapshot.buckets.map(\.count) == [4800] && histogram.snapshot.count == 8000)
        #expect(histogram.snapshot.sum == 36000)
        #expect(family.samples.count == 2)
    }

    @Test("of the process are those that the kernel tells")
    func process() throws {
        let statistics = ProcessStatistics.current
        #expect(try #require(statistics.residentBytes) > 1 << 20)
        #expect(try #require(statistics.openDescriptors) >= 3)
        let started = try #require(statistics.startedAt)
        let now = Double(WallClock.system.now.seconds)
        #expect(started <= now + 1 && started > now - 86400)
        #expect(statistics.cpuSeconds > 0)
    }
}
