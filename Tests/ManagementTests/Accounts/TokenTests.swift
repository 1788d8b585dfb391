@testable import Management
import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("API tokens") struct TokenTests {
    @Test("are shown once, kept as a hash, and may do what their scope and their owner's present groups both permit")
    func scope() async throws {
        let fixture = try AccountFixture()
        let (id, session) = try await fixture.person("alice", in: [.users])
        let made = try await fixture.call(
            "POST", "/api/v1/self/tokens", body: ["name": "ci", "permissions": ["read:keys", "create:keys"], "expires_in_days": 7], token: session)
        #expect(made.status == 201)
        let token = try #require(made["token"].string)
        #expect(token.hasPrefix("hf_"))
        let caller = try await fixture.call("GET", "/api/v1/self", token: token)
        #expect(caller["permissions"] == ["create:keys", "read:keys"] && caller["proof"].string == "token")
        let listed = try await fixture.call("GET", "/api/v1/self/tokens", token: session)
        #expect(listed["total"] == 1 && !listed.text.contains(token))
        #expect(try await fixture.api.call("DELETE", "/api/v1/groups/\(SystemGroup.users.id)/members/\(id)").status == 204)
        #expect(try await fixture.call("GET", "/api/v1/self", token: token)["permissions"] == [])
        #expect(try await fixture.call("POST", "/api/v1/keys", body: ["name": "k"], token: token).status == 403)
    }

    @Test("can't have or hand on a wider scope than who asks for them")
    func widening() async throws {
        let fixture = try AccountFixture()
        let (_, session) = try await fixture.person("alice", in: [.users])
        let wide = try await fixture.call(
            "POST", "/api/v1/self/tokens", body: ["name": "a", "permissions": ["create:users"]], token: session)
        #expect(wide.status == 403)
        let narrow = try await fixture.call(
            "POST", "/api/v1/self/tokens", body: ["name": "b", "permissions": ["read:keys"]], token: session)
        let token = try #require(narrow["token"].string)
        #expect(try await fixture.call("POST", "/api/v1/self/tokens", body: ["name": "c"], token: token).status == 403)
        let same = try await fixture.call(
            "POST", "/api/v1/self/tokens", body: ["name": "d", "permissions": ["read:keys", "create:keys"]], token: token)
        #expect(same.status == 403)
        let change: JSONValue = ["current_password": .string(AccountFixture.password), "new_password": "another battery horse"]
        #expect(try await fixture.call("PUT", "/api/v1/self/password", body: change, token: token).status == 403)
        #expect(try await fixture.call("POST", "/api/v1/self/totp", token: token).status == 403)
    }

    @Test("N24: an expired or revoked one, or one of a disabled owner, is refused from the next request on")
    func ends() async throws {
        let fixture = try AccountFixture()
        let (id, session) = try await fixture.person("alice", in: [.users])
        func make(_ name: String) async throws -> (id: String, token: String) {
            let made = try await fixture.call("POST", "/api/v1/self/tokens", body: ["name": .string(name), "expires_in_days": 1], token: session)
            return (try #require(made["id"].string), try #require(made["token"].string))
        }
        let (first, second) = (try await make("a"), try await make("b"))
        func status(_ token: String) async throws -> Int { try await fixture.call("GET", "/api/v1/keys/\(id)", token: token).status }
        #expect(try await status(first.token) == 404)
        #expect(try await fixture.call("DELETE", "/api/v1/self/tokens/\(first.id)", token: session).status == 204)
        #expect(try await status(first.token) == 401)
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(id)", body: ["enabled": false]).status == 200)
        #expect(try await status(second.token) == 401)
        #expect(try await status(session) == 401)
        #expect(try await fixture.api.call("PATCH", "/api/v1/users/\(id)", body: ["enabled": true]).status == 200)
        #expect(try await status(second.token) == 404)
        #expect(try await status(session) == 401)  // sessions died for good
        fixture.clock.advance(by: .seconds(86_400))
        #expect(try await status(second.token) == 401)
    }

    @Test("N39: nobody revokes another's token or ends another's session by its id")
    func others() async throws {
        let fixture = try AccountFixture()
        let (_, alice) = try await fixture.person("alice", in: [.users])
        let (_, bob) = try await fixture.person("bob", in: [.users])
        let made = try await fixture.call("POST", "/api/v1/self/tokens", body: ["name": "ci"], token: alice)
        let (id, token) = (try #require(made["id"].string), try #require(made["token"].string))
        #expect(try await fixture.call("DELETE", "/api/v1/self/tokens/\(id)", token: bob).status == 404)
        #expect(try await fixture.call("DELETE", "/api/v1/tokens/\(id)", token: bob).status == 403)
        #expect(try await fixture.call("GET", "/api/v1/self/tokens", token: bob)["total"] == 0)
        #expect(try await fixture.call("GET", "/api/v1/user-sessions", token: bob).status == 403)
        let sessions = try await fixture.api.call("GET", "/api/v1/user-sessions")
        let ids = sessions["items"].array?.compactMap { $0["id"]?.string } ?? []
        #expect(ids.count == 2)
        for id in ids { #expect(try await fixture.call("DELETE", "/api/v1/user-sessions/\(id)", token: bob).status == 403) }
        #expect(try await fixture.call("GET", "/api/v1/self", token: token).status == 200)
        #expect(try await fixture.api.call("DELETE", "/api/v1/tokens/\(id)").status == 204)
        #expect(try await fixture.call("GET", "/api/v1/self", token: token).status == 401)
    }

    @Test("N28: a token that differs in one character, its hash, or its id proves nobody")
    func forged() async throws {
        let fixture = try AccountFixture()
        let (_, session) = try await fixture.person("alice")
        let made = try await fixture.call("POST", "/api/v1/self/tokens", body: ["name": "ci"], token: session)
        let token = try #require(made["token"].string)
        let last: Character = token.last == "A" ? "B" : "A"
        let hash = "hf_" + Base64.urlEncoded(BearerToken.hash(token))
        for forged in [String(token.dropLast()) + String(last), hash, made["id"].string ?? "", "hs_" + token.dropFirst(3), token + "A", "hf_", ""] {
            #expect(try await fixture.call("GET", "/api/v1/self", token: forged).status == 401)
        }
    }
}
