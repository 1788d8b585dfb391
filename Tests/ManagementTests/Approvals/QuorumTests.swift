import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("The quorum") struct QuorumTests {
    private let fixture: QuorumFixture
    init() throws { fixture = try QuorumFixture() }

    private func held() async throws -> String {
        let answer = try await fixture.open()
        #expect(answer.status == 202)
        return try #require(answer["id"].string)
    }

    @Test("holds nothing back until a rule is enabled")
    func initially() async throws {
        #expect(try await fixture.open().status == 200)
        let rules = try await fixture.api.call("GET", "/api/v1/quorum")
        #expect(rules["total"].integer == Int64(QuorumOperation.allCases.count))
        #expect(rules["items"].array?.allSatisfy { $0["enabled"]?.bool == false } == true)
    }

    @Test("carries the operation out once, as who asked for it, with the last approval that it needs")
    func carriesOut() async throws {
        try await fixture.enable(2)
        let id = try await held()
        #expect(fixture.openings == 0)
        let first = try await fixture.decide("approve", id, as: fixture.person("bob"), body: ["comment": "fine"])
        #expect(first["state"].string == "pending")
        let second = try await fixture.decide("approve", id, as: fixture.person("carol"))
        #expect(second["state"].string == "executed")
        #expect(fixture.openings == 1)
        #expect(fixture.lastOpening?.name == "user:asks")
        #expect(fixture.lastOpening?.pin == "s3cr3t-pin")
        #expect(try await fixture.decide("approve", id, as: fixture.person("dave")).code == "wrong_state")
        #expect(fixture.openings == 1)
    }

    @Test("carries the operation out once though all approve in the same moment")
    func race() async throws {
        try await fixture.enable(1)
        for _ in 0..<20 {
            let before = fixture.openings
            let id = try await held()
            let people = [try await fixture.person("bob"), try await fixture.person("carol"), try await fixture.person("dave")]
            let statuses = try await withThrowingTaskGroup { group in
                for person in people { group.addTask { try await fixture.decide("approve", id, as: person).status } }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.sorted() == [200, 409, 409])
            #expect(fixture.openings == before + 1)
        }
    }

    @Test("shows who decides what is asked for, but nothing secret of it, and the result only to who asked")
    func secrets() async throws {
        try await fixture.enable(1)
        let id = try await held()
        let bob = try await fixture.person("bob")
        let shown = try await fixture.api.call("GET", "/api/v1/approvals/\(id)", as: bob)
        #expect(shown["body"] == ["pin": "(secret)", "reason": "audit"])
        let list = try await fixture.api.call("GET", "/api/v1/approvals", as: bob)
        #expect(!shown.text.contains("s3cr3t-pin") && !list.text.contains("s3cr3t-pin"))
        #expect(try fixture.api.store.files(holding: Array("s3cr3t-pin".utf8)) == [])
        let approved = try await fixture.decide("approve", id, as: bob)
        #expect(approved["result"] == .null)
        #expect(try await fixture.api.call("GET", "/api/v1/approvals/\(id)", as: fixture.asks)["result"] == ["opened": "user:asks"])
    }

    @Test("of change-policy holds whatever decides who may use a key, and neither names nor the end of a belief")
    func changePolicy() async throws {
        let api = fixture.api
        let endpoint = try await api.make("/api/v1/endpoints", try await api.endpointDraft("first"))
        let issuer = try await api.makeIssuer("another", value: "https://another.example")
        try await fixture.enable(1, operation: "change-policy")
        let ann = try Caller.person("ann", [.createEndpoints, .updateEndpoints, .updateIssuers])
        fixture.directory.add(ann)
        func status(_ method: String, _ path: String, _ body: JSONValue) async throws -> Int {
            try await api.call(method, path, body: body, as: ann).status
        }
        #expect(try await status("POST", "/api/v1/endpoints", try await api.endpointDraft("second")) == 202)
        #expect(try await status("PATCH", "/api/v1/endpoints/\(endpoint)", ["issuer_ids": [.string(issuer)]]) == 202)
        #expect(try await status("PATCH", "/api/v1/endpoints/\(endpoint)", ["name": "x", "extra_audiences": ["https://b.example"]]) == 202)
        #expect(try await status("PATCH", "/api/v1/endpoints/\(endpoint)", ["name": "renamed", "description": "d"]) == 200)
        #expect(try await status("PATCH", "/api/v1/issuers/\(issuer)", ["jwks_url": "https://else.example/jwks"]) == 202)
        #expect(try await status("PATCH", "/api/v1/issuers/\(issuer)", ["enabled": false]) == 200)
        #expect(try await status("PATCH", "/api/v1/issuers/\(issuer)", ["enabled": true]) == 202)
    }

    @Test("lets nobody approve their own request, whatever they may do")
    func own() async throws {
        let bob = try Caller.person("bob", [.destroyKeys, .decideApprovals, .readApprovals])
        fixture.directory.add(bob)
        try await fixture.enable(1)
        let id = try #require(await fixture.open(as: bob)["id"].string)
        let answer = try await fixture.decide("approve", id, as: bob)
        #expect(answer.status == 403)
        #expect(fixture.openings == 0)
    }

    @Test("lets only people decide who are signed in themselves")
    func people() async throws {
        try await fixture.enable(1)
        let id = try await held()
        let bob = try await fixture.person("bob")
        let script = Caller(userID: bob.userID, name: bob.name, proof: .token("t"), permissions: bob.permissions)
        for caller in [script, .local("root"), try .person("eve", [.readApprovals]), .anonymous] {
            let answer = try await fixture.decide("approve", id, as: caller)
            #expect(answer.status == (caller.proof == .none ? 401 : 403))
        }
        #expect(fixture.openings == 0)
    }

    @Test("counts only members of the approver group that the rule names")
    func group() async throws {
        try await fixture.enable(1, group: QuorumFixture.group)
        let id = try await held()
        #expect(try await fixture.decide("approve", id, as: fixture.person("bob")).status == 403)
        #expect(try await fixture.decide("approve", id, as: fixture.person("dave"))["state"].string == "executed")
    }

    @Test("checks again what the requester may do when the last approval comes")
    func permissionsWithdrawn() async throws {
        try await fixture.enable(1)
        let id = try await held()
        fixture.directory.add(try .person("asks", []))
        let answer = try await fixture.decide("approve", id, as: fixture.person("bob"))
        #expect(answer["state"].string == "failed")
        #expect(answer["outcome"] == ["status": 403, "code": "permission_denied"])
        #expect(fixture.openings == 0)
    }

    @Test("carries nothing out for an account that is gone or disabled")
    func gone() async throws {
        try await fixture.enable(1)
        let id = try await held()
        fixture.directory.remove(fixture.asks)
        #expect(try await fixture.decide("approve", id, as: fixture.person("bob"))["state"].string == "failed")
        #expect(fixture.openings == 0)
    }

    @Test("carries it out with no more than what a token's scope allowed when it asked")
    func scope() async throws {
        let scoped = Caller(userID: fixture.asks.userID, name: "user:asks", proof: .token("t"), permissions: [.destroyKeys])
        fixture.directory.add(try .person("asks", [.destroyKeys, .exportKeys, .createUsers]))
        try await fixture.enable(1)
        let id = try #require(await fixture.open(as: scoped)["id"].string)
        let (approval, bob) = (try #require(ApprovalID(id)), try await fixture.person("bob"))
        let vote = Approval.Vote(userID: try #require(bob.userID), name: bob.name, approves: true, comment: nil, at: fixture.api.store.clock.now)
        _ = try await fixture.api.approvals.store.change(approval) { try $0.vote(vote) }
        let (held, requester) = try await fixture.api.approvals.release(approval)
        #expect(requester.permissions == [.destroyKeys])
        #expect(held.permissions == [.destroyKeys])
    }

    @Test("ends with a rejection, with a cancellation, and when its time is over")
    func ends() async throws {
        try await fixture.enable(1)
        let (rejected, cancelled, expired) = (try await held(), try await held(), try await held())
        #expect(try await fixture.decide("reject", rejected, as: fixture.person("bob"), body: ["comment": "no"])["state"].string == "rejected")
        #expect(try await fixture.decide("cancel", cancelled, as: fixture.person("bob")).status == 403)
        #expect(try await fixture.decide("cancel", cancelled, as: fixture.asks)["state"].string == "cancelled")
        fixture.api.store.clock.advance(by: .seconds(24 * 3600))
        #expect(try await fixture.decide("approve", expired, as: fixture.person("bob")).code == "wrong_state")
        try await fixture.api.approvals.sweep()
        for (id, state) in [(rejected, "rejected"), (cancelled, "cancelled"), (expired, "expired")] {
            #expect(try await fixture.api.call("GET", "/api/v1/approvals/\(id)")["state"].string == state)
            #expect(try await fixture.decide("approve", id, as: fixture.person("carol")).code == "wrong_state")
        }
        #expect(fixture.openings == 0)
    }

    @Test("never carries out again what was interrupted, and says so")
    func interrupted() async throws {
        try await fixture.enable(1)
        let id = try #require(ApprovalID(await held()))
        let bob = try await fixture.person("bob")
        let vote = Approval.Vote(
            userID: try #require(bob.userID), name: bob.name, approves: true, comment: nil, at: fixture.api.store.clock.now)
        _ = try await fixture.api.approvals.store.change(id) { try $0.vote(vote) }  // and here the server stops
        fixture.api.store.clock.advance(by: .seconds(601))
        try await fixture.api.approvals.sweep()
        let answer = try await fixture.api.call("GET", "/api/v1/approvals/\(id)")
        #expect(answer["outcome"] == ["status": 500, "code": "interrupted"])
        #expect(fixture.openings == 0)
    }

    @Test("says at once what could not be carried out, and lets a dry run pass")
    func rehearsal() async throws {
        try await fixture.enable(1)
        #expect(try await fixture.open(reason: "wrong").status == 409)
        #expect(try await fixture.open(query: "?dry_run=true").status == 200)
        #expect(try await fixture.api.call("GET", "/api/v1/approvals")["total"].integer == 0)
    }

    @Test("falls under itself: a change of its rules waits for approval when that is required")
    func itself() async throws {
        try await fixture.enable(1, operation: "change-quorum")
        let answer = try await fixture.api.call(
            "PUT", "/api/v1/quorum/change-quorum", body: ["enabled": false, "required": 1, "expires_in_hours": 1])
        #expect(answer.status == 202)
        let id = try #require(answer["id"].string)
        let approved = try await fixture.decide("approve", id, as: fixture.person("bob"))
        #expect(approved["state"].string == "executed")
        let rules = try await fixture.api.call("GET", "/api/v1/quorum")
        #expect(rules["items"].array?.allSatisfy { $0["enabled"]?.bool == false } == true)
    }

    @Test("can't require more approvals than there are people to give them")
    func satisfiable() async throws {
        let body: JSONValue = ["enabled": true, "required": 4, "expires_in_hours": 1]
        #expect(try await fixture.api.call("PUT", "/api/v1/quorum/destroy-key", body: body).code == "wrong_state")
    }

    @Test("keeps everybody's requests from who may see only their own")
    func visibility() async throws {
        try await fixture.enable(1)
        let id = try await held()
        let eve = try Caller.person("eve", [.destroyKeys])
        #expect(try await fixture.api.call("GET", "/api/v1/approvals/\(id)", as: eve).status == 404)
        #expect(try await fixture.api.call("GET", "/api/v1/approvals", as: eve)["total"].integer == 0)
        #expect(try await fixture.decide("cancel", id, as: eve).status == 404)
        #expect(try await fixture.api.call("GET", "/api/v1/approvals", as: fixture.asks)["total"].integer == 1)
    }

    @Test("puts each step on record, with who took it")
    func audit() async throws {
        try await fixture.enable(2)
        let id = try await held()
        _ = try await fixture.decide("approve", id, as: fixture.person("bob"))
        _ = try await fixture.decide("approve", id, as: fixture.person("carol"))
        let steps = fixture.api.audit.records.filter { $0.target == id && $0.outcome != .begun }.map { "\($0.event) \($0.actor ?? "-")" }
        #expect(steps == [
            "approval.requested user:asks", "approval.given user:bob", "approval.given user:carol", "approval.executed user:asks",
        ])
        #expect(fixture.api.audit.records.contains { $0.event == .keyDestroyed && $0.outcome == .allowed && $0.actor == "user:asks" })
    }

    @Test("pages through requests without showing one twice or leaving one out")
    func pages() async throws {
        try await fixture.enable(1)
        var made: Set<String> = []
        for _ in 0..<7 { made.insert(try await held()) }
        var (seen, cursor) = ([String](), "")
        repeat {
            let page = try await fixture.api.call("GET", "/api/v1/approvals?limit=3&sort=-created_at\(cursor)")
            #expect(page["total"].integer == 7)
            seen += page["items"].array?.compactMap { $0["id"]?.string } ?? []
            cursor = page["next_cursor"].string.map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty
        #expect(seen.count == 7)
        #expect(Set(seen) == made)
    }
}
