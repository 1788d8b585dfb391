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
