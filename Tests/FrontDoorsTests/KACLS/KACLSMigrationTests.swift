import FrontDoors
import KeyCore
import Plugins
import Synchronization
import TestSupport
import Testing

@testable import Primitives

@Suite("KACLS migration") struct KACLSMigrationTests {
    /// Two installations: keys move from the first to the second.
    private static func withTwo(_ body: (_ old: KACLSSite, _ oldURL: String, _ new: KACLSSite) async throws -> Void) async throws {
        try await withSite { old in
            let oldURL = "https://ekm.example.com:\(old.wire.port)/v0/kacls/old"
            try await withSite(policy: policy, signs: true, peers: [old.wire.port], options: { options, _ in
                options.rewrapPeers = [try peer(oldURL)]
            }) { new in
                let key = try await old.folder.keys.create(name: "old", purpose: .wrap, algorithm: .aes256, source: EmbeddedKeySource())
                let policy = try await old.folder.policies.save(
                    try AccessPolicy(parsing: Self.policy.replacing("PEER", with: new.url), source: "old.yaml"), name: "old")
                try await old.addEndpoint("old", path: "v0/kacls/old", key: key.id, policy: policy) { options, _ in
                    options.migrationPeers = [try peer(new.url)]
                }
                try await body(old, oldURL, new)
            }
        }
    }

    private static let policy = """
        version: 1
        name: migration
        rules:
          - name: everybody
            effect: allow
            operations: any
            principals: ["domain:example.com", "PEER"]
            justifications: any
        """

