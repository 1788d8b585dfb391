@testable import Management
import KeyCore
import Plugins
import Primitives
import TestSupport
import Testing

@Suite("Privileges") struct PrivilegeTests {
    @Test("nobody hands out by group, membership or grant what they don't hold, or takes over who holds more")
    func handingOut() async throws {
        let fixture = try AccountFixture()
        let (_, token) = try await fixture.person("clerk", in: [.userAdmins])
        let boss = try await fixture.add("boss", to: [.admins])
        let mate = try await fixture.add("mate")
        let key = try await fixture.stores.keys.create(name: "k", purpose: .wrap, algorithm: .aes256, source: EmbeddedKeySource())
        let groups = SystemGroup.self
        let refused: [(String, String, JSONValue?)] = [
            ("POST", "/api/v1/groups", ["name": "x", "permissions": ["destroy:keys"]]),
            ("PUT", "/api/v1/groups/\(groups.admins.id)/members/\(mate)", nil),
            ("PUT", "/api/v1/groups/\(groups.keyUsers.id)/members/\(mate)", nil),
            ("POST", "/api/v1/users", ["name": "new", "groups": [.string(groups.keyUsers.id.description)]]),
            ("POST", "/api/v1/grants", [
                "user_id": .string(mate.description), "resource_kind": "key", "resource_id": .string(key.id.description),
                "permissions": ["read:keys"],
            ]),
            ("POST", "/api/v1/users/\(boss)/reset-password", nil), ("DELETE", "/api/v1/users/\(boss)/totp", nil),
            ("PATCH", "/api/v1/users/\(boss)", ["certificates": [.string(String(repeating: "a", count: 64))]]),
            ("PATCH", "/api/v1/users/\(boss)", ["email": "clerk@example.com"]), ("PATCH", "/api/v1/users/\(boss)", ["enabled": true]),
            ("PATCH", "/api/v1/users/\(boss)", ["identities": []]),
        ]
        for (method, path, body) in refused {
            #expect(try await fixture.call(method, path, body: body, token: token).status == 403, "\(method) \(path)")
        }
        let allowed: [(String, String, JSONValue?, Int)] = [
            ("POST", "/api/v1/groups", ["name": "x", "permissions": ["read:users"]], 201),
            ("PUT", "/api/v1/groups/\(groups.userAdmins.id)/members/\(mate)", nil, 204),
            ("POST", "/api/v1/users/\(mate)/reset-password", nil, 200), ("PATCH", "/api/v1/users/\(mate)", ["email": "m@example.com"], 200),
        ]
        for (method, path, body, status) in allowed {
            #expect(try await fixture.call(method, path, body: body, token: token).status == status, "\(method) \(path)")
        }
    }

    @Test("a group that was given on a single key counts, too, for who may add members")
    func groupWithGrant() async throws {
        let fixture = try AccountFixture()
        let (_, token) = try await fixture.person("clerk", in: [.userAdmins])
        let mate = try await fixture.add("mate")
        let key = try await fixture.stores.keys.create(name: "k", purpose: .wrap, algorithm: .aes256, source: EmbeddedKeySource())
        let group = try #require(try await fixture.call("POST", "/api/v1/groups", body: ["name": "x", "permissions": []], token: token)["id"].string)
        let grant = try await fixture.api.call("POST", "/api/v1/grants", body: [
            "group_id": .string(group), "resource_kind": "key", "resource_id": .string(key.id.description), "permissions": ["read:keys"],
        ])
        #expect(grant.status == 201)
        #expect(try await fixture.call("PUT", "/api/v1/groups/\(group)/members/\(mate)", token: token).status == 403)
        #expect(try await fixture.api.call("PUT", "/api/v1/groups/\(group)/members/\(mate)").status == 204)
        let session = try await fixture.session("mate")
        #expect(try await fixture.call("GET", "/api/v1/keys/\(key.id)", token: session).status == 200)
        #expect(try await fixture.api.call("DELETE", "/api/v1/grants/\(grant["id"].string ?? "")").status == 204)
        #expect(try await fixture.call("GET", "/api/v1/keys/\(key.id)", token: session).status == 403)
    }

