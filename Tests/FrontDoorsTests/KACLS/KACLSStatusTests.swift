import KeyCore
import NIOHTTP1
import Plugins
import TestSupport
import Testing

@testable import Primitives

@Suite("KACLS status and paths") struct KACLSStatusTests {
    @Test("CSE-1 status tells what the Admin console looks for")
    func status() async throws {
        try await withSite { (site) async throws in
            let reply = try await site.send("/v0/kacls/hq/status", method: "GET", headers: [])
            #expect(reply.status == 200)
            #expect(reply.header("content-type") == "application/json")
            #expect(reply["server_type"] == "KACLS")
            #expect(reply["vendor_id"] == "Holdfast")
            #expect(reply["version"] == "1.0.0")
            #expect(reply["name"] == "cse")
        }
    }

    @Test("CSE-2 status needs no token and names only what the endpoint does")
    func operations() async throws {
        try await withSite(options: { options, _ in
            options.operations = [.wrap, .unwrap, .privilegedUnwrap, .rewrap]
            options.privileged.unwrap = []
        }) { (site) async throws in
            let reply = try await site.send("/v0/kacls/hq/status", method: "GET", headers: [])
            // Nobody may use privilegedunwrap, and there is no peer to rewrap from.
            #expect(reply.json?["operations_supported"]?.array?.compactMap(\.string) == ["status", "certs", "wrap", "unwrap"])
            #expect(try await site.call("digest", []).status == 404)
            #expect(try await site.call("privilegedunwrap", []).status == 404)
        }
    }

    @Test("CSE-3 status is 503 while the key source is down, with the structured body")
    func down() async throws {
        let source = EKMTestKeySource(EmbeddedKeySource())
        try await withSite(source: source) { (site) async throws in
            source.become(.fails(.unavailable("no HSM")))
            let reply = try await site.send("/v0/kacls/hq/status", method: "GET", headers: [])
            #expect(reply.status == 503)
            #expect(reply.json?["code"]?.integer == 503)
            #expect(reply.cause == "source-unavailable")
        }
    }

    @Test("status is 503 while nothing can be put on record")
    func noAudit() async throws {
        try await withSite { (site) async throws in
            site.audit.fail(.closed)
            #expect(try await site.send("/v0/kacls/hq/status", method: "GET", headers: []).status == 503)
        }
    }

    @Test("certs serves the keys that sign our tokens, also while a new one waits for its turn")
    func certs() async throws {
        try await withSite(signs: true) { (site) async throws in
            func keys() async throws -> [String] {
                let reply = try await site.send("/v0/kacls/hq/certs", method: "GET", headers: [])
                #expect(reply.status == 200)
                #expect(reply.header("cache-control") == "public, max-age=300")
                #expect(try JWKS(parsing: reply.body, algorithms: [.rs256]).entries.count > 0)
                return reply.json?["keys"]?.array?.compactMap { $0["kid"]?.string } ?? []
            }
            let first = try await keys()
            #expect(first.count == 1)
            site.folder.clock.advance(by: .seconds(3600))
            try site.ring.rotate()
            let both = try await keys()
            #expect(both.count == 2)
            #expect(both.last == first.first)
            site.folder.clock.advance(by: SigningKeyRing.lead + SigningKeyRing.overlap)
            #expect(try await keys() == both.dropLast())
        }
    }

    @Test("CSE-15 wrong verb 405, unknown method 404, unknown endpoint 404")
    func routes() async throws {
        try await withSite { (site) async throws in
            for (path, method, status) in [
                ("/v0/kacls/hq/wrap", "GET", 405), ("/v0/kacls/hq/status", "POST", 405), ("/v0/kacls/hq/certs", "PUT", 405),
                ("/v0/kacls/hq/nothing", "POST", 404), ("/v0/kacls/hq/Wrap", "POST", 404), ("/v0/kacls/other/wrap", "POST", 404),
            ] {
                let reply = try await site.send(path, method: method, body: Array("{}".utf8))
                #expect(reply.status == status, "\(method) \(path)")
                #expect(reply.json?["code"]?.integer == Int64(status), "\(method) \(path)")
            }
        }
    }

