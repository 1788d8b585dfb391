import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Rights that reach further than they seem to") struct RightsTests {
    let api: APIFixture
    init() throws { api = try APIFixture() }

    @Test("a grant on one endpoint changes what describes it, and nothing that says who may use which key")
    func grantee() async throws {
        let id = try await api.make("/api/v1/endpoints", try await api.endpointDraft())
        let grantee = try Caller.person("grantee", grants: [.updateEndpoints: [id], .readEndpoints: [id]])
        let other = try await api.endpointDraft("other")
        let far: [JSONValue] = [
            ["key_id": other["key_id"]!], ["policy_id": other["policy_id"]!], ["issuer_ids": other["issuer_ids"]!],
            ["extra_audiences": ["https://else.example"]], ["hostnames": ["else.example"]], ["allowed_projects": []],
            ["name": "x", "key_id": other["key_id"]!],
        ]
        for body in far {
            let answer = try await api.call("PATCH", "/api/v1/endpoints/\(id)", body: body, as: grantee)
            #expect(answer.code == "permission_denied", "\(body)")
            #expect(answer["detail"].string?.contains("grant on one endpoint") == true)
        }
        let near = try await api.call("PATCH", "/api/v1/endpoints/\(id)", body: ["name": "n", "description": "d", "path": "p/q"], as: grantee)
        #expect(near.status == 200)
        let owner = try Caller.person("owner", [.updateEndpoints])
        for body in far { #expect(try await api.call("PATCH", "/api/v1/endpoints/\(id)?dry_run=true", body: body, as: owner).status == 200) }
    }

    @Test("an expiry within a day stops a key, and needs the right to change its state")
    func expiry() async throws {
        let id = try await api.makeKey("disk")
        let now = api.store.clock.now
        func set(_ seconds: Int64, _ caller: Caller) async throws -> Int {
            let body: JSONValue = ["expires_at": .string(RFC3339.string(now + .seconds(seconds)))]
            return try await api.call("PATCH", "/api/v1/keys/\(id)", body: body, as: caller).status
        }
        let clerk = try Caller.person("clerk", [.updateKeys])
        for seconds in [-60, 60, 86_399] as [Int64] { #expect(try await set(seconds, clerk) == 403) }
        #expect(try await set(86_401, clerk) == 200)
        #expect(try await set(3600, clerk) == 403)
        #expect(try await set(3600, .person("keeper", [.updateKeys, .changeStateOfKeys])) == 200)
        #expect(try await set(1800, clerk) == 403)
        #expect(try await set(7200, clerk) == 200)  // later than it was
        #expect(try await set(60, .person("grantee", grants: [.updateKeys: [id], .changeStateOfKeys: [id]])) == 200)
    }

    @Test("who may not export keys makes none that could be exported")
    func exportable() async throws {
        let policy = try await api.makePolicy()
        let clerk = try Caller.person("clerk", [.createKeys, .importKeys])
        let material = JSONValue.string(Base64.string([UInt8](repeating: 7, count: 32)))
        for (path, more) in [("/api/v1/keys", [:]), ("/api/v1/keys/import", ["material": material])] as [(String, KeyValuePairs<String, JSONValue>)] {
            for field in ["exportable": true, "export_policy_id": .string(policy)] as KeyValuePairs<String, JSONValue> {
                let body = JSONValue.object([(name: "name", value: "k"), (name: field.key, value: field.value)]).adding(more)
                #expect(try await api.call("POST", path, body: body, as: clerk).code == "permission_denied", "\(path) \(field.key)")
                let exporter = try Caller.person("exporter", [.createKeys, .importKeys, .exportKeys])
                #expect(try await api.call("POST", path + "?dry_run=true", body: body, as: exporter).status == 201)
            }
            let plain: JSONValue = ["name": "plain", "exportable": false, "export_policy_id": nil]
            #expect(try await api.call("POST", path + "?dry_run=true", body: plain.adding(more), as: clerk).status == 201)
        }
    }

    @Test("a simulation shows the audit only to who may read it, and is on record")
    func simulation() async throws {
        let source = "version: 1\nname: d\nrules:\n  - {name: r, effect: allow, operations: [unwrap], principals: [a@example.com], justifications: any}\n"
        let body: JSONValue = ["source": .string(source)]
        let user = try Caller.member(of: .users, "user")
        #expect(try await api.call("POST", "/api/v1/policies/simulate", body: body, as: user).code == "permission_denied")
        #expect(try await api.call("POST", "/api/v1/policies/simulate", body: body, as: .member(of: .auditors, "auditor")).status == 200)
        let records = api.audit.records.filter { $0.event == AuditEvent("policy.simulated") }
        #expect(records.map { "\($0.actor ?? "-") \($0.outcome)" } == [
            "user:user begun", "user:user refused", "user:auditor begun", "user:auditor allowed",
        ])
    }
}