    @Test("the last enabled administrator can't be disabled, deleted or removed, by whatever way, also at once")
    func lastAdministrator() async throws {
        let fixture = try AccountFixture()
        let (first, second) = (try await fixture.add("a1", to: [.admins]), try await fixture.add("a2", to: [.admins]))
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(first)", body: ["enabled": false]).status == 200)
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(second)", body: ["enabled": false]).status == 409)
        #expect(try await fixture.api.call("DELETE", "/api/v1/users/\(second)").status == 409)
        #expect(try await fixture.api.call("DELETE", "/api/v1/groups/\(SystemGroup.admins.id)/members/\(second)").status == 409)
        #expect(try await fixture.api.call("DELETE", "/api/v1/users/\(first)").status == 204)
        let third = try await fixture.add("a3", to: [.admins])
        let statuses = await withTaskGroup(of: Int.self) { group in
            for user in [second, third] {
                group.addTask { (try? await fixture.api.call("DELETE", "/api/v1/users/\(user)").status) ?? 0 }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.sorted() == [204, 409])
    }

    @Test("system groups keep name and permissions; custom ones are changed under their revision")
    func groups() async throws {
        let fixture = try AccountFixture()
        let admins = "/api/v1/groups/\(SystemGroup.admins.id)"
        #expect(try await fixture.api.call("PATCH", admins, body: ["permissions": []]).status == 409)
        #expect(try await fixture.api.call("DELETE", admins).status == 409)
        let made = try await fixture.api.call("POST", "/api/v1/groups", body: ["name": "Ops Team", "permissions": ["read:keys"]])
        let path = try #require(made.headers["location"])
        #expect(made.etag == "\"1\"")
        #expect(try await fixture.api.call("POST", "/api/v1/groups", body: ["name": "OPS TEAM", "permissions": []]).status == 409)
        #expect(try await fixture.api.call("POST", "/api/v1/groups", body: ["name": "admins", "permissions": []]).status == 409)
        let changed = try await fixture.api.call("PATCH", path, body: ["description": "on call"], headers: ["If-Match": "\"1\""])
        #expect(changed.status == 200 && changed["permissions"] == ["read:keys"] && changed.etag == "\"2\"")
        #expect(try await fixture.api.call("PATCH", path, body: ["name": "x"], headers: ["If-Match": "\"1\""]).status == 412)
        let rehearsed = try await fixture.api.call("DELETE", path + "?dry_run=true")
        #expect(rehearsed.status == 204)
        #expect(try await fixture.api.call("GET", path).status == 200)
        #expect(try await fixture.api.call("GET", "/api/v1/groups?name=ops%20team")["total"] == 1)
        #expect(try await fixture.api.call("DELETE", path).status == 204)
        #expect(try await fixture.api.call("GET", path).status == 404)
    }

    @Test("users are listed by pages, filtered and sorted, and found by any spelling of their name")
    func listing() async throws {
        let fixture = try AccountFixture()
        for name in ["carol", "alice", "bob", "Dora"] { try await fixture.add(name, to: name == "bob" ? [.auditors] : []) }
        let first = try await fixture.api.call("GET", "/api/v1/users?limit=3&sort=name")
        #expect(first["total"] == 4 && first["items"].array?.compactMap { $0["name"]?.string } == ["alice", "bob", "carol"])
        let cursor = try #require(first["next_cursor"].string)
        let second = try await fixture.api.call("GET", "/api/v1/users?limit=3&sort=name&cursor=\(cursor)")
        #expect(second["items"].array?.compactMap { $0["name"]?.string } == ["Dora"] && second["next_cursor"] == .null)
        #expect(try await fixture.api.call("GET", "/api/v1/users?sort=created_at&cursor=\(cursor)").status == 400)
        #expect(try await fixture.api.call("GET", "/api/v1/users?name=BOB")["total"] == 1)
        #expect(try await fixture.api.call("GET", "/api/v1/users?group_id=\(SystemGroup.auditors.id)")["total"] == 1)
        #expect(try await fixture.api.call("GET", "/api/v1/users?enabled=false")["total"] == 0)
    }

    @Test("N42: hostile names and values reach the database as values only", arguments: [
        "'; DROP TABLE users; --", "a\" OR \"1\"=\"1", "a%00b", "../../etc/passwd", "<script>alert(1)</script>", "$1",
    ])
    func hostile(text: String) async throws {
        let fixture = try AccountFixture()
        try await fixture.add("alice")
        #expect(try await fixture.signIn(text, text).status == 401)
        #expect(try await fixture.api.call("POST", "/api/v1/users", body: ["name": .string(text)]).status == 400)
        let grouped = try await fixture.api.call("POST", "/api/v1/groups", body: ["name": "g", "description": .string(text), "permissions": []])
        #expect(grouped.status == 201 && grouped["description"].string == text)
        #expect(try await fixture.api.call("GET", "/api/v1/users")["total"] == 1)
    }
}

@Suite("The first administrator") struct AccountSeedsTests {
    @Test("signs in with a password that is shown once, must change it, and can then do and hand out everything")
    func first() async throws {
        let fixture = try AccountFixture()
        let cost = PasswordCost(logN: 8, r: 8, p: 1)
        let password = try await AccountSeeds.createFirstAdministrator(database: fixture.stores.database, clock: fixture.clock.wall, cost: cost)
        #expect(try fixture.api.store.files(holding: Array(password.utf8)) == [])
        let signedIn = try await fixture.signIn("admin", password)
        #expect(signedIn["must_change_password"] == true)
        let body: JSONValue = ["current_password": .string(password), "new_password": .string(AccountFixture.password)]
        let changed = try await fixture.call("PUT", "/api/v1/self/password", body: body, token: signedIn["token"].string)
        let token = try #require(changed["session"]["token"]?.string)
        let caller = try await fixture.call("GET", "/api/v1/self", token: token)
        #expect(Set(caller["permissions"].array?.compactMap(\.string) ?? []) == Set(Permission.allCases.map(\.rawValue)))
    }

    @Test("is opened again after a disaster: enabled, unlocked, without second factor, sessions and tokens of before")
    func reset() async throws {
        let fixture = try AccountFixture()
        let cost = PasswordCost(logN: 8, r: 8, p: 1)
        let (id, session) = try await fixture.person("admin", in: [.admins])
        let token = try await fixture.call("POST", "/api/v1/self/tokens", body: ["name": "old"], token: session)["token"].string
        try await fixture.add("other", to: [.admins])
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(id)", body: ["enabled": false]).status == 200)
        let password = try await AccountSeeds.createFirstAdministrator(database: fixture.stores.database, clock: fixture.clock.wall, cost: cost)
        #expect(try await fixture.call("GET", "/api/v1/self", token: token).status == 401)
        #expect(try await fixture.signIn("admin").status == 401)
        #expect(try await fixture.signIn("admin", password)["must_change_password"] == true)
    }
}
