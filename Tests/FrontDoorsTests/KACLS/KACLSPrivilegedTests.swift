import KeyCore
import Synchronization
import TestSupport
import Testing

@testable import Primitives

@Suite("KACLS privileged methods") struct KACLSPrivilegedTests {
    private static func wrap(_ site: KACLSSite, _ token: KACLSTestToken, resource: String = KACLSSite.resource) async throws -> KACLSReply {
        try await site.call("privilegedwrap", [
            ("key", .string(Base64.string(KACLSSite.tinkKey))), ("authentication", .string(try token.text)), ("resource_name", .string(resource)),
            ("perimeter_id", ""), ("reason", "import"),
        ])
    }

    private static func unwrap(
        _ site: KACLSSite, _ wrapped: String, _ token: KACLSTestToken, resource: String = KACLSSite.resource, method: String = "privilegedunwrap"
    ) async throws -> KACLSReply {
        try await site.call(method, [
            ("wrapped_key", .string(wrapped)), ("authentication", .string(try token.text)), ("resource_name", .string(resource)), ("reason", "takeout"),
        ])
    }

    @Test("CSE-48 N19 only those on the list wrap for an import; what they wrapped an ordinary unwrap opens")
    func privilegedWrap() async throws {
        try await withSite { (site) async throws in
            for (token, status) in [
                (try site.administrator("takeout@example.com"), 403), (try site.administrator("ann@example.com"), 403),
                (try site.authentication("import@example.com"), 401), (try site.administrator("IMPORT@example.com"), 200),
            ] {
                #expect(try await Self.wrap(site, token).status == status)
            }
            let wrapped = try #require(try await Self.wrap(site, try site.administrator("import@example.com"))["wrapped_key"])
            #expect(try await site.unwrap(wrapped).bytes("key") == KACLSSite.tinkKey)
        }
    }

