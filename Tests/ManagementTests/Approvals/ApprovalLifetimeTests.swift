import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("A request for approval is worth what stands behind it, and no longer than it must") struct ApprovalLifetimeTests {
    private let fixture: QuorumFixture
    init() throws { fixture = try QuorumFixture() }

    private func held(as caller: Caller? = nil) async throws -> String {
        let answer = try await fixture.open(as: caller)
        #expect(answer.status == 202)
        return try #require(answer["id"].string)
    }

    // MARK: What it stands on

    @Test("the approval of somebody who was disabled or demoted since counts no more", arguments: [true, false])
    func demoted(isGone: Bool) async throws {
        try await fixture.enable(2)
        let id = try await held()
        let bob = try await fixture.person("bob")
        #expect(try await fixture.decide("approve", id, as: bob)["state"] == "pending")
        if isGone { fixture.directory.remove(bob) } else { fixture.directory.add(try .person("bob", [.readApprovals])) }
        #expect(try await fixture.decide("approve", id, as: fixture.person("carol"))["state"] == "pending")
        #expect(fixture.openings == 0)
        #expect(try await fixture.decide("approve", id, as: fixture.person("dave"))["state"] == "executed")
        #expect(fixture.openings == 1)
    }

    @Test("nor that of one whose password somebody has reset, or who has left the approver group")
    func reset() async throws {
        try await fixture.enable(2)
        let id = try await held()
        let bob = try await fixture.person("bob")
        _ = try await fixture.decide("approve", id, as: bob)
        fixture.directory.add(Caller(userID: bob.userID, name: bob.name, proof: bob.proof, permissions: bob.permissions, mustChangePassword: true))
        #expect(try await fixture.decide("approve", id, as: fixture.person("carol"))["state"] == "pending")
        #expect(fixture.openings == 0)
    }

    @Test("approvals are counted again at the moment of release")
    func release() async throws {
        try await fixture.enable(1)
        let id = try #require(ApprovalID(await held()))
        let bob = try await fixture.person("bob")
        let vote = Approval.Vote(
            userID: try #require(bob.userID), name: bob.name, approves: true, comment: nil, at: fixture.api.store.clock.now)
        _ = try await fixture.api.approvals.store.change(id) { try $0.vote(vote) }
        fixture.directory.remove(bob)
        let refused = try await #require(throws: Problem.self) { _ = try await fixture.api.approvals.release(id) }
        #expect(refused.code == .permissionDenied)
    }

    @Test("a request made with an API token that was revoked since is not carried out")
    func revokedToken() async throws {
        let script = Caller(userID: fixture.asks.userID, name: "user:asks", proof: .token("t1"), permissions: [.destroyKeys])
        try await fixture.enable(1)
        let (first, second) = (try await held(as: script), try await held(as: script))
        #expect(try await fixture.decide("approve", first, as: fixture.person("bob"))["state"] == "executed")
        fixture.directory.revoke(token: "t1")
        let refused = try await fixture.decide("approve", second, as: fixture.person("bob"))
        #expect(refused["outcome"] == ["status": 403, "code": "permission_denied"])
        #expect(fixture.openings == 1)
    }

    @Test("with real accounts: neither a revoked token nor a requester whose password was reset stands behind a request")
    func accounts() async throws {
        let accounts = try AccountFixture()
        let (ann, session) = try await accounts.person("ann", in: [.admins, .users])
        for name in ["bob", "cyn"] { try await accounts.add(name, to: [.admins]) }
        let rule: JSONValue = ["enabled": true, "required": 1, "expires_in_hours": 1]
        #expect(try await accounts.api.call("PUT", "/api/v1/quorum/change-policy", body: rule).status == 200)
        let bob = try await accounts.session("bob")
        func ask(_ name: String, _ token: String?) async throws -> String {
            let source = "version: 1\nname: p\nrules:\n  - {name: r, effect: allow, operations: [wrap], principals: [a@example.com], justifications: any}\n"
            let answer = try await accounts.call("POST", "/api/v1/policies", body: ["name": .string(name), "source": .string(source)], token: token)
            #expect(answer.status == 202)
            return try #require(answer["id"].string)
        }
        func approve(_ id: String) async throws -> String? {
            try await accounts.call("POST", "/api/v1/approvals/\(id)/approve", body: [:], token: bob)["state"].string
        }
        let made = try await accounts.call("POST", "/api/v1/self/tokens", body: ["name": "ci"], token: session)
        let first = try await ask("a", made["token"].string), second = try await ask("b", made["token"].string), third = try await ask("c", session)
        #expect(try await approve(first) == "executed")
        #expect(try await accounts.call("DELETE", "/api/v1/self/tokens/\(made["id"].string ?? "")", token: session).status == 204)
        #expect(try await approve(second) == "failed")
        #expect(try await accounts.api.call("POST", "/api/v1/users/\(ann)/reset-password").status == 200)
        #expect(try await approve(third) == "failed")
    }

    // MARK: What is kept of it

    @Test("its secrets are forgotten when it ends, however it ends")
    func heldSecrets() async throws {
        try await fixture.enable(1)
        let store = fixture.api.approvals.store
        func pin(_ id: String) async throws -> String? { try await store.held(#require(ApprovalID(id))).body["pin"]?.string }
        let ids = [try await held(), try await held(), try await held(), try await held()]
        for id in ids { #expect(try await pin(id) == "s3cr3t-pin") }
        _ = try await fixture.decide("reject", ids[0], as: fixture.person("bob"))
        _ = try await fixture.decide("cancel", ids[1], as: fixture.asks)
        _ = try await fixture.decide("approve", ids[2], as: fixture.person("bob"))
        fixture.api.store.clock.advance(by: .seconds(24 * 3600))
        try await fixture.api.approvals.sweep()
        for id in ids { #expect(try await pin(id) == "(secret)") }
        #expect(fixture.lastOpening?.pin == "s3cr3t-pin")
    }

    /// A reset of somebody's password, carried out after approval.
    private func resetPassword(_ accounts: AccountFixture, _ session: String) async throws -> String {
        let bob = try #require(await accounts.api.call("GET", "/api/v1/users?name=bob")["items"].array?.first?["id"]?.string)
        let asked = try await accounts.call("POST", "/api/v1/users/\(bob)/reset-password", token: session)
        let id = try #require(asked["id"].string)
        let voter = try await accounts.session("cyn")
        let approved = try await accounts.call("POST", "/api/v1/approvals/\(id)/approve", body: [:], token: voter)
        #expect(approved["state"] == "executed" && !approved.text.contains("one_time_password"))
        return id
    }

    private func withAccounts() async throws -> (AccountFixture, String) {
        let accounts = try AccountFixture()
        let (_, session) = try await accounts.person("ann", in: [.admins, .users, .userAdmins, .connectionAdmins])
        for name in ["bob", "cyn", "dan"] { try await accounts.add(name, to: [.admins]) }
        let rule: JSONValue = ["enabled": true, "required": 1, "expires_in_hours": 1]
        #expect(try await accounts.api.call("PUT", "/api/v1/quorum/add-to-admins", body: rule).status == 200)
        return (accounts, session)
    }

    @Test("what is secret in its outcome is told once, to the person who asked, and to no token of theirs")
    func outcomeOnce() async throws {
        let (accounts, session) = try await withAccounts()
        let made = try await accounts.call("POST", "/api/v1/self/tokens", body: ["name": "reader", "permissions": ["read:keys"]], token: session)
        let path = "/api/v1/approvals/\(try await resetPassword(accounts, session))"
        #expect(try await accounts.call("GET", path, token: made["token"].string)["result"] == .null)
        let first = try await accounts.call("GET", path, token: session)["result"]["one_time_password"]?.string
        #expect(first.map { $0.count >= 12 && $0 != "(secret)" } == true)
        #expect(try await accounts.call("GET", path, token: session)["result"] == ["one_time_password": "(secret)"])
    }

    @Test("and is forgotten after a day; the request itself after ninety")
    func outcomeForgotten() async throws {
        let (accounts, session) = try await withAccounts()
        let path = "/api/v1/approvals/\(try await resetPassword(accounts, session))"
        accounts.clock.advance(by: .seconds(86_400))
        try await accounts.api.approvals.sweep()
        let again = try await accounts.session("ann")
        #expect(try await accounts.call("GET", path, token: again)["result"] == ["one_time_password": "(secret)"])
        accounts.clock.advance(by: .seconds(89 * 86_400))
        try await accounts.api.approvals.sweep()
        #expect(try await accounts.api.call("GET", path).status == 404)
        #expect(try await accounts.stores.database.query("SELECT user_id FROM approval_votes").isEmpty)
    }

    @Test("only the token that asked, or the person, takes it back")
    func cancelByToken() async throws {
        let script = Caller(userID: fixture.asks.userID, name: "user:asks", proof: .token("t1"), permissions: [.destroyKeys])
        let other = Caller(userID: fixture.asks.userID, name: "user:asks", proof: .token("t2"), permissions: [.readKeys])
        try await fixture.enable(1)
        let id = try await held(as: script)
        #expect(try await fixture.decide("cancel", id, as: other).code == "permission_denied")
        #expect(try await fixture.decide("cancel", try await held(), as: script).code == "permission_denied")
        #expect(try await fixture.decide("cancel", id, as: script)["state"] == "cancelled")
    }
}
