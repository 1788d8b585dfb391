import KeyCore
import Primitives
import TestSupport
import Testing

@testable import Management

@Suite("The alerts' webhook") struct WebhookTests {
    private static let secret = "canary-webhook-secret-0123456789"
    private let fixture: APIFixture
    private var monitor: AlertMonitor { fixture.observation.alerts }

    init() throws { fixture = try APIFixture() }

    private func set(_ url: String, secret: String? = WebhookTests.secret) async throws -> TestAnswer {
        var webhook: JSONValue = ["url": .string(url)]
        if let secret { webhook = webhook.adding(["secret": .string(secret)]) }
        return try await fixture.call("PUT", "/api/v1/alert-settings", body: ["webhook": webhook])
    }

    private func trust(_ receiver: WebhookReceiver) async throws {
        #expect(try await fixture.call("PATCH", "/api/v1/settings", body: ["ca_certificates": .string(receiver.authority)]).status == 200)
    }

    private func raise() async throws {
        var sources = AlertSources()
        sources.freeBytes = { 1 }
        monitor.observe(sources)
        try? await monitor.evaluate()
    }

    /// Checks a signature as the documentation tells receivers to: with openssl, not with our code.
    private func isGenuine(_ request: JSONValue) async throws -> Bool {
        let header = request["headers"]?["holdfast-signature"]?.string ?? ""
        let match = try #require(header.wholeMatch(of: /t=(\d+),v1=([0-9a-f]{64})/))
        let outcome = try await SpawnedTool.openssl.run(
            ["dgst", "-sha256", "-hmac", WebhookTests.secret], input: "\(match.1).\(request["body"]?.string ?? "")")
        return outcome.output.contains(match.2)
    }

    @Test("is told over HTTPS what fires and what is resolved, signed")
    func signed() async throws {
        let receiver = try await WebhookReceiver()
        try await trust(receiver)
        #expect(try await set(receiver.url).status == 200)
        try await raise()
        try await monitor.deliver()
        monitor.observe(AlertSources())
        try? await monitor.evaluate()
        try await monitor.deliver()
        let received = try receiver.received
        let bodies = try received.map { try JSONValue(parsing: Array(($0["body"]?.string ?? "").utf8)) }
        #expect(bodies.map { $0["type"] } == ["alert.firing", "alert.resolved"])
        #expect(bodies.first?["alert"]?["kind"] == "disk-space")
        for request in received { #expect(try await isGenuine(request)) }
        #expect(received.first?["headers"]?["holdfast-delivery"] == bodies.first?["id"])
    }

    @Test("is tried again, later each time and with the same id, until it takes what it is told")
    func retries() async throws {
        let receiver = try await WebhookReceiver()
        try await trust(receiver)
        _ = try await set(receiver.url)
        try receiver.answer(500)
        try await raise()
        try await monitor.deliver()
        try await monitor.deliver()
        #expect(try receiver.received.count == 1, "not at once")
        fixture.store.clock.advance(by: .seconds(10))
        try await monitor.deliver()
        fixture.store.clock.advance(by: .seconds(10))
        try await monitor.deliver()
        #expect(try receiver.received.count == 2, "later each time")
        try receiver.answer(200)
        fixture.store.clock.advance(by: .seconds(10))
        try await monitor.deliver()
        fixture.store.clock.advance(by: .seconds(86400))
        try await monitor.deliver()
        let received = try receiver.received
        #expect(received.count == 3 && Set(received.map { $0["headers"]?["holdfast-delivery"]?.string }).count == 1)
    }

    @Test("N57 follows no redirect")
    func redirect() async throws {
        let receiver = try await WebhookReceiver()
        try await trust(receiver)
        _ = try await set(receiver.url)
        try receiver.answer(307)
        let answer = try await fixture.call("POST", "/api/v1/alert-settings/test")
        #expect(answer["delivered"] == false && answer["fault"] == "it answered with status 307")
        #expect(try receiver.received.map { $0["path"] } == ["/hook"])
    }

    @Test("N57 is nothing but https, or http to this machine, without credentials", arguments: [
        "http://alerts.example/hook", "http://169.254.169.254/latest", "http://localhost.example/", "ftp://alerts.example/", "file:///etc/passwd",
        "https://user:secret@alerts.example/", "alerts.example", "https://", "http://2130706433.example/", "gopher://127.0.0.1/",
    ])
    func target(url: String) async throws {
        let answer = try await set(url)
        #expect(answer.status == 400 && answer["errors"].array?.first?["field"] == "/webhook/url", "\(answer.text)")
        #expect(try await fixture.call("GET", "/api/v1/alert-settings")["webhook"] == .null)
    }

    @Test("N57 is chosen by administrators only, and never shows its secret")
    func secret() async throws {
        let receiver = try await WebhookReceiver(isPlain: true)
        for group in SystemGroup.allCases where group != .admins {
            let answer = try await fixture.call(
                "PUT", "/api/v1/alert-settings", body: ["webhook": ["url": "https://a.example", "secret": .string(WebhookTests.secret)]],
                as: .member(of: group))
            #expect(answer.status == 403, "\(group)")
        }
        let saved = try await set(receiver.url)
        #expect(saved.status == 200 && !saved.text.contains("canary"))
        #expect(try await fixture.call("POST", "/api/v1/alert-settings/test")["delivered"] == true)
        #expect(try await isGenuine(try #require(try receiver.received.first)))
        #expect(try fixture.store.files(holding: Array(WebhookTests.secret.utf8)).isEmpty)
        #expect(!fixture.audit.records.contains { "\($0)".contains("canary") })
        #expect(!fixture.observation.metrics.text.contains("canary"))

        // Another address is not signed for with the secret of this one.
        let moved = try await set("https://elsewhere.example/", secret: nil)
        #expect(moved.status == 400 && moved["errors"].array?.first?["field"] == "/webhook/secret")
        #expect(try await set(receiver.url, secret: nil).status == 200)
        #expect(try await set(receiver.url, secret: "short").status == 400)
    }

    @Test("that can't be reached or trusted is told to whoever tests it")
    func unreachable() async throws {
        #expect(try await fixture.call("POST", "/api/v1/alert-settings/test").code == "wrong_state")
        let receiver = try await WebhookReceiver()
        _ = try await set(receiver.url)
        let answer = try await fixture.call("POST", "/api/v1/alert-settings/test")
        #expect(answer["delivered"] == false && answer["fault"].string?.isEmpty == false, "its certificate is nobody's that we trust")
        #expect(try receiver.received.isEmpty)
    }
}
