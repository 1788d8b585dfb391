import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("OpenID providers are asked no more than needed") struct OIDCMemoryTests {
    private let road = OIDCRoad([])
    private let fixture: AccountFixture
    private let provider: String

    init() async throws {
        let road = road
        fixture = try AccountFixture(oidc: { try await road.send($0) })
        road.answers { request in
            let issuer = String(request.url.prefix(while: { $0 != "." })) + ".example"
            return (200, ([
                "issuer": .string(issuer), "authorization_endpoint": .string(issuer + "/a"), "token_endpoint": .string(issuer + "/t"),
                "jwks_uri": .string(issuer + "/k"),
            ] as JSONValue).json)
        }
        provider = try await fixture.api.make("/api/v1/oidc-providers", [
            "name": "idp", "issuer": "https://idp.example", "client_id": "holdfast",
            "redirect_uri": "https://localhost/api/v1/sign-in/oidc/callback",
        ])
    }

    private func start(from address: String = "192.0.2.1") async throws -> TestAnswer {
        try await fixture.call("GET", "/api/v1/sign-in/oidc/\(provider)/start", from: address)
    }

    @Test("a configuration counts for five minutes, or until the provider is changed")
    func configuration() async throws {
        for _ in 0..<3 { #expect(try await start().status == 302) }
        #expect(road.requests.count == 1)
        fixture.clock.advance(by: .seconds(299))
        #expect(try await start().status == 302)
        #expect(road.requests.count == 1)
        fixture.clock.advance(by: .seconds(2))
        #expect(try await start().status == 302)
        #expect(road.requests.count == 2)
        #expect(try await fixture.api.call("PATCH", "/api/v1/oidc-providers/\(provider)", body: ["issuer": "https://new.example"]).status == 200)
        #expect(try await start().headers["location"]?.hasPrefix("https://new.example/a?") == true)
    }

    @Test("one network begins only so many sign-ins, and is told when to come back")
    func networks() async throws {
        for number in 0..<60 { #expect(try await start(from: "2001:db8::\(number + 1)").status == 302) }
        let refused = try await start(from: "2001:db8::ffff")
        #expect(refused.status == 429 && refused.headers["retry-after"] != nil)
        #expect(try await fixture.call("GET", "/api/v1/sign-in/oidc/callback", from: "2001:db8::ffff").status == 429)
        #expect(try await start(from: "2001:db8:1::1").status == 302)
        fixture.clock.advance(by: .seconds(2))
        #expect(try await start(from: "2001:db8::ffff").status == 302)
    }
}
