import FrontDoors
import KeyCore
import NIOHTTP1
import Plugins
import TestSupport
import Testing

@testable import Primitives

@Suite("KACLS on the wire") struct KACLSWireTests {
    static let google = "https://client-side-encryption.google.com"

    @Test("CSE-4 CSE-5 every failure has the structured body, with the status in it and nothing of key, token or program")
    func structured() async throws {
        try await withSite { (site) async throws in
            let token = try site.authentication().text
            let replies = [
                try await site.send("/v0/kacls/hq/wrap", body: Array("{".utf8)),
                try await site.wrap([], nil), try await site.wrap([1], try site.authorization().with("exp", 1)),
                try await site.wrap([1], try site.authorization("reader")), try await site.send("/v0/kacls/none/wrap", body: Array("{}".utf8)),
                try await site.send("/v0/kacls/hq/wrap", method: "GET", headers: []),
                try await site.send("/v0/kacls/hq/wrap", body: [UInt8](repeating: 0x20, count: 70_000)),
                try await site.send("/v0/kacls/hq/wrap", headers: [("Content-Type", "text/plain")], body: Array("{}".utf8)),
            ]
            #expect(replies.map(\.status) == [400, 400, 401, 403, 404, 405, 413, 415])
            for reply in replies {
                #expect(reply.json?["code"]?.integer == Int64(reply.status))
                #expect(reply["message"]?.isEmpty == false)
                #expect(reply["details"]?.isEmpty == false)
                let text = String(decoding: reply.body, as: UTF8.self)
                for forbidden in [token, Base64.string(KACLSSite.tinkKey), "swift", "Swift", "Error(", ".rs"] { #expect(!text.contains(forbidden)) }
            }
        }
    }

    @Test("CSE-6 TLS 1.0 and 1.1 fail, 1.2 and 1.3 succeed")
    func versions() async throws {
        try await withSite { (site) async throws in
            let answers = try await site.wire.peer(#"""
                import warnings
                warnings.simplefilter('ignore')
                for version in ['TLSv1', 'TLSv1_1', 'TLSv1_2', 'TLSv1_3']:
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                    context.load_verify_locations(CERTS + '/ca.pem')
                    context.set_ciphers('ALL:@SECLEVEL=0')
                    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
                    try:
                        with context.wrap_socket(tcp(), server_hostname='ekm.example.com') as s: print(s.version())
                    except (ssl.SSLError, ConnectionError): print('refused')
                """#)
            #expect(answers.split(separator: "\n") == ["refused", "refused", "TLSv1.2", "TLSv1.3"])
        }
    }

    @Test("CSE-7 N53 a preflight of Google's origin succeeds without a token")
    func preflight() async throws {
        try await withSite { (site) async throws in
            for path in ["/v0/kacls/hq/wrap", "/v0/kacls/hq//unwrap", "/v0/kacls/hq/status"] {
                let reply = try await site.send(path, method: "OPTIONS", headers: [
                    ("Origin", Self.google), ("Access-Control-Request-Method", "POST"),
                    ("Access-Control-Request-Headers", "content-type, authorization, x-evil"),
                ])
                #expect(reply.status == 204)
                #expect(reply.header("access-control-allow-origin") == Self.google)
                #expect(reply.header("access-control-allow-methods") == "GET, POST, OPTIONS")
                #expect(reply.header("access-control-allow-headers") == "content-type")
                #expect(reply.header("access-control-max-age") == "3600")
                #expect(reply.header("access-control-allow-credentials") == nil)
            }
        }
    }

    @Test("CSE-8 CSE-10 N53 only exact origins are allowed, and the answer says that it depends on them", arguments: [
        "https://evil.example", "null", "*", "http://client-side-encryption.google.com", "https://client-side-encryption.google.com.evil.example",
        "https://client-side-encryption.google.com:443", "https://CLIENT-side-encryption.google.com", "https://x.client-side-encryption.google.com",
    ])
    func foreign(origin: String) async throws {
        try await withSite { (site) async throws in
            for method in ["OPTIONS", "POST"] {
                let reply = try await site.send("/v0/kacls/hq/wrap", method: method, headers: [("Origin", origin), ("Content-Type", "application/json")])
                #expect(reply.header("access-control-allow-origin") == nil)
                #expect(reply.header("vary") == "Origin")
            }
        }
    }

    @Test("CSE-9 an allowed page may read 200, 400, 401, 403, 404, 405, 413, 415, 500 and 503 too")
    func onErrors() async throws {
        let source = EKMTestKeySource(EmbeddedKeySource())
        try await withSite(source: source) { (site) async throws in
            let origin = ("Origin", Self.google)
            func body(_ authorization: KACLSTestToken) throws -> [UInt8] {
                JSONValue.object([
                    (name: "key", value: "AQ=="), (name: "authorization", value: .string(try authorization.text)),
                    (name: "authentication", value: .string(try site.authentication().text)),
                ]).json
            }
            let json = ("Content-Type", "application/json")
            let path = "/v0/kacls/hq/wrap"
            var replies = [
                try await site.send(path, headers: [json, origin], body: try body(site.authorization())),
                try await site.send(path, headers: [json, origin], body: Array("[]".utf8)),
                try await site.send(path, headers: [json, origin], body: try body(site.authorization().with("aud", "x"))),
                try await site.send(path, headers: [json, origin], body: try body(site.authorization("reader"))),
                try await site.send("/v0/kacls/hq/what", headers: [json, origin]),
                try await site.send(path, method: "GET", headers: [origin]),
                try await site.send(path, headers: [json, origin], body: [UInt8](repeating: 0x20, count: 100_000)),
                try await site.send(path, headers: [json, origin], body: [UInt8](repeating: 0x20, count: 600_000)),
                try await site.send(path, headers: [("Content-Type", "text/html"), origin]),
            ]
            source.become(.fails(.unavailable("gone")))
            replies.append(try await site.send(path, headers: [json, origin], body: try body(site.authorization())))
            #expect(replies.map(\.status) == [200, 400, 401, 403, 404, 405, 413, 413, 415, 503])
            for reply in replies { #expect(reply.header("access-control-allow-origin") == Self.google, "\(reply.status)") }
        }
    }

    @Test("CSE-9 a page may read why a target leads nowhere: a query, a slash at the end, a bad percent-encoding, a path with no method", arguments: [
        ("/v0/kacls/hq/wrap?x=1", 400, "query"), ("/v0/kacls/hq/wrap?a:b", 400, "query"), ("/v0/kacls/hq/wrap/", 404, "unknown-method"),
        ("/v0/kacls/hq/wrap//", 404, "unknown-method"), ("/v0/kacls/hq/wr%61p", 400, "path"), ("/v0/kacls/hq/%zz", 400, "path"),
        ("/v0/kacls/hq/wrap%2", 400, "path"), ("/v0/kacls/hq", 404, "unknown-endpoint"), ("/v0/kacls/hq/", 404, "unknown-endpoint"),
    ])
    func nowhere(target: String, status: Int, cause: String) async throws {
        try await withSite { (site) async throws in
            let origin = ("Origin", Self.google)
            let preflight = try await site.send(target, method: "OPTIONS", headers: [origin, ("Access-Control-Request-Method", "POST")])
            #expect(preflight.status == 204 && preflight.header("access-control-allow-origin") == Self.google)
            let reply = try await site.send(target, headers: [origin, ("Content-Type", "application/json")], body: Array("{}".utf8))
            #expect(reply.status == status && reply.json?["code"]?.integer == Int64(status) && reply.cause == cause)
            #expect(reply.header("access-control-allow-origin") == Self.google && reply.header("vary") == "Origin")
        }
    }

    @Test("CSE-9 an endpoint's own origins may read that too, at a path of its own; what isn't ours keeps its shape")
    func nowhereElse() async throws {
        try await withSite { (site) async throws in
            try await site.addEndpoint("lab", path: "v1/lab") { options, _ in options.origins = ["https://lab.example.com"] }
            let origin = ("Origin", "https://lab.example.com")
            for (target, status) in [("/v1/lab/status?x", 400), ("/v1/lab/status/", 404), ("/v1/lab/st%61tus", 400)] {
                let reply = try await site.send(target, method: "GET", headers: [origin])
                #expect(reply.status == status && reply.json?["code"]?.integer == Int64(status), "\(target)")
                #expect(reply.header("access-control-allow-origin") == "https://lab.example.com", "\(target)")
            }
            for target in ["/v0/ekm/disk:wrap?x", "/v0/kacls/hq/disk:wrap/", "/v1/other/%zz", "/healthz/"] {
                let reply = try await site.send(target, method: "GET", headers: [origin])
                #expect(reply.json?["code"]?.integer != Int64(reply.status) && reply.header("vary") == nil, "\(target)")
            }
        }
    }

    @Test("CSE-9 a body that does not come in time, and a request without Host, are told to an allowed page too")
    func late() async throws {
        try await withSite { (site) async throws in
            var limits = ListenerLimits()
            limits.bodyTimeout = .seconds(1)
            site.wire.listener.apply(limits)
            let text = try await site.wire.peer("""
                def check(a, status):
                    expect(a.status == status, a.status, a.body)
                    expect(a.one('access-control-allow-origin') == 'https://client-side-encryption.google.com', a.fields)
                    expect(json.loads(a.body)['code'] == status, a.body)
                origin = 'Origin: https://client-side-encryption.google.com\\r\\n'
                check(Conversation().ask('POST /v0/kacls/hq/wrap HTTP/1.1\\r\\nHost: a\\r\\n' + origin + 'Content-Length: 9\\r\\n\\r\\n{'), 408)
                check(Conversation().ask('POST /v0/kacls/hq/wrap HTTP/1.1\\r\\n' + origin + 'Content-Length: 2\\r\\n\\r\\n{}'), 400)
                print('ok')
                """)
            #expect(text == "ok")
        }
    }

    @Test("CSE-11 who is no browser is served")
    func noOrigin() async throws {
        try await withSite { (site) async throws in
            let reply = try await site.wrap()
            #expect(reply.status == 200)
            #expect(reply.header("access-control-allow-origin") == nil)
        }
    }

    @Test("CSE-12 a page may reach an endpoint in a private network, if that is switched on", arguments: [true, false])
    func privateNetwork(isAllowed: Bool) async throws {
        try await withSite(options: { options, _ in options.allowsPrivateNetworkAccess = isAllowed }) { (site) async throws in
            let reply = try await site.send("/v0/kacls/hq/wrap", method: "OPTIONS", headers: [
                ("Origin", Self.google), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Private-Network", "true"),
            ])
            #expect(reply.header("access-control-allow-private-network") == (isAllowed ? "true" : nil))
        }
    }

    @Test("an endpoint's own list of origins replaces the default")
    func ownOrigins() async throws {
        try await withSite(options: { options, _ in options.origins = ["https://lab.example.com:8443"] }) { (site) async throws in
            for (origin, isAllowed) in [("https://lab.example.com:8443", true), (Self.google, false)] {
                let reply = try await site.send("/v0/kacls/hq/status", method: "GET", headers: [("Origin", origin)])
                #expect(reply.header("access-control-allow-origin") == (isAllowed ? origin : nil))
            }
        }
    }

    @Test("CSE-75 what bears a key is never stored")
    func noStore() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await site.wrap()
            #expect(wrapped.header("cache-control") == "no-store")
            #expect(try await site.unwrap(try #require(wrapped["wrapped_key"])).header("cache-control") == "no-store")
            #expect(try await site.unwrap("AQ==").header("cache-control") == "no-store")
        }
    }

    @Test("CSE-67 any reason will do; a long one is cut, or refused where that is configured", arguments: [true, false])
    func reasons(refuses: Bool) async throws {
        try await withSite(options: { options, _ in options.refusesLongReasons = refuses }) { (site) async throws in
            for reason in ["", "import", "{client:'drive' op:'update'}", String(repeating: "r", count: 1024)] {
                #expect(try await site.wrap(reason: reason).status == 200)
            }
            #expect(try await site.wrap(reason: String(repeating: "r", count: 1025)).status == (refuses ? 400 : 200))
            #expect(try await site.wrap(reason: "a\r\n{\"seq\":1}\u{1B}[2J").status == 200)
            #expect(site.audit.records.count >= 6)
        }
    }

    @Test("CSE-68 unknown members are ignored; a missing, mistyped or repeated one is 400 and named")
    func members() async throws {
        try await withSite { (site) async throws in
            let (authorization, authentication) = (try site.authorization().text, try site.authentication().text)
            let good: [(String, JSONValue)] = [
                ("key", "AQ=="), ("authorization", .string(authorization)), ("authentication", .string(authentication)),
            ]
            #expect(try await site.call("wrap", good + [("future", ["a": [1, nil]]), ("reason", nil)]).status == 200)
            let missing = try await site.call("wrap", Array(good.dropFirst()))
            #expect(missing.status == 400)
            #expect(missing["message"] == "key: this field is missing")
            let mistyped = try await site.call("wrap", [("key", 7)] + good.dropFirst())
            #expect(mistyped.status == 400)
            #expect(mistyped["message"] == "key: expected text")
            let twice = try await site.send("/v0/kacls/hq/wrap", body: Array(#"{"key":"AQ==","key":"AQ=="}"#.utf8))
            #expect(twice["message"] == "key: this field occurs twice")
            for body in ["", "[]", "7", "{\"key\":\"AQ==\"", "{} {}"] {
                #expect(try await site.send("/v0/kacls/hq/wrap", body: Array(body.utf8)).status == 400)
            }
            #expect(try await site.call("wrap", Array(good.prefix(1))).status == 401)
        }
    }

    @Test("a charset after the media type is fine")
    func charset() async throws {
        try await withSite { (site) async throws in
            let reply = try await site.send("/v0/kacls/hq/wrap", headers: [("Content-Type", "application/json; charset=UTF-8")], body: Array("{}".utf8))
            #expect(reply.status == 400)
        }
    }

    @Test("more requests in a second than the endpoint's options allow are answered 429 with Retry-After, and readable to the page; status isn't one of them")
    func rates() async throws {
        try await withSite(options: { options, _ in options.requestsPerSecond = 2 }) { (site) async throws in
            for _ in 0..<12 { #expect(try await site.call("wrap", []).status == 400, "who has no tokens takes nobody's place") }
            var statuses: [Int] = []
            let (authorization, authentication) = (try site.authorization().text, try site.authentication().text)
            for _ in 0..<40 {
                let reply = try await site.call("wrap", [
                    ("key", "AQ=="), ("authorization", .string(authorization)), ("authentication", .string(authentication)),
                ], headers: [("Origin", "https://admin.google.com")])
                statuses.append(reply.status)
                guard reply.status == 429 else { continue }
                #expect(reply.header("retry-after") == "1")
                #expect(reply.json?["code"]?.integer == 429)
                #expect(reply.header("access-control-allow-origin") == "https://admin.google.com")
            }
            #expect(statuses.first == 200)
            #expect(statuses.contains(429))
            for _ in 0..<12 { #expect(try await site.send("/v0/kacls/hq/status", method: "GET", headers: []).status == 200) }
        }
    }

    @Test("each request is counted once by method and outcome, with its time")
    func counted() async throws {
        try await withSite { (site) async throws in
            _ = try await site.wrapped()
            _ = try await site.wrap(KACLSSite.tinkKey, nil, try site.authentication("bob@example.com"))
            _ = try await site.send("/v0/kacls/hq/status", method: "GET", headers: [])
            _ = try await site.send("/v0/kacls/hq/fly", headers: [])
            let counted = site.kacls.counters.all.map { kind, count in "\(kind.method) \(kind.outcome.rawValue) \(count)" }.sorted()
            #expect(counted == ["other refused 1", "status allowed 1", "wrap allowed 1", "wrap refused 1"])
        }
    }
}
