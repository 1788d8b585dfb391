package import Primitives

/// What monitoring asks of the listener: alive, ready, metrics. Outside `/api/v1`, where such programs look for it.
package struct ProbeRoutes: RouteProvider {
    private let metrics: MetricRegistry
    private let metricsAreOpen: Bool
    private let isReady: @Sendable () -> Bool

    /// - Parameters:
    ///   - metricsAreOpen: whether `/metrics` needs no sign-in.
    ///   - isReady: whether requests can be served right now.
    package init(metrics: MetricRegistry, metricsAreOpen: Bool, isReady: @escaping @Sendable () -> Bool) {
        (self.metrics, self.metricsAreOpen, self.isReady) = (metrics, metricsAreOpen, isReady)
    }

    package var routes: [Route] {
        let open = Access.open(reason: "it tells a status and nothing else")
        return [
            Route(
                .get, "/healthz", "getLiveness", "Whether the process answers", tag: "Observability", access: open,
                answers: [200: .json(ProbeRoutes.status(["alive"]))]) { _ in ProbeRoutes.answer("alive", 200) },
            Route(
                .get, "/readyz", "getReadiness", "Whether requests can be served", tag: "Observability", access: open,
                answers: [200: .json(ProbeRoutes.status(["ready"])), 503: .json(ProbeRoutes.status(["not ready"]))]) { [isReady] _ in
                    isReady() ? ProbeRoutes.answer("ready", 200) : ProbeRoutes.answer("not ready", 503)
                },
            Route(
                .get, "/metrics", "getMetrics", "All metrics in Prometheus' text format", tag: "Observability",
                access: metricsAreOpen ? .open(reason: "holdfast.yaml says so (metrics.open)") : .needs(.readMetrics),
                answers: [200: .other(type: "text/plain")]) { [metrics] _ in
                    APIAnswer(200, .bytes(Array(metrics.text.utf8), type: "text/plain; version=0.0.4; charset=utf-8"))
                },
        ]
    }

    private static func status(_ words: [String]) -> Schema { .object([.required("status", .oneOf(words))]) }

    private static func answer(_ word: String, _ status: Int) -> APIAnswer { APIAnswer(status, .json(["status": .string(word)])) }
}
