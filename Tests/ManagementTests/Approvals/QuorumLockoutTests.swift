import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("The quorum locks nobody out") struct QuorumLockoutTests {
    private let fixture: AccountFixture
    init() throws { fixture = try AccountFixture() }

    private func rule(_ operation: String, _ required: Int64, group: String? = nil, enabled: Bool = true) async throws -> TestAnswer {
        try await fixture.api.call("PUT", "/api/v1/quorum/\(operation)", body: [
            "enabled": .bool(enabled), "required": .integer(required), "expires_in_hours": 1, "approver_group_id": .optional(group),
        ])
    }

    @Test("needs one more than it requires where those who decide may ask as well")
    func ownRequests() async throws {
        for name in ["ann", "bob"] { try await fixture.add(name, to: [.admins]) }
        #expect(try await rule("destroy-key", 2).status == 200)  // Admins don't destroy keys
        #expect(try await rule("change-quorum", 2).code == "wrong_state")
        #expect(try await rule("change-quorum", 1).status == 200)
    }

    @Test("keeps the people whom an enabled rule needs", arguments: ["disable", "delete", "remove"])
    func people(way: String) async throws {
        let ids = [try await fixture.add("ann", to: [.admins]), try await fixture.add("bob", to: [.admins]), try await fixture.add("cyn", to: [.admins])]
        #expect(try await rule("change-quorum", 2).status == 200)
        func stop(_ id: UserID) async throws -> TestAnswer {
            switch way {
            case "disable": try await fixture.api.call("PATCH", "/api/v1/users/\(id)", body: ["enabled": false])
            case "delete": try await fixture.api.call("DELETE", "/api/v1/users/\(id)")
            default: try await fixture.api.call("DELETE", "/api/v1/groups/\(SystemGroup.admins.id)/members/\(id)")
            }
        }
        let refused = try await stop(ids[0])
        #expect(refused.code == "wrong_state" && refused["detail"].string?.contains("change-quorum") == true)
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(ids[0])", body: ["display_name": "Ann"]).status == 200)
        try await fixture.add("dan", to: [.admins])
        #expect((200...204).contains(try await stop(ids[0]).status))
        #expect(try await stop(ids[1]).code == "wrong_state")
        #expect(try await fixture.api.stores.database.query("SELECT user_id FROM group_members").count == (way == "disable" ? 4 : 3))
    }

    @Test("keeps the group that a rule names, and the permission that makes its members count")
    func groups() async throws {
        let group = try await fixture.api.make("/api/v1/groups", ["name": "custodians", "permissions": ["decide:approvals"]])
        for name in ["ann", "bob"] {
            let user = try await fixture.add(name)
            #expect(try await fixture.api.call("PUT", "/api/v1/groups/\(group)/members/\(user)").status == 204)
        }
        #expect(try await rule("destroy-key", 2, group: group).status == 200)
        #expect(try await fixture.api.call("PATCH", "/api/v1/groups/\(group)", body: ["permissions": []]).code == "wrong_state")
        #expect(try await fixture.api.call("DELETE", "/api/v1/groups/\(group)").code == "wrong_state")
        #expect(try await rule("destroy-key", 2, group: group, enabled: false).status == 200)
        #expect(try await fixture.api.call("PATCH", "/api/v1/groups/\(group)", body: ["permissions": []]).status == 200)
        #expect(try await fixture.api.call("DELETE", "/api/v1/groups/\(group)").code == "wrong_state")
        #expect(try await rule("destroy-key", 1, enabled: false).status == 200)
        #expect(try await fixture.api.call("DELETE", "/api/v1/groups/\(group)").status == 204)
    }

    @Test("ends for whoever holds the root key")
    func reset() async throws {
        for name in ["ann", "bob"] { try await fixture.add(name, to: [.admins]) }
        #expect(try await rule("change-quorum", 1).status == 200)
        #expect(try await QuorumReset.disableAll(fixture.stores.database) == ["change-quorum"])
        let rules = try await fixture.api.call("GET", "/api/v1/quorum")
        #expect(rules["items"].array?.allSatisfy { $0["enabled"] == false } == true)
    }
}
