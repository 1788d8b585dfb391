import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("KACLS delegation") struct KACLSDelegateTests {
    static let room = "room-42@example.com"

    private static func delegate(_ site: KACLSSite, _ authorization: KACLSTestToken, _ authentication: KACLSTestToken? = nil) async throws -> KACLSReply {
        try await site.call("delegate", [
            ("authorization", .string(try authorization.text)), ("authentication", .string(try (authentication ?? site.authentication()).text)),
            ("reason", "{client:'meet' op:'delegate_access'}"),
        ])
    }

    private static func claims(of token: String) throws -> JSONValue {
        let payload = token.split(separator: ".")[1]
        return try JSONValue(parsing: try Base64.decodeURLCanonical(ArraySlice(payload.utf8)))
    }

    @Test("CSE-41 delegate returns a token that certs verifies, for device and resource, of at most 900 seconds")
    func token() async throws {
        try await withSite(signs: true) { (site) async throws in
            let reply = try await Self.delegate(site, try site.authorization("reader", issuer: .meet).with("delegated_to", .string(Self.room)))
            #expect(reply.status == 200)
            let token = try #require(reply["delegated_authentication"])
            let claims = try Self.claims(of: token)
            #expect(claims["delegated_to"]?.string == Self.room)
            #expect(claims["resource_name"]?.string == KACLSSite.resource)
            #expect(claims["email"]?.string == "ann@example.com")
            #expect(claims["iss"]?.string == site.url)
            #expect(claims["aud"]?.string == site.url)
            let (start, end) = (try #require(claims["iat"]?.integer), try #require(claims["exp"]?.integer))
            #expect(start == site.folder.clock.now.seconds && end - start <= 900)
            let certs = try await site.send("/v0/kacls/hq/certs", method: "GET", headers: [])
            let keys = try JWKS(parsing: certs.body, algorithms: [.rs256])
            let parts = token.split(separator: ".")
            let signature = try Base64.decodeURLCanonical(ArraySlice(parts[2].utf8))
            #expect(keys.entries.contains { $0.key.verify(signature: signature, over: Array("\(parts[0]).\(parts[1])".utf8)) })
            #expect(site.audit.records.last?.event == AuditEvent("kacls.delegate"))
            #expect(site.audit.records.last?.device == Self.room)
            #expect(site.audit.records.last?.cause == nil)
        }
    }

    @Test("CSE-41 a delegated token never outlives the one it was made from")
    func shortLife() async throws {
        try await withSite(signs: true) { (site) async throws in
            let end = site.folder.clock.now.seconds + 100
            let reply = try await Self.delegate(
                site, try site.authorization("reader").with("delegated_to", .string(Self.room)), try site.authentication().with("exp", .integer(end)))
            #expect(try Self.claims(of: try #require(reply["delegated_authentication"]))["exp"]?.integer == end)
        }
    }

    @Test("CSE-42 without delegated_to or resource_name there is none")
    func incomplete() async throws {
        try await withSite(signs: true) { (site) async throws in
            #expect(try await Self.delegate(site, try site.authorization("reader")).status == 403)
            let token = try site.authorization("reader").with("delegated_to", .string(Self.room))
            #expect(try await Self.delegate(site, token.with("resource_name", nil)).status == 403)
            #expect(try await Self.delegate(site, token, try site.authentication("bob@example.com")).status == 403)
            #expect(try await Self.delegate(site, token.with("kacls_url", "https://other.example.com")).status == 403)
        }
    }

    @Test("CSE-43 CSE-44 the device unwraps with it: for that device, in any case of letters, and that resource only")
    func use() async throws {
        try await withSite(signs: true) { (site) async throws in
            let wrapped = try await site.wrapped()
            let forRoom = try site.authorization("reader").with("delegated_to", .string(Self.room))
            let delegated = try #require(try await Self.delegate(site, forRoom)["delegated_authentication"])
            func unwrap(_ authorization: KACLSTestToken, _ method: String = "unwrap") async throws -> KACLSReply {
                try await site.call(method, [
                    ("wrapped_key", .string(wrapped)), ("key", "AQ=="), ("authorization", .string(try authorization.text)),
                    ("authentication", .string(delegated)),
                ])
            }
            #expect(try await unwrap(forRoom).bytes("key") == KACLSSite.tinkKey)
            #expect(site.audit.records.last?.event == AuditEvent("kacls.unwrap") && site.audit.records.last?.device == Self.room)
            #expect(try await unwrap(forRoom.with("delegated_to", "ROOM-42@Example.com")).status == 200)
            #expect(try await unwrap(forRoom.with("delegated_to", "room-43@example.com")).status == 403)
            #expect(try await unwrap(forRoom.with("delegated_to", nil)).status == 403)
            #expect(try await unwrap(forRoom.with("resource_name", "//googleapis.com/drive/files/other")).status == 403)
            #expect(try await unwrap(forRoom.with("email", "bob@example.com")).status == 403)
            #expect(try await unwrap(forRoom.with("role", "writer"), "wrap").status == 200)
            #expect(try await site.unwrap(wrapped, forRoom).status == 403)
            site.folder.clock.advance(by: .seconds(961))
            #expect(try await unwrap(forRoom).status == 401)
        }
    }

    @Test("CSE-45 a delegated token is refused on every other method")
    func elsewhere() async throws {
        try await withSite(signs: true) { (site) async throws in
            let forRoom = try site.authorization("reader").with("delegated_to", .string(Self.room))
            let delegated = try #require(try await Self.delegate(site, forRoom)["delegated_authentication"])
            for method in ["delegate", "privatekeysign", "privatekeydecrypt", "privilegedwrap", "privilegedunwrap", "wrapprivatekey", "privilegedprivatekeydecrypt"] {
                let reply = try await site.call(method, [
                    ("authorization", .string(try forRoom.text)), ("authentication", .string(delegated)), ("key", "AQ=="),
                    ("wrapped_key", .string(try await site.wrapped())), ("resource_name", .string(KACLSSite.resource)), ("private_key", "x"),
                    ("algorithm", method.hasSuffix("sign") ? "SHA256withRSA" : "RSA/ECB/PKCS1Padding"), ("digest", "AQ=="), ("encrypted_data_encryption_key", "AQ=="),
                    ("wrapped_private_key", .string(try await site.wrapped())), ("spki_hash", "AQ=="), ("spki_hash_algorithm", "SHA-256"),
                ])
                #expect(reply.status == 401, "\(method)")
            }
        }
    }

    /// Whether a device that acts for the one who is named by `authentication` may unwrap.
    private static func deviceMayUnwrap(
        _ site: KACLSSite, _ authentication: KACLSTestToken, email: String = "ann@example.com", type: JSONValue = "google"
    ) async throws -> (status: Int, cause: String?) {
        let forRoom = try site.authorization("reader", email: email).with("delegated_to", .string(room)).with("email_type", type)
        let delegation = try await delegate(site, forRoom, authentication)
        let token = try #require(delegation["delegated_authentication"], "\(delegation.status) \(delegation.cause ?? "")")
        let reply = try await site.call("unwrap", [
            ("wrapped_key", .string(try await site.wrapped())), ("authorization", .string(try forRoom.text)), ("authentication", .string(token)),
        ])
        return (reply.status, reply.cause)
    }

    private static func policy(_ rule: String) -> String {
        """
        version: 1
        name: devices
        rules:
          - name: keys
            effect: allow
            operations: [wrap, delegate]
            principals: ["domain:example.com", "domain:guest.example"]
            justifications: any
          - name: devices
            effect: allow
            operations: [unwrap]
            principals: ["domain:example.com", "domain:guest.example"]
            justifications: any
            \(rule)
        """
    }

    @Test("a guest's device is a guest too: what keeps guests out keeps it out, and what lets it in names both", arguments: [
        ("callers: [delegate]", 200, 403), ("callers: [guest]", 403, 403), ("callers: [guest, delegate]", 200, 200),
        ("callers: [user, guest, delegate]\n  - {name: no-guests, effect: deny, operations: [unwrap], callers: [guest]}", 200, 403),
    ])
    func guestsDevice(rule: String, member: Int, guest: Int) async throws {
        try await withSite(policy: Self.policy(rule), signs: true, options: { options, _ in options.allowsGuests = true }) { (site) async throws in
            #expect(try await Self.deviceMayUnwrap(site, try site.authentication()).status == member)
            let visitor = "eve@guest.example"
            #expect(try await Self.deviceMayUnwrap(site, try site.authentication(visitor), email: visitor, type: "google-visitor").status == guest)
        }
    }

    @Test("a policy sees of a device the claims that the provider made about its user", arguments: [
        ("claims: [{token: authentication, claim: amr, values: [mfa]}]", 200), ("claims: [{token: authentication, claim: amr, values: [pin]}]", 403),
        ("claims: [{token: authentication, claim: iss, values: [\"https://idp.example.com\"]}]", 200),
        ("claims: [{token: authentication, claim: delegated_to, values: [room-42@example.com]}]", 200),
        ("callers: [delegate]\n  - {name: no, effect: deny, operations: [unwrap], claims: [{token: authentication, claim: groups, values: [staff]}]}", 403),
        ("callers: [delegate]\n  - {name: no, effect: deny, operations: [unwrap], claims: [{token: authentication, claim: groups, values: [other]}]}", 200),
    ])
    func sourceClaims(rule: String, status: Int) async throws {
        try await withSite(policy: Self.policy(rule), signs: true) { (site) async throws in
            let source = try site.authentication().with("amr", ["pwd", "mfa"]).with("groups", ["staff"]).with("nonce", "n-1")
            #expect(try await Self.deviceMayUnwrap(site, source).status == status)
        }
    }

    @Test("a delegated token holds all of its source's claims, or there is none", arguments: [
        (8000, 200), (11_600, 400),
    ])
    func longClaims(count: Int, status: Int) async throws {
        try await withSite(signs: true) { (site) async throws in
            let source = try site.authentication().with("groups", .array((0..<(count / 40)).map { .string(String(repeating: "g", count: 32) + "\($0)") }))
            let forRoom = try site.authorization("reader").with("delegated_to", .string(Self.room))
            let reply = try await Self.delegate(site, forRoom, source)
            #expect(reply.status == status && (status == 200 || reply.cause == "claims-too-long"))
            guard status == 200 else { return }
            #expect(try await Self.deviceMayUnwrap(site, source).status == 200)
            let kept = try Self.claims(of: try #require(reply["delegated_authentication"]))["source_claims"]
            #expect(kept?["groups"]?.array?.count == count / 40 && kept?["exp"] == nil && kept?["nonce"] == nil)
            for odd in [JSONValue.string("a\u{0}b"), [[[[[[[1]]]]]]]] {
                #expect(try await Self.delegate(site, forRoom, try site.authentication().with("odd", odd)).status == 400)
            }
        }
    }

    @Test("a delegated token survives a restart and works on another node: the keys are in the database")
    func restart() async throws {
        try await withSite(signs: true) { (site) async throws in
            let wrapped = try await site.wrapped()
            let forRoom = try site.authorization("reader").with("delegated_to", .string(Self.room))
            let delegated = try #require(try await Self.delegate(site, forRoom)["delegated_authentication"])
            let other = SigningKeyRing(
                secrets: SecretStore(database: site.folder.database, sealer: site.folder.sealer), clock: site.folder.clock.wall)
            try other.load()
            #expect(other.jwks == site.ring.jwks)
            try other.rotate()
            try site.ring.load()
            try await site.reload()
            let reply = try await site.call("unwrap", [
                ("wrapped_key", .string(wrapped)), ("authorization", .string(try forRoom.text)), ("authentication", .string(delegated)),
            ])
            #expect(reply.status == 200)
        }
    }
}