    private static func peer(_ url: String) throws -> KACLSOptions.Peer {
        var peer = KACLSOptions.Peer(url: try #require(KACLSURL(url)))
        peer.mayBePrivate = true
        return peer
    }

    private static func wrapAtOld(_ old: KACLSSite, _ url: String, _ dek: [UInt8], resource: String) async throws -> String {
        let authorization = try old.authorization(resource: resource).with("kacls_url", .string(url))
        let reply = try await old.send("/v0/kacls/old/wrap", body: JSONValue.object([
            (name: "key", value: .string(Base64.string(dek))), (name: "authorization", value: .string(try authorization.text)),
            (name: "authentication", value: .string(try old.authentication().text)),
        ]).json)
        return try #require(reply["wrapped_key"])
    }

    private static func rewrap(
        _ new: KACLSSite, _ wrapped: String, from url: String, _ authorization: KACLSTestToken
    ) async throws -> KACLSReply {
        try await new.call("rewrap", [
            ("authorization", .string(try authorization.text)), ("original_kacls_url", .string(url)), ("wrapped_key", .string(wrapped)), ("reason", ""),
        ])
    }

    @Test("CSE-55 CSE-50 rewrap moves a key from one installation to another: the new one opens it, and the hash is right")
    func moves() async throws {
        try await Self.withTwo { old, oldURL, new in
            let wrapped = try await Self.wrapAtOld(old, oldURL, KACLSSite.tinkKey, resource: KACLSSite.resource)
            let reply = try await Self.rewrap(new, wrapped, from: oldURL, try new.authorization("migrator", issuer: .migration))
            #expect(reply.status == 200)
            #expect(reply["resource_key_hash"] == "Vs8Kd+KgmBzb7t7Ux0/SAHcJic79xR+G6jqRxiYqk+s=")
            #expect(try await new.unwrap(try #require(reply["wrapped_key"])).bytes("key") == KACLSSite.tinkKey)
            #expect(old.visited.urls.withLock { $0 } == [new.url + "/certs"])
            #expect(old.audit.records.last?.principal == new.url)
            #expect(old.audit.records.last?.event == AuditEvent("kacls.privilegedunwrap"))
            #expect(new.audit.records.first { $0.event == AuditEvent("kacls.rewrap") }?.peer == oldURL)
        }
    }

    @Test("CSE-50 another resource than the token's, another key service's URL, or a wrong audience: refused")
    func peerTokens() async throws {
        try await Self.withTwo { old, oldURL, new in
            let wrapped = try await Self.wrapAtOld(old, oldURL, KACLSSite.tinkKey, resource: KACLSSite.resource)
            // The new service asks for a resource that the key was not wrapped for.
            let other = try new.authorization("migrator", issuer: .migration, resource: "//googleapis.com/drive/files/other")
            #expect(try await Self.rewrap(new, wrapped, from: oldURL, other).cause == "peer-status")
            func ask(_ claim: String, _ value: JSONValue) async throws -> Int {
                let now = old.folder.clock.now.seconds
                let claims: JSONValue = [
                    "iss": .string(new.url), "aud": "kacls-migration", "kacls_url": .string(oldURL), "resource_name": .string(KACLSSite.resource),
                    "iat": .integer(now), "exp": .integer(now + 300),
                ]
                let members = try #require(claims.object).map { $0.name == claim ? (name: claim, value: value) : $0 }
                return try await old.send("/v0/kacls/old/privilegedunwrap", body: JSONValue.object([
                    (name: "authentication", value: .string(try new.ring.sign(.object(members)))), (name: "wrapped_key", value: .string(wrapped)),
                    (name: "resource_name", value: .string(KACLSSite.resource)),
                ]).json).status
            }
            #expect(try await ask("aud", "kacls-migration") == 200)
            #expect(try await ask("aud", "cse-authorization") == 401)
            #expect(try await ask("kacls_url", .string(old.url)) == 403)
            #expect(try await ask("resource_name", "//googleapis.com/drive/files/other") == 403)
            #expect(try await ask("exp", 1) == 401)
            #expect(try await ask("iss", "https://evil.example/v1") == 401)
        }
    }

    @Test("CSE-54 rewrap is for the migration service with the role migrator only")
    func roles() async throws {
        try await Self.withTwo { old, oldURL, new in
            let wrapped = try await Self.wrapAtOld(old, oldURL, [1], resource: KACLSSite.resource)
            for (role, issuer, status) in [("verifier", GoogleCSEIssuer.migration, 403), ("writer", .migration, 403), ("migrator", .drive, 403), ("migrator", .migration, 200)] {
                #expect(try await Self.rewrap(new, wrapped, from: oldURL, try new.authorization(role, issuer: issuer)).status == status)
            }
        }
    }

    @Test("CSE-56 N17 a key service that nobody named is not asked, however its URL is written", arguments: [
        "http://old.example.com/v1", "https://127.0.0.1/", "https://[::1]/v1", "https://2130706433/", "https://0x7f000001/", "https://localhost/",
        "https://old.example.com/v1/", "https://old.example.com@evil.example/v1", "https://old.example.com/v1?x", "file:///etc/passwd", "",
        "https://OLD.example.com./v1", "https://metadata.google.internal/", "gopher://old.example.com/v1", "https://old.example.com/V2",
    ])
    func strangers(url: String) async throws {
        try await withSite(policy: Self.policy, options: { options, _ in
            options.rewrapPeers = [KACLSOptions.Peer(url: try #require(KACLSURL("https://known.example.com/v1")))]
        }) { (site) async throws in
            let reply = try await Self.rewrap(site, "AQ==", from: url, try site.authorization("migrator", issuer: .migration))
            #expect(reply.status == 403)
            #expect(reply.cause == "peer")
            #expect(site.audit.records.last?.peer == url)
        }
    }

    @Test("CSE-56 N18 a named key service whose name leads to a private address is not connected to")
    func privateAddress() async throws {
        try await withSite(policy: Self.policy, signs: true, options: { options, parts in
            // The same address as our own listener's: the name resolves to 127.0.0.1, which no administrator has permitted.
            options.rewrapPeers = [KACLSOptions.Peer(url: parts.url)]
        }) { (site) async throws in
            let before = site.audit.records.count
            let reply = try await Self.rewrap(site, "AQ==", from: site.url, try site.authorization("migrator", issuer: .migration))
            #expect(reply.status == 403)
            #expect(reply.cause == "peer-address")
            #expect(site.audit.records.count == before + 1)  // our own refusal, and no call of privilegedunwrap
        }
    }

    /// A key service that answers as told.
    private struct Stub: HTTPHandler {
        let answer: @Sendable () async -> HTTPResponse
        func respond(to request: HTTPRequest) async -> HTTPResponse { await answer() }
        func refusal(status: Int, message: String) -> HTTPResponse { HTTPResponse(status: status) }
    }

    @Test("CSE-57 CSE-56 the other side's failures are 502, its silence 504, its redirects are not followed", arguments: [
        ("timeout", 504, "peer-timeout"), ("500", 502, "peer-status"), ("403", 502, "peer-status"), ("html", 502, "peer-answer"),
        ("nokey", 502, "peer-answer"), ("longkey", 502, "peer-answer"), ("huge", 502, "peer-unreachable"), ("redirect", 403, "peer-redirects"),
    ])
    func failures(kind: String, status: Int, cause: String) async throws {
        let asked = Mutex(0)
        let finished = Mutex(0)
        let stub = Stub {
            asked.withLock { $0 += 1 }
            defer { finished.withLock { $0 += 1 } }
            switch kind {
            case "timeout":
                try? await Task.sleep(for: .seconds(3))
                return HTTPResponse(status: 200)
            case "html": return HTTPResponse(status: 200, body: Array("<html>".utf8))
            case "nokey": return HTTPResponse(status: 200, body: Array("{}".utf8))
            case "longkey": return HTTPResponse(status: 200, body: Array(#"{"key":"\#(Base64.string([UInt8](repeating: 1, count: 129)))"}"#.utf8))
            case "huge": return HTTPResponse(status: 200, body: [UInt8](repeating: 0x20, count: 100_000))
            case "redirect": return HTTPResponse(status: 302, headers: [("Location", "https://ekm.example.com/evil")])
            default: return HTTPResponse(status: Int(kind) ?? 500)
            }
        }
        try await withListener(stub) { wire in
            let url = "https://ekm.example.com:\(wire.port)/v1"
            try await withSite(policy: Self.policy, signs: true, peers: [wire.port], patience: kind == "timeout" ? .milliseconds(500) : .seconds(30), options: { options, _ in
                options.rewrapPeers = [try Self.peer(url)]
            }) { (site) async throws in
                let reply = try await Self.rewrap(site, "AQ==", from: url, try site.authorization("migrator", issuer: .migration))
                #expect(reply.status == status)
                #expect(reply.cause == cause)
                #expect(asked.withLock { $0 } == 1)
                // The stub's answer may come after its asker has gone; the listener must not.
                #expect(try await WireFixture.eventually { finished.withLock { $0 } == 1 })
            }
        }
    }

    @Test("C a thousand keys move from one installation to another")
    func thousand() async throws {
        try await Self.withTwo { old, oldURL, new in
            let wrapper = try old.authentication().text
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<8 {
                    group.addTask {
                        for number in stride(from: lane, to: 1000, by: 8) {
                            let resource = "//googleapis.com/drive/files/\(number)"
                            let dek = [0x1A, 0x20] + Digest.sha256(Array("\(number)".utf8))
                            let authorization = try old.authorization(resource: resource).with("kacls_url", .string(oldURL))
                            let wrapped = try await old.send("/v0/kacls/old/wrap", body: JSONValue.object([
                                (name: "key", value: .string(Base64.string(dek))), (name: "authorization", value: .string(try authorization.text)),
                                (name: "authentication", value: .string(wrapper)),
                            ]).json)
                            let moved = try await Self.rewrap(
                                new, try #require(wrapped["wrapped_key"]), from: oldURL,
                                try new.authorization("migrator", issuer: .migration, resource: resource))
                            let key = try await new.unwrap(try #require(moved["wrapped_key"]), try new.authorization("reader", resource: resource))
                            #expect(key.bytes("key") == dek)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
