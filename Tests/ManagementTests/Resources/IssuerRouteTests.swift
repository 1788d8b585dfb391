import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Issuers through the API") struct IssuerRouteTests {
    let site: DocumentSite
    let api: APIFixture

    init() throws {
        let site = DocumentSite()
        var resources = ResourceServices()
        resources.fetch = { try site.fetch($0) }
        (self.site, api) = (site, try APIFixture(resources: resources))
    }

    private static let jwks: JSONValue = {
        guard let key = try? PrivateKey.generate(.rsa(bits: 2048)), let jwk = try? key.publicKey.jwk() else { return .null }
        let members: [(name: String, value: JSONValue)] = jwk.members.map { ($0.name, .string($0.value)) } + [("kid", "one"), ("use", "sig")]
        return ["keys": [.object(members)]]
    }()

    @Test("an issuer is added by the address of its JWK Set, changed, disabled and deleted; each reaches the data plane")
    func life() async throws {
        let answer = try await api.call("POST", "/api/v1/issuers", body: [
            "name": "idp", "jwks_url": "https://idp.example/jwks", "values": ["https://idp.example"], "algorithms": ["RS256", "ES256"],
            "allowed_email_suffixes": ["@Example.com"], "max_lifetime_seconds": 600,
        ])
        #expect(answer.status == 201)
        let id = try #require(answer["id"].string)
        #expect(answer["allowed_email_suffixes"] == ["@example.com"])
        let changed = try await api.call("PATCH", "/api/v1/issuers/\(id)", body: ["require_verified_email": false], headers: ["If-Match": "\"1\""])
        #expect(changed["require_verified_email"] == false)
        #expect(changed["max_lifetime_seconds"] == 600)
        #expect(try await api.call("PATCH", "/api/v1/issuers/\(id)", body: ["enabled": false], headers: ["If-Match": "\"1\""]).status == 412)
        #expect(try await api.call("PATCH", "/api/v1/issuers/\(id)", body: ["enabled": false])["enabled"] == false)
        #expect(try await api.stores.issuers.list().map(\.isEnabled) == [false])
        #expect(try await api.call("GET", "/api/v1/issuers?enabled=true")["total"] == 0)
        #expect(try await api.call("GET", "/api/v1/issuers?name=idp")["total"] == 1)
        #expect(api.published == 3)
        #expect(try await api.call("DELETE", "/api/v1/issuers/\(id)").status == 204)
        #expect(try await api.call("GET", "/api/v1/issuers/\(id)").status == 404)
    }

    @Test("an issuer that an endpoint believes is not deleted, nor given a value of iss that another one there claims")
    func used() async throws {
        var draft = try await api.endpointDraft()
        let twin = try await api.makeIssuer("twin", value: "https://twin.example")
        let first = try #require(draft["issuer_ids"]?.array?.first)
        draft = .object(draft.object!.filter { $0.name != "issuer_ids" } + [("issuer_ids", [first, .string(twin)])])
        try await api.make("/api/v1/endpoints", draft)
        #expect(try await api.call("DELETE", "/api/v1/issuers/\(twin)").code == "wrong_state")
        #expect(try await api.call("PATCH", "/api/v1/issuers/\(twin)", body: ["values": ["https://disk.example"]]).code == "wrong_state")
        #expect(try await api.stores.issuers.list().first { $0.name == "twin" }?.values == ["https://twin.example"])
    }

    @Test("an OpenID configuration is read once: it must call itself what its address says, and name https keys")
    func configuration() async throws {
        let url = "https://idp.example/.well-known/openid-configuration"
        site.serve(url, ["issuer": "https://idp.example", "jwks_uri": "https://idp.example/jwks"])
        let answer = try await api.call("POST", "/api/v1/issuers", body: ["name": "idp", "openid_configuration_url": .string(url)])
        #expect(answer.status == 201, "\(answer.text)")
        #expect(answer["values"] == ["https://idp.example"])
        #expect(answer["jwks_url"] == "https://idp.example/jwks")
        #expect(answer["openid_configuration_url"].string == url)
        for document in [
            ["issuer": "https://evil.example", "jwks_uri": "https://idp.example/jwks"], ["issuer": "https://idp.example", "jwks_uri": "http://idp.example/jwks"],
            ["issuer": "https://idp.example"], [1], ["issuer": "https://idp.example", "jwks_uri": "file:///etc/passwd"],
        ] as [JSONValue] {
            site.serve(url, document)
            let refused = try await api.call("POST", "/api/v1/issuers", body: ["name": "other", "openid_configuration_url": .string(url)])
            #expect(refused.status == 400, "\(document)")
        }
        site.serve(url, nil)
        #expect(try await api.call("POST", "/api/v1/issuers", body: ["name": "other", "openid_configuration_url": .string(url)]).status == 400)
        #expect(try await api.call("GET", "/api/v1/issuers")["total"] == 1)
    }

    @Test("pinned keys are given as a JWK Set, of which one at least must be usable")
    func pinned() async throws {
        let answer = try await api.call("POST", "/api/v1/issuers", body: ["name": "lab", "values": ["https://lab"], "jwks": Self.jwks])
        #expect(answer.status == 201, "\(answer.text)")
        #expect(answer["jwks"] == Self.jwks)
        for jwks in [["keys": []], ["keys": [["kty": "oct", "k": "AAAA"]]], "text", [:]] as [JSONValue] {
            #expect(try await api.call("POST", "/api/v1/issuers", body: ["name": "x", "values": ["v"], "jwks": jwks]).status == 400)
        }
        for body in [["name": "x", "values": ["v"]], ["name": "x", "jwks": Self.jwks]] as [JSONValue] {
            #expect(try await api.call("POST", "/api/v1/issuers", body: body).status == 400)
        }
    }

    @Test("a test fetches, explains each step, and keeps nothing")
    func trial() async throws {
        let weak: JSONValue = ["kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "weak"]
        site.serve("https://idp.example/jwks", Self.jwks)
        let fine = try await api.call("POST", "/api/v1/issuers/test", body: ["jwks_url": "https://idp.example/jwks"])
        #expect(fine["ok"] == true)
        #expect(fine["steps"].array?.compactMap { $0["step"]?.string } == ["jwks.resolve", "jwks.connect", "jwks.tls", "jwks.status", "jwks.content", "keys"])
        #expect(fine["keys"].array?.first?["kid"] == "one")
        #expect(fine["keys"].array?.first?["accepted_for"] == ["RS256"])
        site.serve("https://idp.example/jwks", ["keys": .array((Self.jwks["keys"]?.array ?? []) + [weak, ["kty": "oct", "kid": "sym"]])])
        let mixed = try await api.call("POST", "/api/v1/issuers/test", body: ["jwks_url": "https://idp.example/jwks"])
        #expect(mixed["ok"] == false)
        #expect(mixed["keys"].array?.map { $0["reason"] == .null } == [true, false, false])
        site.serve("https://idp.example/jwks", nil)
        let down = try await api.call("POST", "/api/v1/issuers/test", body: ["jwks_url": "https://idp.example/jwks"])
        #expect(down["ok"] == false)
        #expect(down["steps"].array?.last?["step"] == "jwks.connect")
        site.answer("https://idp.example/jwks", status: 302)
        let moved = try await api.call("POST", "/api/v1/issuers/test", body: ["jwks_url": "https://idp.example/jwks"])
        #expect(moved["steps"].array?.last?["detail"]?.string?.contains("redirects are not followed") == true)
        #expect(try await api.call("POST", "/api/v1/issuers/test", body: [:]).status == 400)
        #expect(try await api.call("GET", "/api/v1/issuers")["total"] == 0)
    }
}