    @Test("CSE-13 two slashes are one here, and stay refused elsewhere")
    func slashes() async throws {
        try await withSite { (site) async throws in
            for path in ["/v0/kacls/hq//status", "//v0/kacls///hq/status", "/v0//kacls/hq/status"] {
                #expect(try await site.send(path, method: "GET", headers: []).status == 200, "\(path)")
            }
            for path in ["/v0/ekm//disk:wrap", "/healthz//", "/v0/kacls/hq/%2fstatus", "/v0/kacls/hq/status?x=1"] {
                #expect(try await site.send(path, method: "GET", headers: []).status != 200, "\(path)")
            }
        }
    }

    @Test("CSE-71 a disabled or archived endpoint answers 403, a paused one 503, status included; active again it serves")
    func states() async throws {
        try await withSite { (site) async throws in
            for (state, status) in [(EndpointState.disabled, 403), (.archived, 403), (.paused, 503), (.active, 200)] {
                try await site.folder.endpoints.setState(state, of: try site.endpointID)
                try await site.reload()
                #expect(try await site.wrap().status == status)
                #expect(try await site.send("/v0/kacls/hq/status", method: "GET", headers: []).status == status)
            }
        }
    }

    @Test("CSE-47 a policy that can't be read refuses everything as a fault of ours: 503, also for status, with a structured error")
    func unreadablePolicy() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await site.wrapped()
            try await site.folder.database.execute("UPDATE policy_versions SET source = '{'")
            try await site.reload()
            for reply in [try await site.wrap(), try await site.unwrap(wrapped), try await site.send("/v0/kacls/hq/status", method: "GET", headers: [])] {
                #expect(reply.status == 503 && reply.cause == "endpoint-unreadable")
                #expect(reply.json?["code"]?.integer == 503 && reply["key"] == nil)
            }
        }
    }

    @Test("CSE-70 after a rotation old wrapped keys open, and new ones name the new version")
    func rotation() async throws {
        try await withSite { (site) async throws in
            let old = try await site.wrapped()
            _ = try await site.folder.keys.rotate(site.key.id, source: EmbeddedKeySource())
            site.cache.invalidateAll()
            let new = try #require(try await site.wrap().bytes("wrapped_key"))
            #expect(new[19..<23].elementsEqual([0, 0, 0, 2]))
            #expect(try await site.unwrap(old).bytes("key") == KACLSSite.tinkKey)
            #expect(try await site.unwrap(Base64.string(new)).bytes("key") == KACLSSite.tinkKey)
        }
    }

    @Test("N51 another organisation's endpoint opens nothing, and two organisations can't share a key")
    func tenants() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await site.wrapped()
            let key = try await site.folder.keys.create(name: "other", purpose: .wrap, algorithm: .aes256, source: EmbeddedKeySource())
            try await site.addEndpoint("other", path: "v0/kacls/other", key: key.id) { options, _ in options.ownerDomains = ["example.org"] }
            let token = try site.authorization("reader").with("kacls_url", .string(site.url.replacing("hq", with: "other")))
            let body: [(name: String, value: JSONValue)] = [
                ("wrapped_key", .string(wrapped)), ("authorization", .string(try token.text)),
                ("authentication", .string(try site.authentication().text)),
            ]
            let reply = try await site.send("/v0/kacls/other/unwrap", body: JSONValue.object(body).json)
            #expect(reply.status == 403)
            #expect(reply.cause == "undecryptable")
            await #expect(throws: StoreError.self) {
                try await site.addEndpoint("third", path: "v0/kacls/third") { options, _ in options.ownerDomains = ["example.org"] }
            }
            // The same organisation may be reached at another URL too, and its old keys open there.
            try await site.addEndpoint("moved", path: "v0/kacls/moved")
            let moved = try token.with("kacls_url", .string(site.url.replacing("hq", with: "moved"))).text
            let again = try await site.send("/v0/kacls/moved/unwrap", body: JSONValue.object(
                body.map { $0.name == "authorization" ? (name: $0.name, value: .string(moved)) : $0 }).json)
            #expect(again.bytes("key") == KACLSSite.tinkKey)
        }
    }
}
