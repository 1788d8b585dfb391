import Primitives

/// What the management API was asked and how it answered.
package final class ManagementCounters: Sendable {
    private let requests = MetricCounterFamily(labels: ["operation", "status"])
    private let time = MetricHistogram.latency()

    init() {}

    /// Counts an answer to an operation that took so long; the operation's name is a route's, never a caller's text.
    func count(_ operation: String, _ status: Int, nanoseconds: UInt64) {
        requests.add(operation, String(status))
        time.observe(Int(clamping: nanoseconds))
    }

    func register(in registry: MetricRegistry) {
        registry.add("holdfast_management_requests_total", "Requests to the management API by operation and status", requests)
        registry.add("holdfast_management_request_seconds", "Time from a management request's arrival to its answer", time)
    }
}
