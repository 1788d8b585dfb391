import FrontDoors
import KeyCore
import Synchronization
import TestSupport
import Testing

@testable import Primitives

@Suite("KACLS and its providers' keys") struct KACLSKeySetTests {
    /// A provider's JWKS address over TLS, which can be told to fail.
    private final class Provider: HTTPHandler {
        let state: Mutex<(document: String?, fetches: Int)>
        init(_ document: String) { state = Mutex((document, 0)) }

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            let document = state.withLock { state in
                state.fetches += 1
                return state.document
            }
            return HTTPResponse(status: document == nil ? 500 : 200, body: Array((document ?? "").utf8))
        }
        func refusal(status: Int, message: String) -> HTTPResponse { HTTPResponse(status: status) }
    }

    private static func withProvider(_ body: (Provider, KACLSSite) async throws -> Void) async throws {
        let provider = Provider(try TokenTestKey.jwks(try KACLSTestKeys.shared.get().idp))
        try await withListener(provider) { wire in
            try await withSite { site in
                let issuer = Issuer(
                    id: try IssuerID.random(), name: "remote", values: ["https://remote.example.com"],
                    keys: .jwksURL("https://ekm.example.com:\(wire.port)/jwks"))
                try await site.folder.issuers.create(issuer)
                let key = try await site.folder.keys.create(name: "remote", purpose: .wrap, algorithm: .aes256, source: FakeKeySource())
                try await site.addEndpoint("remote", path: "v0/kacls/remote", key: key.id) { options, _ in
                    options.identityProviders = [KACLSOptions.IdentityProvider(issuer: issuer.id, audiences: ["web-client"])]
                }
                try await body(provider, site)
            }
        }
    }

    private static func wrap(_ site: KACLSSite, _ token: KACLSTestToken) async throws -> Int {
        let authorization = try site.authorization().with("kacls_url", .string(site.url.replacing("hq", with: "remote"))).text
        return try await site.send("/v0/kacls/remote/wrap", body: JSONValue.object([
            (name: "key", value: "AQ=="), (name: "authorization", value: .string(authorization)),
            (name: "authentication", value: .string(try token.with("iss", "https://remote.example.com").text)),
        ]).json).status
    }

    @Test("CSE-33 N16 an unknown kid causes one refresh; a flood of them no more in the same half minute")
    func flood() async throws {
        try await Self.withProvider { provider, site in
            #expect(try await Self.wrap(site, try site.authentication()) == 200)
            #expect(provider.state.withLock { $0.fetches } == 1)
            site.folder.clock.advance(by: .seconds(31))
            for number in 0..<40 {
                let token = try site.authentication().header(#"{"alg":"RS256","kid":"unknown-\#(number)"}"#)
                #expect(try await Self.wrap(site, token) == 401)
            }
            #expect(provider.state.withLock { $0.fetches } == 2)
        }
    }

    @Test("CSE-33 a provider that leaves out kid may change its key: the first token by the new one causes one refresh, and is served")
    func rotation() async throws {
        try await Self.withProvider { provider, site in
            let keys = try KACLSTestKeys.shared.get()
            let anonymous = try site.authentication().header(#"{"alg":"RS256"}"#)
            #expect(try await Self.wrap(site, anonymous) == 200)
            let document = try TokenTestKey.jwks(keys.stranger)
            provider.state.withLock { $0.document = document }
            #expect(try await Self.wrap(site, anonymous.signed(by: keys.stranger)) == 401)
            site.folder.clock.advance(by: .seconds(31))
            #expect(try await Self.wrap(site, anonymous.signed(by: keys.stranger)) == 200)
            #expect(try await Self.wrap(site, anonymous) == 401)
            #expect(provider.state.withLock { $0.fetches } == 2)
        }
    }

    @Test("CSE-34 once fetched, keys go on serving while their host is down; before that requests are 503")
    func down() async throws {
        try await Self.withProvider { provider, site in
            provider.state.withLock { $0.document = nil }
            #expect(try await Self.wrap(site, try site.authentication()) == 503)
            site.folder.clock.advance(by: .seconds(31))
            let document = try TokenTestKey.jwks(try KACLSTestKeys.shared.get().idp)
            provider.state.withLock { $0.document = document }
            #expect(try await Self.wrap(site, try site.authentication()) == 200)
            provider.state.withLock { $0.document = nil }
            site.folder.clock.advance(by: .seconds(600))
            #expect(try await Self.wrap(site, try site.authentication()) == 200)
        }
    }
}
