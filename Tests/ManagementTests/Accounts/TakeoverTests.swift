import KeyCore
@testable import Management
import Plugins
import Primitives
import TestSupport
import Testing

@Suite("Nobody becomes somebody else, or two people") struct TakeoverTests {
    private static let fingerprint = String(repeating: "ab", count: 32)

    /// A token of that scope of somebody in these groups.
    private func token(_ fixture: AccountFixture, of session: String, _ scope: [JSONValue]) async throws -> String {
        let made = try await fixture.call("POST", "/api/v1/self/tokens", body: ["name": "t", "permissions": .array(scope)], token: session)
        return try #require(made["token"].string)
    }

    @Test("a token that may change users does not become its owner, who may do more")
    func tokenOfOwner() async throws {
        let fixture = try AccountFixture()
        let (id, session) = try await fixture.person("boss", in: [.admins])
        let token = try await token(fixture, of: session, ["update:users", "delete:users", "update:groups"])
        let tries: [(String, String, JSONValue?)] = [
            ("POST", "/api/v1/users/\(id)/reset-password", nil), ("DELETE", "/api/v1/users/\(id)/totp", nil),
            ("PATCH", "/api/v1/users/\(id)", ["certificates": [.string(Self.fingerprint)]]), ("PATCH", "/api/v1/users/\(id)", ["email": "e@example.com"]),
            ("PATCH", "/api/v1/users/\(id)", ["enabled": true]), ("POST", "/api/v1/users/\(id)/unlock", nil), ("DELETE", "/api/v1/users/\(id)", nil),
        ]
        for (method, path, body) in tries {
            #expect(try await fixture.call(method, path, body: body, token: token).code == "permission_denied", "\(method) \(path)")
        }
        #expect(try await fixture.signIn("boss").status == 201)
    }

    @Test("somebody signed in changes their own password, second factor and certificates by /self or not at all")
    func ownAccount() async throws {
        let fixture = try AccountFixture()
        let (id, session) = try await fixture.person("boss", in: [.admins])
        let tries: [(String, String, JSONValue?)] = [
            ("POST", "/api/v1/users/\(id)/reset-password", nil), ("DELETE", "/api/v1/users/\(id)/totp", nil),
            ("PATCH", "/api/v1/users/\(id)", ["certificates": [.string(Self.fingerprint)]]),
        ]
        for (method, path, body) in tries {
            #expect(try await fixture.call(method, path, body: body, token: session).code == "permission_denied", "\(method) \(path)")
        }
        #expect(try await fixture.call("PATCH", "/api/v1/users/\(id)", body: ["display_name": "The Boss"], token: session).status == 200)
    }

    @Test("an API token makes no API tokens, whatever its scope")
    func tokensOfTokens() async throws {
        let fixture = try AccountFixture()
        let (_, session) = try await fixture.person("alice", in: [.users])
        let wide = try await fixture.call("POST", "/api/v1/self/tokens", body: ["name": "wide"], token: session)
        let token = try #require(wide["token"].string)
        for body in [["name": "a"], ["name": "b", "permissions": ["read:keys"]], ["name": "c", "permissions": []]] as [JSONValue] {
            #expect(try await fixture.call("POST", "/api/v1/self/tokens", body: body, token: token).code == "permission_denied")
        }
        #expect(try await fixture.call("GET", "/api/v1/self/tokens", token: session)["total"] == 1)
    }

    @Test("who looks after accounts stops a custodian of keys whose powers over keys they lack, and nobody who decides about people")
    func stopping() async throws {
        let fixture = try AccountFixture()
        let (custodian, _) = try await fixture.person("custodian", in: [.keyUsers])
        let (boss, _) = try await fixture.person("boss", in: [.admins])
        let (_, session) = try await fixture.person("registrar", in: [.userAdmins])
        for user in [custodian, boss] {
            let isReached = user == custodian
            let stopped = try await fixture.call("PATCH", "/api/v1/users/\(user)", body: ["enabled": false], token: session)
            #expect(isReached ? stopped.status == 200 : stopped.code == "permission_denied", "\(stopped.text)")
            let unlocked = try await fixture.call("POST", "/api/v1/users/\(user)/unlock", token: session)
            #expect(isReached ? unlocked.status < 300 : unlocked.code == "permission_denied", "\(unlocked.text)")
        }
        #expect(try await fixture.call("PATCH", "/api/v1/users/\(custodian)", body: ["enabled": true], token: session).code == "permission_denied")
        #expect(try await fixture.call("DELETE", "/api/v1/users/\(boss)", token: session).code == "permission_denied")
        #expect(try await fixture.call("DELETE", "/api/v1/users/\(custodian)", token: session).status == 204)
    }

