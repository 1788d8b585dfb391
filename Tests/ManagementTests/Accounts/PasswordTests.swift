@testable import Management
import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("Passwords") struct PasswordTests {
    @Test("that are short, long, common, repeated or hold the user's name are refused", arguments: [
        "short", "elevenchars", String(repeating: "x", count: 129), "Password1234!", "passwordpassword", "qwertyuiop123", "aaaaaaaaaaaaaaaa",
        "123456789012", "xxAlicexx-2b8f!", "ＡＬＩＣＥ-2b8f!xyz", "holdfast-2026!!",
    ])
    func refused(password: String) {
        #expect(throws: Problem.self) { try PasswordPolicy().check(password, of: AccountName(typed: "alice"), field: "/password") }
    }

    @Test("that are long enough and nobody's first guess are accepted", arguments: ["correct battery horse 42", "пароль-для-примера", "k3§ö-9dkw!xL"])
    func accepted(password: String) throws {
        try PasswordPolicy().check(password, of: AccountName(typed: "alice"), field: "/password")
    }

    @Test("a hash records its cost and salt, and is no other password's")
    func hash() throws {
        let cost = PasswordCost(logN: 6, r: 8, p: 2)
        let hash = try PasswordHash(of: PasswordPolicy.bytes("Zoë's password").bytes, cost: cost)
        let read = try #require(PasswordHash(stored: hash.stored))
        #expect(read == hash && read.cost == cost && hash.stored.hasPrefix("scrypt:6:8:2:"))
        #expect(try read.matches(PasswordPolicy.bytes("Zoe\u{308}'s password").bytes))
        #expect(try !read.matches(PasswordPolicy.bytes("zoë's password").bytes))
        #expect(try PasswordHash(of: PasswordPolicy.bytes("Zoë's password").bytes, cost: cost) != hash)
    }

    @Test("a first password lets its user do nothing but change it; then all sessions have ended and a new one is given")
    func firstPassword() async throws {
        let fixture = try AccountFixture()
        let made = try await fixture.api.call("POST", "/api/v1/users", body: ["name": "alice"])
        let first = try #require(made["one_time_password"].string)
        let signedIn = try await fixture.signIn("alice", first)
        #expect(signedIn["must_change_password"] == true)
        let token = try #require(signedIn["token"].string)
        #expect(try await fixture.call("GET", "/api/v1/self", token: token).status == 200)
        for (method, path, body) in [
            ("GET", "/api/v1/users", nil), ("POST", "/api/v1/self/totp", nil), ("GET", "/api/v1/self/tokens", nil),
            ("POST", "/api/v1/self/tokens", ["name": "x"]),
        ] as [(String, String, JSONValue?)] {
            #expect(try await fixture.call(method, path, body: body, token: token).code == "password_change_required")
        }
        let change: JSONValue = ["current_password": .string(first), "new_password": .string(AccountFixture.password)]
        let changed = try await fixture.call("PUT", "/api/v1/self/password", body: change, token: token)
        #expect(changed.status == 200)
        #expect(try await fixture.call("GET", "/api/v1/self", token: token).status == 401)
        let new = try #require(changed["session"]["token"]?.string)
        #expect(try await fixture.call("GET", "/api/v1/self/tokens", token: new).status == 200)
        #expect(try await fixture.signIn("alice", first).status == 401)
        #expect(try await fixture.signIn("alice")["must_change_password"] == false)
    }

    @Test("the last five passwords don't come back, and a change needs the present one")
    func history() async throws {
        let fixture = try AccountFixture()
        var (_, token) = try await fixture.person("alice")
        func change(_ from: String, _ to: String) async throws -> TestAnswer {
            let answer = try await fixture.call(
                "PUT", "/api/v1/self/password", body: ["current_password": .string(from), "new_password": .string(to)], token: token)
            token = answer["session"]["token"]?.string ?? token
            return answer
        }
        #expect(try await change("wrong", "another battery horse").status == 403)
        #expect(try await change(AccountFixture.password, AccountFixture.password).status == 400)
        var present = AccountFixture.password
        for number in 1...5 {
            if number < 5 { #expect(try await change(present, AccountFixture.password).status == 400) }
            let next = "next battery horse \(number)"
            #expect(try await change(present, next).status == 200)
            present = next
        }
        #expect(try await change(present, AccountFixture.password).status == 200)
    }

    @Test("N29: neither password nor token stands in the database, and no secret is repeated in an answer")
    func secrets() async throws {
        let fixture = try AccountFixture()
        let (_, token) = try await fixture.person("alice")
        let made = try await fixture.call("POST", "/api/v1/self/tokens", body: ["name": "ci"], token: token)
        let secret = try #require(made["token"].string)
        for text in [AccountFixture.password, token, secret] {
            #expect(try fixture.api.store.files(holding: Array(text.utf8)) == [])
        }
        let canary = String(repeating: "canary-", count: 200)
        let refused = try await fixture.signIn("alice", canary)
        #expect(refused.status == 400 && !refused.text.contains("canary"))
    }
}
