import Hummingbird
import KeyCore
import NIOCore
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import Management

@Suite("Probes, metrics and health") struct ProbeTests {
    @Test("N55 say nothing but a status to whoever asks", arguments: [("/healthz", "alive"), ("/readyz", "ready")])
    func probes(path: String, word: String) async throws {
        let fixture = try APIFixture()
        let answer = try await fixture.call("GET", path, as: nil)
        #expect(answer.status == 200 && answer.text == #"{"status":"\#(word)"}"#)
        #expect(answer.headers["server"] == nil && !answer.headers.values.contains { $0.contains("0.0.0-test") || $0.contains("oldfast") })
    }

    @Test("N55 readiness fails with the same few words when requests can't be served")
    func readiness() async throws {
        let probes = ProbeRoutes(metrics: MetricRegistry(), metricsAreOpen: false, isReady: { false })
        let route = try #require(probes.routes.first { $0.path == "/readyz" })
        let fixture = try APIFixture()
        let answer = await fixture.api.respond(
            to: APIRequest(
                method: "GET", target: "/readyz", headers: [:], body: RequestBody(buffer: ByteBuffer()), remoteAddress: "192.0.2.1", tls: nil, localUser: nil,
                requestID: "r", receivedAt: fixture.store.clock.now, receivedNanoseconds: MonotonicClock.nanoseconds),
            route: route, parameters: [:])
        guard case .json(let document) = answer.body else { return #expect(Bool(false), "no document") }
        #expect(answer.status == 503 && document == ["status": "not ready"])
    }

    @Test("N55 nobody learns metrics, health or version without being signed in")
    func closed() async throws {
        let fixture = try APIFixture()
        for path in ["/metrics", "/api/v1/health", "/api/v1/version", "/api/v1/alerts", "/api/v1/settings"] {
            let answer = try await fixture.call("GET", path, as: nil)
            #expect(answer.status == 401 && !answer.text.contains("0.0.0-test"), "\(path)")
        }
        #expect(try await fixture.call("GET", "/metrics", as: .person("u", [.readKeys])).status == 403)
        #expect(try await fixture.call("GET", "/metrics", as: .person("m", [.readMetrics])).status == 200)
    }

    @Test("metrics are what Prometheus' own parser reads, and count the API's answers by operation and status")
    func metrics() async throws {
        let fixture = try APIFixture()
        _ = try await fixture.call("GET", "/api/v1/settings")
        _ = try await fixture.call("GET", "/api/v1/settings", as: nil)
        let answer = try await fixture.call("GET", "/metrics")
        #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        let samples = try await PrometheusParser.parse(answer.text)
        let settings = samples.filter { $0.name == "holdfast_management_requests_total" && $0.labels["operation"] == "getSettings" }
        #expect(settings.map(\.value) == [1, 1] && settings.compactMap { $0.labels["status"] } == ["200", "401"])
        #expect(samples.first { $0.name == "holdfast_management_request_seconds_count" }?.value == 2)
    }

    @Test("health is as bad as the worst part, and each part tells its own")
    func health() async throws {
        let fixture = try APIFixture()
        let since = fixture.store.clock.now
        fixture.observation.health.add("one") { ComponentHealth(.ok, "fine") }
        #expect(try await fixture.call("GET", "/api/v1/health", as: .person("u"))["status"] == "ok")
        fixture.observation.health.add("two") { ComponentHealth(.failing, "no space is left", since: since) }
        fixture.observation.health.add("three") { ComponentHealth(.degraded, "slow") }
        let answer = try await fixture.call("GET", "/api/v1/health", as: .person("u"))
        #expect(answer["status"] == "failing" && answer["version"] == "0.0.0-test")
        #expect(answer["components"].array?.map { $0["name"] } == ["one", "two", "three"])
        #expect(answer["components"].array?[1]["since"] == .optional(since))
    }
}