    @Test("CSE-14 CSE-49 N19 takeout: only those on the list, only for the right resource, under both names of the method")
    func privilegedUnwrap() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await site.wrapped()
            let takeout = try site.administrator("takeout@example.com")
            for method in ["privilegedunwrap", "takeout_unwrap"] {
                #expect(try await Self.unwrap(site, wrapped, takeout, method: method).bytes("key") == KACLSSite.tinkKey)
            }
            #expect(try await Self.unwrap(site, wrapped, takeout, resource: "//googleapis.com/drive/files/other").status == 403)
            #expect(try await Self.unwrap(site, wrapped, try site.administrator("import@example.com")).status == 403)
            #expect(try await Self.unwrap(site, wrapped, try site.authentication()).status == 401)
            #expect(try await Self.unwrap(site, wrapped, try site.authentication("takeout@example.com")).status == 401)
            #expect(site.audit.records.contains { $0.principal == "takeout@example.com" && $0.resource == KACLSSite.resource && $0.outcome == .allowed })
        }
    }

    /// What the key service at old.example.com would say, were its key the stranger's.
    private static func peerToken(_ site: KACLSSite) throws -> KACLSTestToken {
        let now = site.folder.clock.now.seconds
        return KACLSTestToken(
            claims: [
                ("iss", "https://old.example.com/v1"), ("aud", "kacls-migration"), ("kacls_url", .string(site.url)),
                ("resource_name", .string(KACLSSite.resource)), ("iat", .integer(now)), ("exp", .integer(now + 300)),
            ], key: try KACLSTestKeys.shared.get().stranger)
    }

    @Test("CSE-51 N17 another key service that is not on the list: 401, and nothing is fetched")
    func unlistedPeer() async throws {
        try await withSite { (site) async throws in
            #expect(try await Self.unwrap(site, try await site.wrapped(), try Self.peerToken(site)).status == 401)
            #expect(site.visited.urls.withLock { $0 }.isEmpty)
        }
    }

    @Test("CSE-52 another key service's token is refused on every other method")
    func peerElsewhere() async throws {
        try await withSite(options: { options, _ in
            options.migrationPeers = [KACLSOptions.Peer(url: try #require(KACLSURL("https://old.example.com/v1")))]
        }) { (site) async throws in
            let token = try Self.peerToken(site)
            #expect(try await Self.wrap(site, token).status == 401)
            #expect(try await site.wrap([1], nil, token).status == 401)
            #expect(try await site.unwrap(try await site.wrapped(), nil, token).status == 401)
            #expect(try await site.wrap([1], token).status == 401)
            #expect(site.visited.urls.withLock { $0 }.isEmpty)
        }
    }

    @Test("CSE-46 the policy sees both tokens' claims and the perimeter inside; a refusal is 403 and on record")
    func perimeters() async throws {
        let policy = """
            version: 1
            name: perimeters
            rules:
              - name: wrap
                effect: allow
                operations: [wrap]
                principals: ["domain:example.com"]
                justifications: any
              - name: finance
                effect: allow
                operations: [unwrap]
                principals: ["domain:example.com"]
                justifications: any
                callers: [user]
                perimeters: [finance]
                claims:
                  - {token: authentication, claim: hd, values: [example.com]}
                  - {token: authentication, claim: amr, values: [mfa, "hw*"]}
                  - {token: authorization, claim: email_type, values: [google], missing: true}
            """
        try await withSite(policy: policy) { (site) async throws in
            let inside = try await site.wrapped(KACLSSite.tinkKey, try site.authorization().with("perimeter_id", "finance"))
            let outside = try await site.wrapped()
            let strong = try site.authentication().with("hd", "example.com").with("amr", ["pwd", "hwk"])
            #expect(try await site.unwrap(inside, nil, strong).status == 200)
            // What the document's token says now doesn't matter; what was wrapped does.
            #expect(try await site.unwrap(outside, try site.authorization("reader").with("perimeter_id", "finance"), strong).cause == "policy-perimeter")
            #expect(try await site.unwrap(inside, nil, strong.with("amr", ["pwd"])).cause == "policy-claims")
            let refused = try await site.unwrap(inside, nil, strong.with("hd", nil))
            #expect(refused.status == 403 && refused["key"] == nil)
            #expect(site.audit.records.last?.cause == "policy-claims")
            #expect(site.audit.records.last?.outcome == .refused)
            #expect(site.audit.records.last?.principal == "ann@example.com")
        }
    }

    @Test("CSE-47 what no rule permits is refused, whatever the tokens say")
    func closed() async throws {
        let policy = """
            version: 1
            name: closed
            rules:
              - {name: nobody, effect: allow, operations: [wrap], principals: [nobody@example.com], justifications: any}
            """
        try await withSite(policy: policy) { (site) async throws in #expect(try await site.wrap().status == 403) }
    }

    @Test("CSE-47 a claim that no rule can compare refuses: an allow rule isn't met by it, a deny rule is", arguments: [
        ["a": "contractors"], .real(1.5), [["contractors"]], ["staff", ["x": 1]], "contractors", ["staff", "contractors"],
    ] as [JSONValue])
    func incomparable(groups: JSONValue) async throws {
        func policy(_ effect: String) -> String {
            """
            version: 1
            name: doubt
            rules:
              - {name: all, effect: allow, operations: any, principals: ["domain:example.com"], justifications: any\(effect == "deny" ? "" : ", claims: [{token: authentication, claim: groups, values: [staff]}]")}
              - {name: none, effect: deny, operations: [\(effect == "deny" ? "wrap" : "unwrap")], claims: [{token: authentication, claim: groups, values: [contractors]}]}
            """
        }
        try await withSite(policy: policy("deny")) { (site) async throws in
            let reply = try await site.wrap(KACLSSite.tinkKey, nil, try site.authentication().with("groups", groups))
            #expect(reply.status == 403)
            #expect(reply.cause == "policy-denied")
            #expect(try await site.wrap(KACLSSite.tinkKey, nil, try site.authentication().with("groups", ["staff"])).status == 200)
        }
        guard groups.array?.contains("staff") != true else { return }
        try await withSite(policy: policy("allow")) { (site) async throws in
            #expect(try await site.wrap(KACLSSite.tinkKey, nil, try site.authentication().with("groups", groups)).cause == "policy-claims")
        }
    }

    @Test("CSE-53 digest is the published hash for each published vector", arguments: [
        ("f00d", "my_resource", "my_perimeter", "EfRLb/AKdtsPSfX+vZ/Pi8h6bmKhBTu4egOABRnEdCg="),
        ("646174612d656e6372797074696f6e2d6b6579", "resource-name", "", "BzUyXkZ0424Ve8NtOB1CWgg5hVx60OAPf9SNbVPdtUo="),
        ("6a68079290123ed8f23c845cc8bda91cd961c0246b79446662919e336920cbef", "//googleapis.com/testcase/hJB0PzRI7nl79LC18qaV8WMDCBALBSs9BREcq79MfVw", "", "TZqv6wbNDoEtDzwQ8YVzpa7kyGMAoQT62bJY8Lcb2BM="),
        ("05b62b91cb66f19e27789fb69eb680fac113a70a120178d6cfa6b1b4cb11bb95", "//googleapis.com/testcase/od8yfZiS5ZF2RN27X4ClalsV6LobL2FwKRk4qOJxWdE", "perimeter1", "G2IxoXG8EO+Z3TsI8HQmIIEaWRkVcChNMrZ0xTHMLaU="),
        ("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "//googleapis.com/drive/files/Exémple-√1", "périmètre:A", "MfGL97K6iZZbbRZw5n6prxBJubJV778ePUmzGFWcbsA="),
        ("1a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "//googleapis.com/drive/files/0AbCdEf", "", "Vs8Kd+KgmBzb7t7Ux0/SAHcJic79xR+G6jqRxiYqk+s="),
    ])
    func digest(dek: String, resource: String, perimeter: String, hash: String) async throws {
        try await withSite { (site) async throws in
            let wrapped = try await site.wrapped(
                try #require(Hex.decode(dek)), try site.authorization(resource: resource).with("perimeter_id", .string(perimeter)))
            let verifier = try site.authorization("verifier", issuer: .migration, resource: resource).with("perimeter_id", nil)
            let reply = try await site.call("digest", [("authorization", .string(try verifier.text)), ("wrapped_key", .string(wrapped))])
            #expect(reply["resource_key_hash"] == hash)
        }
    }

    @Test("CSE-54 digest refuses other roles and other resources; it needs no authentication token")
    func digestRoles() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await site.wrapped()
            for (role, resource, status) in [
                ("verifier", KACLSSite.resource, 200), ("writer", KACLSSite.resource, 403), ("migrator", KACLSSite.resource, 403),
                ("verifier", "//googleapis.com/other", 403),
            ] {
                let token = try site.authorization(role, issuer: .migration, resource: resource)
                let reply = try await site.call("digest", [("authorization", .string(try token.text)), ("wrapped_key", .string(wrapped))])
                #expect(reply.status == status)
            }
            let imported = try site.authorization("verifier", issuer: .drive)
            #expect(try await site.call("digest", [("authorization", .string(try imported.text)), ("wrapped_key", .string(wrapped))]).status == 200)
        }
    }

    @Test("CSE-69 every call is on record with who, what, why and how it ended; never with a key or a token")
    func records() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await site.wrap(reason: "open\nthe file")
            let (authorization, authentication) = (try site.authorization("reader").with("jti", "a-1"), try site.authentication().with("jti", "i-1"))
            _ = try await site.unwrap(try #require(wrapped["wrapped_key"]), authorization, authentication)
            _ = try await site.wrap([1], try site.authorization("reader"))
            let records = site.audit.records
            #expect(records.map(\.event.description) == ["kacls.wrap", "kacls.unwrap", "kacls.wrap"])
            #expect(records.map(\.outcome) == [.allowed, .allowed, .refused])
            for record in records {
                #expect(record.principal == "ann@example.com")
                #expect(record.resource == KACLSSite.resource)
                #expect(record.endpointName == "cse")
                #expect(record.keyID == site.key.id)
                #expect(record.remoteAddress == "127.0.0.1")
                #expect(record.status != nil && record.latencyMicroseconds != nil && record.requestID != nil)
            }
            #expect(records[0].reason == "open\nthe file")
            #expect(records[0].proofs.count == 2)
            #expect(records[1].proofs == ["a-1", "i-1"])
            #expect(records[2].cause == "role")
        }
    }

    @Test("CSE-69 what can't be put on record is not done")
    func noRecord() async throws {
        try await withSite { (site) async throws in
            let wrapped = try await site.wrapped()
            site.audit.fail(.closed)
            #expect(try await site.wrap().status == 503)
            let reply = try await site.unwrap(wrapped)
            #expect(reply.status == 503 && reply["key"] == nil)
        }
    }
}
