import KeyCore
@testable import Management
import Primitives
import Synchronization
import TestSupport
import Testing

/// Accounts that a test makes up.
final class TestDirectory: ApprovalDirectory {
    private let state = Mutex((people: [UserID: Caller](), groups: [String: (name: String, permissions: Set<Permission>)](), revoked: Set<String>()))

    func add(_ caller: Caller) { state.withLock { $0.people[caller.userID!] = caller } }
    func remove(_ caller: Caller) { state.withLock { $0.people[caller.userID!] = nil } }
    func add(group id: String, _ name: String, _ permissions: Set<Permission>) { state.withLock { $0.groups[id] = (name, permissions) } }

    func caller(for user: UserID) async throws -> Caller? { state.withLock { $0.people[user] } }
    func group(_ id: String) async throws -> (name: String, permissions: Set<Permission>)? { state.withLock { $0.groups[id] } }
    func deciders(in group: String?) async throws -> [Set<Permission>] {
        state.withLock { state in
            let name = group.flatMap { state.groups[$0]?.name }
            return state.people.values.filter { $0.may(.decideApprovals) && (name.map($0.groups.contains) ?? true) }.map(\.permissions)
        }
    }
    func revoke(token id: String) { state.withLock { _ = $0.revoked.insert(id) } }
    func isValid(token: String, of user: UserID) async throws -> Bool { state.withLock { !$0.revoked.contains(token) } }
}

/// An API with a vault that takes an approval to open, and people who may or may not give it.
final class QuorumFixture: Sendable {
    static let group = "7a1f7e5c-6d5f-4d5e-8b53-0d3c5f4f2b11"
    let directory = TestDirectory()
    let api: APIFixture
    let asks: Caller
    private let opened = Counted()

    init() throws {
        asks = try .person("asks", [.destroyKeys])
        directory.add(asks)
        for name in ["bob", "carol", "dave"] {
            let groups: Set<String> = name == "dave" ? ["Custodians"] : []
            directory.add(try .person(name, [.decideApprovals, .readApprovals, .updateQuorum], groups: groups))
        }
        directory.add(group: Self.group, "Custodians", [.decideApprovals])
        let counted = opened
        api = try APIFixture(directory: directory, more: [
            Route(
                .post, "/api/v1/vaults/{vault}/open", "openVault", "Opens", tag: "Test", access: .needs(.destroyKeys), event: .keyDestroyed,
                quorum: .destroyKey, body: .json(Schema.object([.required("pin", .secret(4...16)), .required("reason", .text(1...64))])),
                answers: [200: .json(.object([.required("opened", .text(1...64))]))], allowsDryRun: true
            ) { call in
                guard call.body["reason"]?.string != "wrong" else { throw Problem(.wrongState, "not now") }
                if !call.isDryRun { counted.add(call) }
                return APIAnswer(200, .json(["opened": .string(call.caller.name)]))
            }
        ])
    }

    /// How often the vault was opened.
    var openings: Int { opened.calls.count }
    /// As whom, and with which PIN.
    var lastOpening: (name: String, pin: String?, requestID: String)? {
        opened.calls.last.map { ($0.caller.name, $0.body["pin"]?.string, $0.requestID) }
    }

    func person(_ name: String) async throws -> Caller {
        let id = try #require(Caller.person(name).userID)
        return try #require(await directory.caller(for: id))
    }

    func enable(_ required: Int64, group: String? = nil, operation: String = "destroy-key") async throws {
        let answer = try await api.call("PUT", "/api/v1/quorum/\(operation)", body: [
            "enabled": true, "required": .integer(required), "expires_in_hours": 24, "approver_group_id": .optional(group),
        ])
        #expect(answer.status == 200)
    }

    func open(reason: String = "audit", query: String = "", as caller: Caller? = nil) async throws -> TestAnswer {
        try await api.call(
            "POST", "/api/v1/vaults/\(Self.group)/open\(query)", body: ["pin": "s3cr3t-pin", "reason": .string(reason)], as: caller ?? asks)
    }

    func decide(_ verb: String, _ id: String, as caller: Caller, body: JSONValue? = nil) async throws -> TestAnswer {
        try await api.call("POST", "/api/v1/approvals/\(id)/\(verb)", body: body, as: caller)
    }

    private final class Counted: Sendable {
        private let list = Mutex<[APICall]>([])
        var calls: [APICall] { list.withLock { $0 } }
        func add(_ call: APICall) { list.withLock { $0.append(call) } }
    }
}
