import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Endpoints through the API") struct EndpointRouteTests {
    let api: APIFixture
    init() throws { api = try APIFixture() }

    @Test("an endpoint is created with the URL to paste, found, changed and deleted, and each change reaches the data plane")
    func life() async throws {
        let id = try await api.make("/api/v1/endpoints", try await api.endpointDraft())
        let made = try await api.call("GET", "/api/v1/endpoints/\(id)")
        #expect(made["url"].string == "https://ekm.example.com/v0/ekm/endpoints/\(id)")
        #expect(made["state"] == "active")
        #expect(made["warning"] == .null)
        let before = api.published
        let changed = try await api.call("PATCH", "/api/v1/endpoints/\(id)", body: [
            "hostnames": ["A.example", "b.example"], "allowed_projects": ["p"], "description": "d",
        ], headers: ["If-Match": "\"1\""])
        #expect(changed["urls"].array?.compactMap(\.string).map { $0.prefix(18) } == ["https://a.example/", "https://b.example/"])
        #expect(changed.etag == "\"2\"")
        #expect(try await api.call("DELETE", "/api/v1/endpoints/\(id)", headers: ["If-Match": "\"1\""]).status == 412)
        #expect(try await api.call("DELETE", "/api/v1/endpoints/\(id)").status == 204)
        #expect(try await api.call("GET", "/api/v1/endpoints/\(id)").status == 404)
        #expect(api.published == before + 2)
        #expect(api.audit.records.last?.endpointID?.description == id)
    }

    @Test("pausing is harmless; disabling says what Google Cloud does then, and wants a yes")
    func states() async throws {
        let id = try await api.make("/api/v1/endpoints", try await api.endpointDraft())
        let path = "/api/v1/endpoints/\(id)/state"
        #expect(try await api.call("PUT", path, body: ["state": "paused"])["warning"].string?.contains("503") == true)
        for body in [["state": "disabled"], ["state": "disabled", "confirm": false]] as [JSONValue] {
            let refused = try await api.call("PUT", path, body: body)
            #expect(refused.code == "confirmation_required")
            #expect(refused["detail"].string?.contains("disables the key version") == true)
        }
        let disabled = try await api.call("PUT", path, body: ["state": "disabled", "confirm": true])
        #expect(disabled["warning"].string?.contains("enable them there") == true)
        #expect(try await api.stores.endpoints.snapshot().endpoints.map(\.state) == [.disabled])
    }

    @Test("what an endpoint names must be there and fit; names and paths are unique")
    func refused() async throws {
        let draft = try await api.endpointDraft()
        let unknown = JSONValue.string(try KeyID.random().description)
        let signer = JSONValue.string(try await api.makeKey("signer", ["purpose": "sign", "algorithm": "EC-P256"]))
        for change in [
            ["key_id": unknown], ["policy_id": unknown], ["issuer_ids": [unknown]], ["issuer_ids": []], ["key_id": signer],
            ["hostnames": ["a b"]], ["hostnames": []], ["path": "a/../b"], ["door": "smtp"], ["extra_audiences": [""]],
        ] as [JSONValue] {
            let changed = change.object![0].name
            let body = JSONValue.object(draft.object!.filter { $0.name != changed } + change.object!)
            #expect(try await api.call("POST", "/api/v1/endpoints", body: body).status == 400, "\(change)")
        }
        let id = try await api.make("/api/v1/endpoints", draft)
        #expect(try await api.call("POST", "/api/v1/endpoints", body: draft).code == "exists")
        let path = JSONValue.string("v0/ekm/endpoints/\(id)")
        let other = JSONValue.object(draft.object!.filter { $0.name != "name" } + [("name", "other"), ("path", path)])
        #expect(try await api.call("POST", "/api/v1/endpoints", body: other).code == "exists")
    }

    @Test("N20 a grant on one endpoint shows and changes that one only")
    func grants() async throws {
        let mine = try await api.make("/api/v1/endpoints", try await api.endpointDraft("mine"))
        let other = try await api.make("/api/v1/endpoints", try await api.endpointDraft("other"))
        let caller = try Caller.person(grants: [.readEndpoints: [mine], .changeStateOfEndpoints: [mine]])
        #expect(try await api.call("GET", "/api/v1/endpoints", as: caller)["total"] == 1)
        #expect(try await api.call("PUT", "/api/v1/endpoints/\(mine)/state", body: ["state": "paused"], as: caller).status == 200)
        #expect(try await api.call("PUT", "/api/v1/endpoints/\(other)/state", body: ["state": "paused"], as: caller).status == 403)
        #expect(try await api.call("PATCH", "/api/v1/endpoints/\(mine)", body: ["description": "x"], as: caller).status == 403)
    }

    @Test("lists are filtered by state, key and policy")
    func filters() async throws {
        let draft = try await api.endpointDraft("a")
        let a = try await api.make("/api/v1/endpoints", draft)
        try await api.make("/api/v1/endpoints", try await api.endpointDraft("b"))
        _ = try await api.call("PUT", "/api/v1/endpoints/\(a)/state", body: ["state": "paused"])
        for query in ["state=paused", "key_id=\(draft["key_id"]!.string!)", "policy_id=\(draft["policy_id"]!.string!)", "name=a", "name_prefix=a"] {
            let answer = try await api.call("GET", "/api/v1/endpoints?\(query)")
            #expect(answer["items"].array?.compactMap { $0["id"]?.string } == [a], "\(query)")
        }
    }
}
