import KeyCore
@testable import Management
import Primitives
import Testing

@Suite("A request for approval") struct ApprovalStateTests {
    private let start = Instant(seconds: 1_790_000_000)

    private func request(_ required: Int, by requester: Caller) throws -> Approval {
        Approval(
            id: try .random(), operation: .destroyKey, requesterID: requester.userID, requester: requester.name, route: "destroyKey",
            path: "/api/v1/keys/x", required: required, approverGroup: nil, createdAt: start, expiresAt: start + .seconds(3600))
    }

    private func vote(_ name: String, _ approves: Bool = true, after seconds: Int64 = 1) throws -> Approval.Vote {
        let person = try Caller.person(name)
        return Approval.Vote(
            userID: try #require(person.userID), name: person.name, approves: approves, comment: nil, at: start + .seconds(seconds))
    }

    @Test("is released by the vote that completes its quorum, and by that one only", arguments: 1...5)
    func release(required: Int) throws {
        var approval = try request(required, by: .person("asks"))
        for number in 1..<required { 
            let step = try approval.vote(try vote("p\(number)"))
            #expect(step == .waits(missing: required - number))
        }
        let step = try approval.vote(try vote("last"))
        #expect(step == .released)
        #expect(approval.state == .approved)
        #expect(throws: Approval.Refusal.notPending(.approved)) { try approval.vote(try vote("late")) }
    }

    @Test("counts nobody twice")
    func twice() throws {
        var approval = try request(2, by: .person("asks"))
        _ = try approval.vote(try vote("bob"))
        #expect(throws: Approval.Refusal.votedAlready) { try approval.vote(try vote("bob")) }
        #expect(throws: Approval.Refusal.votedAlready) { try approval.vote(try vote("bob", false)) }
        #expect(approval.approvals == 1)
        #expect(approval.state == .pending)
    }

    @Test("is not decided by who asked for it")
    func own() throws {
        var approval = try request(1, by: .person("bob"))
        #expect(throws: Approval.Refusal.ownRequest) { try approval.vote(try vote("bob")) }
        #expect(throws: Approval.Refusal.ownRequest) { try approval.vote(try vote("bob", false)) }
        #expect(approval.state == .pending)
    }

    @Test("ends with the first rejection")
    func rejection() throws {
        var approval = try request(2, by: .person("asks"))
        _ = try approval.vote(try vote("bob"))
        _ = try approval.vote(try vote("carol", false))
        #expect(approval.state == .rejected)
        #expect(throws: Approval.Refusal.notPending(.rejected)) { try approval.vote(try vote("dave")) }
    }

    @Test("is taken back by who asked for it and nobody else")
    func cancel() throws {
        var approval = try request(1, by: .person("bob"))
        #expect(throws: Approval.Refusal.notRequester) { try approval.cancel(by: try .person("carol"), at: start) }
        #expect(throws: Approval.Refusal.notRequester) { try approval.cancel(by: .local("root"), at: start) }
        try approval.cancel(by: try .person("bob"), at: start)
        #expect(approval.state == .cancelled)
        #expect(throws: Approval.Refusal.notPending(.cancelled)) { try approval.vote(try vote("dave")) }
    }

    @Test("takes no vote at or after the moment it expires, whether or not anybody noticed")
    func expiry() throws {
        var approval = try request(1, by: .person("asks"))
        #expect(throws: Approval.Refusal.notPending(.expired)) { try approval.vote(try vote("bob", after: 3600)) }
        let (early, late) = (approval.expire(at: start + .seconds(3599)), approval.expire(at: start + .seconds(3600)))
        #expect(!early)
        #expect(late)
        #expect(approval.state == .expired)
    }

    @Test("can't be concluded before it is approved, nor twice")
    func conclusion() throws {
        var approval = try request(1, by: .person("asks"))
        approval.conclude(status: 200, code: nil)
        #expect(approval.state == .pending)
        _ = try approval.vote(try vote("bob"))
        approval.conclude(status: 409, code: "wrong_state")
        #expect(approval.state == .failed)
        approval.conclude(status: 200, code: nil)
        #expect(approval.state == .failed)
        #expect(approval.outcomeStatus == 409)
    }
}
