import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Accounts in a restore") struct RestoreAccountTests {
    private let fixture: AccountFixture
    private let passphrase = "a passphrase of some length"

    init() throws { fixture = try AccountFixture() }

    private func backUp() async throws -> String {
        try #require(try await fixture.api.call("POST", "/api/v1/backups", body: ["passphrase": .string(passphrase)])["id"].string)
    }

    /// Restores as whoever holds the root key does, without a server.
    @discardableResult
    private func restore(_ id: String, into other: AccountFixture? = nil, resurrect: Set<String> = []) async throws -> RestorePlan {
        let store = (other ?? fixture).api.store
        let staging = try BackupStaging(
            "\(fixture.api.store.folder)/backups/\(id).hfb",
            opener: .passphrase(SharedSecret(SecretBytes(copying: Array(passphrase.utf8)))), folder: store.folder)
        let restore = Restore(database: store.database, sealer: store.sealer, clock: store.clock.wall)
        var order = RestoreOrder(resurrect: resurrect, actor: "test")
        order.confirmation = try await restore.plan(staging, order).confirmation
        return try await restore.run(staging, order)
    }

    private func restoreByAPI(_ id: String, resurrect: [JSONValue] = []) async throws -> TestAnswer {
        let body: JSONValue = ["passphrase": .string(passphrase), "resurrect": .array(resurrect)]
        let plan = try await fixture.api.call("POST", "/api/v1/backups/\(id)/restore", body: body)
        return try await fixture.api.call(
            "POST", "/api/v1/backups/\(id)/restore", body: body.adding(["confirm": plan["plan"]["confirm"] ?? .null]))
    }

    private func names(_ other: AccountFixture? = nil) async throws -> [String] {
        try await (other ?? fixture).api.store.database.query("SELECT name FROM users ORDER BY name").map { try $0.text("name") }
    }

    private func count(_ table: String, of user: UserID) async throws -> Int {
        try await fixture.api.store.database.query("SELECT user_id FROM \(table) WHERE user_id = $1", [.text(user.description)]).count
    }

    @Test("users with passwords who are newer than the backup go, with their history, memberships and sessions")
    func newerUser() async throws {
        let boss = try await fixture.add("boss", to: [.admins])
        let id = try await backUp()
        let (carol, _) = try await fixture.person("carol", in: [.users, .admins])
        let answer = try await restoreByAPI(id)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(try await names() == ["boss"])
        for table in ["password_history", "group_members", "sessions"] { #expect(try await count(table, of: carol) == 0, "\(table)") }
        #expect(try await count("password_history", of: boss) == 1)
        #expect(try await fixture.signIn("boss").status == 201)
    }

    @Test("of a newer group that approves, which stays, a newer member goes and another stays")
    func newerApprovers() async throws {
        let boss = try await fixture.add("boss", to: [.admins])
        let id = try await backUp()
        let carol = try await fixture.add("carol", to: [.admins])
        let group = try #require(try await fixture.api.call(
            "POST", "/api/v1/groups", body: ["name": "Custodians", "permissions": ["decide:approvals"]])["id"].string)
        for user in [boss, carol] { #expect(try await fixture.api.call("PUT", "/api/v1/groups/\(group)/members/\(user)").status == 204) }
        #expect(try await fixture.api.call("PUT", "/api/v1/quorum/destroy-key", body: [
            "enabled": true, "required": 1, "expires_in_hours": 24, "approver_group_id": .string(group),
        ]).status == 200)
        try await restore(id)
        #expect(try await names() == ["boss"])
        let members = try await fixture.api.store.database.query("SELECT user_id FROM group_members WHERE group_id = $1", [.text(group)])
        #expect(try members.map { try $0.text("user_id") } == [boss.description])
    }

    @Test("through the API a restore after which too few could approve is refused; without a server it tells of it")
    func unsatisfiableQuorum() async throws {
        try await fixture.add("boss", to: [.admins])
        let id = try await backUp()
        try await fixture.add("carol", to: [.admins])
        #expect(try await fixture.api.call("PUT", "/api/v1/quorum/destroy-key", body: [
            "enabled": true, "required": 2, "expires_in_hours": 24,
        ]).status == 200)
        let answer = try await restoreByAPI(id)
        #expect((answer.status, answer.code) == (409, "wrong_state"), "\(answer.text)")
        #expect(answer.text.contains("destroy-key"))
        #expect(try await names() == ["boss", "carol"])
        #expect(try await RestoreGaps.find(in: fixture.api.store.database) == [])
        try await restore(id)
        let gaps = try await RestoreGaps.find(in: fixture.api.store.database)
        #expect(gaps.count == 1 && gaps[0].contains("“destroy-key”") && gaps[0].contains("--reset-quorum"), "\(gaps)")
    }

    @Test("into an installation that was just made: its administrator stays, with password and groups, unless one of the backup's comes back")
    func newInstallation() async throws {
        try await fixture.add("boss", to: [.admins, .userAdmins])
        let id = try await backUp()
        let other = try AccountFixture()
        let password = try await AccountSeeds.createFirstAdministrator(
            database: other.stores.database, clock: other.clock.wall, cost: PasswordCost(logN: 8, r: 8, p: 1))
        let plan = try await restore(id, into: other)
        #expect(plan.warnings.count == 1 && plan.warnings[0].contains("“admin”"), "\(plan.warnings)")
        #expect(try await names(other) == ["admin"])
        #expect(try await other.api.store.database.query("SELECT group_id FROM group_members").count == 4)
        #expect(try await other.signIn("admin", password).status == 201)
        #expect(try await restore(id, into: other, resurrect: ["user:*"]).warnings.count == 1)  // of no group, so no administrator
        #expect(try await names(other) == ["admin", "boss"])
        #expect(try await restore(id, into: other, resurrect: ["group_member:*"]).warnings == [])
        #expect(try await names(other) == ["boss"])
        #expect(try await other.signIn("boss").status == 201)
    }

    @Test("an administrator who became one after the backup stays one if nobody else would be")
    func laterAdministrator() async throws {
        let (alice, bob) = (try await fixture.add("alice"), try await fixture.add("bob", to: [.admins]))
        let id = try await backUp()
        _ = try await fixture.stores.groups.add(alice, to: SystemGroup.admins.id, by: .local("root"))
        _ = try await fixture.stores.users.delete(bob, revision: nil, by: .local("root"))
        #expect(try await restoreByAPI(id).status == 200)
        #expect(try await names() == ["alice"])
        #expect(try await count("group_members", of: alice) == 1)
        #expect(try await restoreByAPI(id, resurrect: ["user:*", "group_member:*"]).status == 200)
        #expect(try await count("group_members", of: alice) == 0)
    }
}