    @Test("an API token revokes itself and no other")
    func revocation() async throws {
        let fixture = try AccountFixture()
        let (_, session) = try await fixture.person("alice", in: [.users])
        func make(_ name: String) async throws -> (id: String, token: String) {
            let made = try await fixture.call("POST", "/api/v1/self/tokens", body: ["name": .string(name)], token: session)
            return (try #require(made["id"].string), try #require(made["token"].string))
        }
        let (first, second) = (try await make("a"), try await make("b"))
        let other = try await fixture.call("DELETE", "/api/v1/self/tokens/\(second.id)", token: first.token)
        #expect(other.code == "permission_denied")
        #expect(try await fixture.call("DELETE", "/api/v1/self/tokens/\(first.id)", token: first.token).status == 204)
        #expect(try await fixture.call("DELETE", "/api/v1/self/tokens/\(second.id)", token: session).status == 204)
    }

    @Test("a new user is put into no group whose grants the caller doesn't hold")
    func groupsOfNewUsers() async throws {
        let fixture = try AccountFixture()
        let (_, token) = try await fixture.person("clerk", in: [.userAdmins])
        let key = try await fixture.stores.keys.create(name: "k", purpose: .wrap, algorithm: .aes256, source: EmbeddedKeySource())
        let group = try await fixture.api.make("/api/v1/groups", ["name": "keepers", "permissions": []])
        try await fixture.api.make("/api/v1/grants", [
            "group_id": .string(group), "resource_kind": "key", "resource_id": .string(key.id.description), "permissions": ["destroy:keys"],
        ])
        let body: JSONValue = ["name": "puppet", "groups": [.string(group)]]
        #expect(try await fixture.call("POST", "/api/v1/users", body: body, token: token).code == "permission_denied")
        #expect(try await fixture.api.call("POST", "/api/v1/users", body: body).status == 201)
    }

    @Test("nobody stops or unlocks somebody who may do more")
    func upwards() async throws {
        let fixture = try AccountFixture()
        let (_, token) = try await fixture.person("clerk", in: [.userAdmins])
        let (boss, mate) = (try await fixture.add("boss", to: [.admins]), try await fixture.add("mate", to: [.userAdmins]))
        try await fixture.add("other", to: [.admins])
        func tries(_ user: UserID, _ group: SystemGroup) -> [(String, String, JSONValue?)] {
            [
                ("PATCH", "/api/v1/users/\(user)", ["enabled": false]), ("POST", "/api/v1/users/\(user)/unlock", nil),
                ("DELETE", "/api/v1/groups/\(group.id)/members/\(user)", nil), ("DELETE", "/api/v1/users/\(user)", nil),
            ]
        }
        for (method, path, body) in tries(boss, .admins) {
            #expect(try await fixture.call(method, path, body: body, token: token).code == "permission_denied", "\(method) \(path)")
        }
        for (method, path, body) in tries(mate, .userAdmins) {
            #expect((200...204).contains(try await fixture.call(method, path, body: body, token: token).status), "\(method) \(path)")
        }
    }

    @Test("while people sign in at an OpenID provider, only who holds everything changes the way to it", arguments: [
        ["dns_hosts": ["idp.example": ["192.0.2.7"]]], ["proxy_url": "http://proxy.example:3128"],
    ] as [JSONValue])
    func wayToProvider(patch: JSONValue) async throws {
        let fixture = try AccountFixture()
        let (_, token) = try await fixture.person("net", in: [.connectionAdmins])
        try await fixture.add("boss", to: [.admins])
        #expect(try await fixture.call("PATCH", "/api/v1/settings?dry_run=true", body: patch, token: token).status == 200)
        let provider = try await fixture.api.make("/api/v1/oidc-providers", [
            "name": "idp", "issuer": "https://idp.example", "client_id": "holdfast",
            "redirect_uri": "https://localhost/api/v1/sign-in/oidc/callback",
        ])
        #expect(try await fixture.call("PATCH", "/api/v1/settings", body: patch, token: token).code == "permission_denied")
        #expect(try await fixture.call("PATCH", "/api/v1/settings", body: ["log_level": "debug"], token: token).status == 200)
        #expect(try await fixture.api.call("PATCH", "/api/v1/settings?dry_run=true", body: patch).status == 200)
        #expect(try await fixture.api.call("PATCH", "/api/v1/oidc-providers/\(provider)", body: ["enabled": false]).status == 200)
        #expect(try await fixture.call("PATCH", "/api/v1/settings", body: patch, token: token).status == 200)
    }

    /// Two Admins, and the rule that whatever gives somebody the power to approve needs the other's word.
    private func guarded() async throws -> (fixture: AccountFixture, ann: String, bob: UserID) {
        let fixture = try AccountFixture()
        let (_, ann) = try await fixture.person("ann", in: [.admins, .users, .userAdmins, .connectionAdmins])
        let bob = try await fixture.add("bob", to: [.admins])
        try await fixture.add("cyn", to: [.admins])
        let rule: JSONValue = ["enabled": true, "required": 1, "expires_in_hours": 1]
        #expect(try await fixture.api.call("PUT", "/api/v1/quorum/add-to-admins", body: rule).status == 200)
        return (fixture, ann, bob)
    }

    @Test("one Admin does not become m of n: whatever lets somebody sign in as one who approves waits for approval")
    func puppets() async throws {
        let (fixture, ann, bob) = try await guarded()
        let mate = try await fixture.add("mate", to: [.users])
        let tries: [(String, String, JSONValue?)] = [
            ("POST", "/reset-password", nil), ("DELETE", "/totp", nil), ("PATCH", "", ["certificates": [.string(Self.fingerprint)]]),
            ("PATCH", "", ["email": "e@example.com"]), ("PATCH", "", ["identities": []]), ("PATCH", "", ["enabled": true]),
        ]
        for (method, path, body) in tries {
            #expect(try await fixture.call(method, "/api/v1/users/\(bob)\(path)", body: body, token: ann).status == 202, "\(method) \(path)")
            let status = try await fixture.call(method, "/api/v1/users/\(mate)\(path)", body: body, token: ann).status
            #expect(status == 200 || status == 204, "\(method) \(path)")
        }
        for body in [["display_name": "Bob"], ["enabled": false]] as [JSONValue] {
            #expect(try await fixture.call("PATCH", "/api/v1/users/\(bob)", body: body, token: ann).status == 200)
        }
        #expect(try await fixture.signIn("bob").status == 401)  // disabled, and with the password of before
    }

    @Test("nor by an OpenID provider, nor by the way to one")
    func providers() async throws {
        let (fixture, ann, _) = try await guarded()
        let draft: JSONValue = [
            "name": "idp", "issuer": "https://idp.example", "client_id": "holdfast",
            "redirect_uri": "https://localhost/api/v1/sign-in/oidc/callback",
        ]
        let settings: JSONValue = ["dns_hosts": ["idp.example": ["192.0.2.7"]]]
        #expect(try await fixture.call("PATCH", "/api/v1/settings", body: settings, token: ann).status == 200)
        let asked = try await fixture.call("POST", "/api/v1/oidc-providers", body: draft, token: ann)
        #expect(asked.status == 202)
        let cyn = try await fixture.session("cyn")
        let done = try await fixture.call("POST", "/api/v1/approvals/\(asked["id"].string ?? "")/approve", body: [:], token: cyn)
        #expect(done["state"].string == "executed")
        let provider = try #require(await fixture.api.call("GET", "/api/v1/oidc-providers")["items"].array?.first?["id"]?.string)
        let path = "/api/v1/oidc-providers/\(provider)"
        #expect(try await fixture.call("PATCH", path, body: ["issuer": "https://evil.example"], token: ann).status == 202)
        #expect(try await fixture.call("PATCH", path, body: ["name": "renamed"], token: ann).status == 200)
        #expect(try await fixture.call("PATCH", "/api/v1/settings", body: ["dns_hosts": [:]], token: ann).status == 202)
        #expect(try await fixture.call("PATCH", "/api/v1/settings", body: ["log_level": "debug"], token: ann).status == 200)
        #expect(try await fixture.call("PATCH", path, body: ["enabled": false], token: ann).status == 200)
    }

    @Test("nor by a place in the group whose members a rule counts")
    func approverGroup() async throws {
        let (fixture, ann, bob) = try await guarded()
        let group = try await fixture.api.make("/api/v1/groups", ["name": "custodians", "permissions": []])
        for user in [bob, try await fixture.add("dan", to: [.admins])] { _ = try await fixture.stores.groups.add(user, to: #require(GroupID(group)), by: .local("root")) }
        let rule: JSONValue = ["enabled": true, "required": 1, "expires_in_hours": 1, "approver_group_id": .string(group)]
        #expect(try await fixture.api.call("PUT", "/api/v1/quorum/destroy-key", body: rule).status == 200)
        let mate = try await fixture.add("mate")
        #expect(try await fixture.call("PUT", "/api/v1/groups/\(group)/members/\(mate)", token: ann).status == 202)
        let body: JSONValue = ["name": "puppet", "groups": [.string(group)]]
        #expect(try await fixture.call("POST", "/api/v1/users", body: body, token: ann).status == 400)
    }
}
