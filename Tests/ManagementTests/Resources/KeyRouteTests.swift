import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Keys through the API") struct KeyRouteTests {
    let api: APIFixture
    init() throws { api = try APIFixture() }

    @Test("a key is created with what was said of it, found by id and name, and told to the data plane")
    func create() async throws {
        let answer = try await api.call("POST", "/api/v1/keys", body: [
            "name": "disk", "description": "For disks", "labels": ["stage": "prod", "team": "blue"], "expires_at": "2030-01-01T00:00:00Z",
        ])
        #expect(answer.status == 201)
        #expect(answer.etag == "\"1\"")
        let id = try #require(answer["id"].string)
        #expect(answer.headers["location"] == "/api/v1/keys/\(id)")
        #expect(answer["labels"] == ["stage": "prod", "team": "blue"])
        #expect(answer["primary_version"] == 1)
        #expect(api.published == 1)
        #expect(try await api.call("GET", "/api/v1/keys/\(id)").json == answer.json)
        let named = try await api.call("GET", "/api/v1/keys?name=disk")
        #expect(named["total"] == 1)
        #expect(named["items"].array?.first?["id"]?.string == id)
        #expect(api.audit.records.map(\.outcome) == [.begun, .allowed])
        #expect(api.audit.records.last?.target == "disk")
    }

    @Test("each kind of key that a purpose allows is made, and no other", arguments: KeyPurpose.allCases)
    func kinds(purpose: KeyPurpose) async throws {
        for algorithm in KeyAlgorithm.allCases where algorithm != .rsa4096 && algorithm != .rsa3072 {
            let answer = try await api.call("POST", "/api/v1/keys", body: [
                "name": .string("\(purpose.rawValue) \(algorithm.rawValue)"), "purpose": .string(purpose.rawValue),
                "algorithm": .string(algorithm.rawValue),
            ])
            #expect(answer.status == (algorithm.serves(purpose) ? 201 : 400))
            if answer.status == 201, algorithm.keyType != nil, let id = answer["id"].string {
                let half = try await api.call("GET", "/api/v1/keys/\(id)/public-key")
                #expect(try PublicKey(spkiPEM: try #require(half["public_key"].string)).type == algorithm.keyType)
                #expect(half["jwk"]["kty"]?.string == (algorithm == .rsa2048 ? "RSA" : "EC"))
            }
        }
    }

    @Test("a rehearsal answers what would come of it, and nothing is there afterwards")
    func rehearsal() async throws {
        let answer = try await api.call("POST", "/api/v1/keys?dry_run=true", body: ["name": "disk"])
        #expect(answer.status == 201)
        #expect(try await api.call("GET", "/api/v1/keys")["total"] == 0)
        #expect(api.published == 0)
        let id = try await api.makeKey()
        #expect(try await api.call("POST", "/api/v1/keys/\(id)/rotate?dry_run=true")["version_count"] == 2)
        #expect(try await api.call("GET", "/api/v1/keys/\(id)")["version_count"] == 1)
        #expect(try await api.call("POST", "/api/v1/keys?dry_run=true", body: ["name": "disk"]).code == "exists")
    }

    @Test("N27 a change with the ETag of an earlier form is refused and changes nothing")
    func preconditions() async throws {
        let id = try await api.makeKey()
        let first = try await api.call("PATCH", "/api/v1/keys/\(id)", body: ["description": "one"], headers: ["If-Match": "\"1\""])
        #expect(first.status == 200)
        #expect(first.etag == "\"2\"")
        for (method, path, body) in [
            ("PATCH", "", ["description": "two"]), ("POST", "/rotate", nil), ("PUT", "/versions/1/state", ["state": "suspended"]),
        ] as [(String, String, JSONValue?)] {
            let answer = try await api.call(method, "/api/v1/keys/\(id)\(path)", body: body, headers: ["If-Match": "\"1\""])
            #expect(answer.status == 412)
        }
        let key = try await api.call("GET", "/api/v1/keys/\(id)")
        #expect(key["description"] == "one")
        #expect(key["revision"] == 2)
        #expect(key["state"] == "active")
    }

    @Test("name, description, labels, expiry change; what isn't named stays; null takes an expiry away")
    func update() async throws {
        let id = try await api.makeKey("disk", ["labels": ["a": "1"], "expires_at": "2030-01-01T00:00:00Z"])
        let renamed = try await api.call("PATCH", "/api/v1/keys/\(id)", body: ["name": "other"])
        #expect(renamed["labels"] == ["a": "1"])
        let cleared = try await api.call("PATCH", "/api/v1/keys/\(id)", body: ["labels": [:], "expires_at": nil])
        #expect(cleared["labels"] == [:])
        #expect(cleared["expires_at"] == .null)
        #expect(cleared["name"] == "other")
        #expect(try await api.call("GET", "/api/v1/keys?label=a:1")["total"] == 0)
        _ = try await api.makeKey()
        #expect(try await api.call("PATCH", "/api/v1/keys/\(id)", body: ["name": "disk"]).code == "exists")
        #expect(try await api.call("PATCH", "/api/v1/keys/\(id)", body: ["purpose": "sign"]).status == 400)
    }

    @Test("the life of a version: suspended, resumed, deactivated, scheduled, called off, destroyed; then the key can go")
    func life() async throws {
        let id = try await api.makeKey()
        let version = "/api/v1/keys/\(id)/versions/1"
        for state in ["suspended", "active", "deactivated", "compromised"] {
            let answer = try await api.call("PUT", version + "/state", body: ["state": .string(state)])
            #expect(answer["state"].string == state)
            #expect((answer["primary_version"] == 1) == (state == "active"))
        }
        #expect(try await api.call("PUT", version + "/state", body: ["state": "active"]).code == "wrong_state")
        #expect(try await api.call("PUT", version + "/state", body: ["state": "destroyed"]).status == 400)
        let scheduled = try await api.call("PUT", version + "/destruction", body: ["after_days": 30])
        #expect(scheduled["versions"].array?[0]["destroy_at"]?.string == RFC3339.string(api.store.clock.now + .seconds(30 * 86_400)))
        #expect(try await api.call("PUT", version + "/destruction", body: ["after_days": 366]).status == 400)
        #expect(try await api.call("PUT", version + "/destruction", body: [:]).status == 400)
        #expect(try await api.call("DELETE", version + "/destruction")["versions"].array?[0]["destroy_at"] == .null)
        #expect(try await api.call("DELETE", "/api/v1/keys/\(id)").code == "wrong_state")
        for confirm in [[:], ["confirm": "other"]] as [JSONValue] {
            #expect(try await api.call("POST", version + "/destroy", body: confirm).code == "confirmation_required")
        }
        #expect(try await api.call("POST", version + "/destroy", body: ["confirm": "disk"])["state"] == "destroyed")
        #expect(try await api.store.sealedMaterial(try #require(KeyID(id)), 1) == nil)
        #expect(try await api.call("DELETE", "/api/v1/keys/\(id)").status == 204)
        #expect(try await api.call("GET", "/api/v1/keys/\(id)").status == 404)
        #expect(try await api.call("GET", "/api/v1/keys")["total"] == 0)
    }

    @Test("an active version is not destroyed, whatever is confirmed, and a key that an endpoint uses is not deleted")
    func refused() async throws {
        let id = try await api.makeKey()
        #expect(try await api.call("POST", "/api/v1/keys/\(id)/versions/1/destroy", body: ["confirm": "disk"]).code == "wrong_state")
        #expect(try await api.call("PUT", "/api/v1/keys/\(id)/versions/1/destruction", body: ["after_days": 1]).code == "wrong_state")
        #expect(try await api.call("PUT", "/api/v1/keys/\(id)/versions/2/state", body: ["state": "suspended"]).status == 404)
        try await api.make("/api/v1/endpoints", try await api.endpointDraft("e", key: id))
        _ = try await api.call("PUT", "/api/v1/keys/\(id)/versions/1/state", body: ["state": "deactivated"])
        _ = try await api.call("POST", "/api/v1/keys/\(id)/versions/1/destroy", body: ["confirm": "disk"])
        #expect(try await api.call("DELETE", "/api/v1/keys/\(id)").code == "wrong_state")
    }

    @Test("a key past its expiry has no primary version and takes no other version, until its expiry moves")
    func expiry() async throws {
        let id = try await api.makeKey("disk", ["expires_at": .string(RFC3339.string(api.store.clock.now + .seconds(60)))])
        api.store.clock.advance(by: .seconds(60))
        let key = try await api.call("GET", "/api/v1/keys/\(id)")
        #expect(key["expired"] == true)
        #expect(key["primary_version"] == .null)
        #expect(key["state"] == "active")
        #expect(try await api.call("POST", "/api/v1/keys/\(id)/rotate").code == "wrong_state")
        #expect(try await api.call("PATCH", "/api/v1/keys/\(id)", body: ["expires_at": nil])["primary_version"] == 1)
    }

    @Test("key sources are listed with their health")
    func sources() async throws {
        let answer = try await api.call("GET", "/api/v1/key-sources")
        #expect(answer["items"].array?.first?["id"] == "embedded")
        #expect(answer["items"].array?.first?["health"] == "well")
        #expect(try await api.call("POST", "/api/v1/keys", body: ["name": "x", "source": "hsm"]).status == 400)
    }
}
