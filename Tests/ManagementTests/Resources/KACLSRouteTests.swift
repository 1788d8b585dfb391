import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Endpoints for client-side encryption through the API") struct KACLSRouteTests {
    let api: APIFixture
    init() throws {
        var resources = ResourceServices()
        resources.dataPlanePort = { 8443 }
        api = try APIFixture(resources: resources)
    }

    private func draft(_ name: String = "hq", _ more: KeyValuePairs<String, JSONValue> = [:], port: Bool = true) async throws -> JSONValue {
        let base = try await api.endpointDraft(name)
        let issuer = base["issuer_ids"]?.array?.first ?? .null
        let options: JSONValue = ["identity_providers": [["issuer": issuer, "audiences": ["web"]]], "owner_domains": ["Example.com"]]
        let members = (base.object ?? []).filter { $0.name != "issuer_ids" }
        return JSONValue.object(members).adding(["door": "kacls", "kacls": options.adding(more)])
    }

    @Test("is created without issuer_ids, tells every option, whose issuers it names, and the URL for the Admin console with the port")
    func created() async throws {
        let id = try await api.make("/api/v1/endpoints", try await draft())
        let made = try await api.call("GET", "/api/v1/endpoints/\(id)")
        let kacls = made["kacls"]
        #expect(kacls["owner_domains"] == ["example.com"])
        #expect(kacls["authorization"]?["google"]?.array?.count == GoogleCSEIssuer.allCases.count)
        #expect(kacls["origins"]?.array?.first == "https://client-side-encryption.google.com")
        #expect(kacls["identity_providers"]?.array?.first?["users"] == true)
        #expect(made["issuer_ids"].array?.first == kacls["identity_providers"]?.array?.first?["issuer"])
        #expect(made["url"] == .string("https://ekm.example.com:8443/v0/kacls/endpoints/\(id)"))
        #expect(kacls["urls"] == made["urls"])
        #expect(made["warnings"] == [])
        let ekm = try await api.make("/api/v1/endpoints", try await api.endpointDraft("disk"))
        #expect(try await api.call("GET", "/api/v1/endpoints/\(ekm)")["kacls"] == .null)
    }

    @Test("a change names only what changes, objects member by member, lists as a whole; what was read can be sent back")
    func changed() async throws {
        let id = try await api.make("/api/v1/endpoints", try await draft("hq", ["guests": ["allowed": true, "own_provider": true]]))
        let path = "/api/v1/endpoints/\(id)"
        let before = try await api.call("GET", path)
        let published = api.published
        let changed = try await api.call("PATCH", path, body: ["kacls": ["guests": ["own_provider": false], "origins": ["https://lab.example.com"]]])
        #expect(changed["kacls"]["guests"] == ["allowed": true, "own_provider": false])
        #expect(changed["kacls"]["origins"] == ["https://lab.example.com"])
        #expect(changed["kacls"]["identity_providers"] == before["kacls"]["identity_providers"])
        let texts = changed["warnings"].array?.compactMap(\.string) ?? []
        #expect(texts.count == 2 && texts[0].contains("not among the origins") && texts[1].contains("Guests"))
        let again = try await api.call("PATCH", path, body: ["kacls": before["kacls"], "issuer_ids": before["issuer_ids"]])
        #expect(again["kacls"] == before["kacls"])
        #expect(api.published == published + 2)
        #expect(try await api.stores.endpoints.snapshot().endpoints[0].kacls?.options.allowsGuests == true)
    }

    @Test("is refused with the place of what is unfit", arguments: [
        (["kacls": nil], "kacls"), (["kacls": [:]], "kacls/identity_providers"), (["kacls": ["identity_providers": []]], "kacls/identity_providers"),
        (["kacls": ["surprise": 1]], "kacls/surprise"), (["kacls": ["urls": ["http://cse.example.com"]]], "kacls/urls/0"),
        (["kacls": ["privileged": ["unwrap": ["*"]]]], "kacls/privileged/unwrap/0"), (["kacls": ["operations": ["fly"]]], "kacls/operations/0"),
        (["kacls": ["clock_skew_seconds": 301]], "kacls/clock_skew_seconds"), (["kacls": ["origins": ["*"]]], "kacls/origins/0"),
        (["door": "ekm"], "kacls"),
    ] as [(JSONValue, String)])
    func refused(change: JSONValue, field: String) async throws {
        let draft = try await draft()
        let body = JSONValue.object((draft.object ?? []).filter { change[$0.name] == nil } + (change.object ?? []))
        let answer = try await api.call("POST", "/api/v1/endpoints", body: body)
        #expect(answer.status == 400)
        #expect(answer["errors"].array?.compactMap { $0["field"]?.string }.contains("/\(field)") == true, "\(answer.text)")
    }

    @Test("names issuers in its options only: others beside them, or options at another door, are refused")
    func issuers() async throws {
        let id = try await api.make("/api/v1/endpoints", try await draft())
        let other = JSONValue.string(try await api.makeIssuer("other", value: "https://other.example"))
        #expect(try await api.call("PATCH", "/api/v1/endpoints/\(id)", body: ["issuer_ids": [other]]).status == 400)
        let unknown = JSONValue.string(try IssuerID.random().description)
        let provider: JSONValue = ["identity_providers": [["issuer": unknown, "audiences": ["x"]]]]
        #expect(try await api.call("PATCH", "/api/v1/endpoints/\(id)", body: ["kacls": provider]).status == 400)
        let ekm = try await api.make("/api/v1/endpoints", try await api.endpointDraft("disk"))
        #expect(try await api.call("PATCH", "/api/v1/endpoints/\(ekm)", body: ["kacls": ["guests": ["allowed": true]]]).status == 400)
        let bare = JSONValue.object((try await api.endpointDraft("bare")).object?.filter { $0.name != "issuer_ids" } ?? [])
        #expect(try await api.call("POST", "/api/v1/endpoints", body: bare).status == 400)
    }

    @Test("an archived endpoint can't be changed, and comes back with everything that it had")
    func archived() async throws {
        let id = try await api.make("/api/v1/endpoints", try await draft())
        let path = "/api/v1/endpoints/\(id)"
        let before = try await api.call("GET", path)
        #expect(try await api.call("PUT", "\(path)/state", body: ["state": "archived"]).code == "confirmation_required")
        let archived = try await api.call("PUT", "\(path)/state", body: ["state": "archived", "confirm": true])
        #expect(archived["warning"].string?.contains("laid away") == true)
        #expect(try await api.call("PATCH", path, body: ["description": "x"]).code == "wrong_state")
        #expect(try await api.call("GET", "/api/v1/endpoints?state=archived")["total"] == 1)
        let back = try await api.call("PUT", "\(path)/state", body: ["state": "active"])
        for member in ["name", "path", "key_id", "policy_id", "issuer_ids", "kacls", "url", "state", "warnings"] {
            #expect(back[member] == before[member], "\(member)")
        }
    }

    @Test("what it says of identity providers, privileged users, peers and guests waits for the approval that a policy waits for; an origin does not", arguments: [
        ("privileged", true), ("identity_providers", true), ("migration_peers", true), ("rewrap_peers", true), ("guests", true), ("authorization", true),
        ("owner_domains", true), ("clock_skew_seconds", true), ("urls", true), ("origins", false), ("reason", false),
    ])
    func quorum(member: String, isHeld: Bool) async throws {
        let id = try await api.make("/api/v1/endpoints", try await draft())
        let present = try await api.call("GET", "/api/v1/endpoints/\(id)")["kacls"][member] ?? .null
        let directory = TestDirectory()
        for name in ["bob", "carol"] { directory.add(try .person(name, [.decideApprovals])) }
        let held = try APIFixture(directory: directory, over: api.store)
        let rule = try await held.call("PUT", "/api/v1/quorum/change-policy", body: [
            "enabled": true, "required": 1, "expires_in_hours": 24, "approver_group_id": .null,
        ])
        #expect(rule.status == 200, "\(rule.text)")
        let answer = try await held.call("PATCH", "/api/v1/endpoints/\(id)", body: ["kacls": .object([(name: member, value: present)])])
        #expect(answer.status == (isHeld ? 202 : 200))
    }

    @Test("N10 a URL belongs to one endpoint, however it is written")
    func sharedURL() async throws {
        let first = try await api.make("/api/v1/endpoints", try await draft())
        let url = try await api.call("GET", "/api/v1/endpoints/\(first)")["url"].string ?? ""
        let twin = try await api.call("POST", "/api/v1/endpoints", body: try await draft("twin", ["urls": [.string(url.replacing("https://ekm", with: "HTTPS://EKM") + "/")]]))
        #expect(twin.status == 409 && twin.text.contains("is known by"), "\(twin.text)")
        let second = try await api.make("/api/v1/endpoints", try await draft("second"))
        #expect(try await api.call("PATCH", "/api/v1/endpoints/\(second)", body: ["kacls": ["urls": [.string(url)]]]).status == 409)
    }

    @Test("N51 a key that has protected one organisation's documents serves no other, also after its endpoint is gone")
    func keyOfAnother() async throws {
        let key = try await api.makeKey("shared")
        func body(_ name: String, _ domains: JSONValue) async throws -> JSONValue {
            let all = try await draft(name, [:])
            let members = (all.object ?? []).map { member in
                switch member.name {
                case "key_id": (name: "key_id", value: JSONValue.string(key))
                case "kacls": (name: "kacls", value: JSONValue.object((member.value.object ?? []).filter { $0.name != "owner_domains" }).adding(["owner_domains": domains]))
                default: member
                }
            }
            return .object(members)
        }
        let first = try await api.make("/api/v1/endpoints", try await body("first", ["example.com"]))
        #expect(try await api.call("DELETE", "/api/v1/endpoints/\(first)").status == 204)
        for (name, domains) in [("second", ["other.example"]), ("third", [])] as [(String, JSONValue)] {
            let refused = try await api.call("POST", "/api/v1/endpoints", body: try await body(name, domains))
            #expect(refused.status == 409 && refused.text.contains("example.com"), "\(refused.text)")
        }
        _ = try await api.make("/api/v1/endpoints", try await body("again", ["example.com", "example.net"]))
    }

    @Test("the keys that sign our tokens are listed and rotated with overlap, and not again before the new one signs")
    func signingKeys() async throws {
        #expect(try await api.call("GET", "/api/v1/signing-keys")["items"] == [])
        try await api.make("/api/v1/endpoints", try await draft())  // which needs one
        #expect(states(try await api.call("GET", "/api/v1/signing-keys")) == ["signing"])
        api.store.clock.advance(by: .seconds(86_400))
        #expect(try await api.call("POST", "/api/v1/signing-keys/rotate?dry_run=true").status == 200)
        #expect(states(try await api.call("GET", "/api/v1/signing-keys")) == ["signing"])
        #expect(states(try await api.call("POST", "/api/v1/signing-keys/rotate")) == ["announced", "signing"])
        #expect(try await api.call("POST", "/api/v1/signing-keys/rotate").code == "wrong_state")
        for (seconds, expected) in [(600, ["signing", "retiring"]), (3600, ["signing", "withdrawn"])] {
            api.store.clock.advance(by: .seconds(seconds))
            #expect(states(try await api.call("GET", "/api/v1/signing-keys")) == expected)
        }
        #expect(try await api.store.changes().count { $0.hasPrefix("secret ") } == 2)
        #expect(api.audit.records.last { $0.event == .signingKeyRotated && $0.outcome == .allowed }?.target?.count == 43)
    }

    private func states(_ answer: TestAnswer) -> [String] { answer["items"].array?.compactMap { $0["state"]?.string } ?? [] }
}
