import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("What signs in besides password and code") struct SecondFactorRecoveryTests {
    /// A user with a second factor, a session of before, and the recovery codes.
    private func person(_ fixture: AccountFixture) async throws -> (id: UserID, token: String, codes: [String]) {
        let (id, token) = try await fixture.person("alice")
        #expect(try await fixture.call("POST", "/api/v1/self/totp", token: token).status == 200)
        let rows = try await fixture.stores.database.query("SELECT totp_secret FROM users WHERE id = $1", [.text(id.description)])
        let sealed = try #require(try rows.first?.optionalBlob("totp_secret"))
        let secret = try fixture.stores.sealer.open(sealed, at: SecondFactorStore.place(id))
        let code = try TOTP.code(secret, step: TOTP.step(at: fixture.clock.now))
        let confirmed = try await fixture.call("POST", "/api/v1/self/totp/confirm", body: ["code": .string(code)], token: token)
        #expect(confirmed.status == 200)
        return (id, token, confirmed["recovery_codes"].array?.compactMap(\.string) ?? [])
    }

    @Test("ten recovery codes are shown once, kept as hashes, and sign in once each, in any spelling, with the password only")
    func codes() async throws {
        let fixture = try AccountFixture()
        let (_, _, codes) = try await person(fixture)
        #expect(Set(codes).count == 10)
        #expect(try fixture.api.store.files(holding: Array(codes[0].utf8)) == [])
        #expect(try await fixture.signIn("alice", "wrong", code: codes[0]).status == 401)
        #expect(try await fixture.signIn("alice", code: codes[0]).status == 201)
        #expect(try await fixture.signIn("alice", code: codes[0]).status == 401)
        let other = codes[1].uppercased().replacing("-", with: " ")
        #expect(try await fixture.signIn("alice", code: other).status == 201)
        #expect(try await fixture.signIn("alice", code: codes[1]).status == 401)
        #expect(try await fixture.signIn("alice", code: "aaaa-aaaa-aaaa-aaaa").status == 401)
    }

    @Test("of another user they are worth nothing")
    func others() async throws {
        let fixture = try AccountFixture()
        let (_, _, codes) = try await person(fixture)
        try await fixture.add("bob")
        try await fixture.stores.database.execute("UPDATE users SET totp_secret = (SELECT totp_secret FROM users WHERE canonical = 'alice'), totp_confirmed = 1 WHERE canonical = 'bob'")
        #expect(try await fixture.signIn("bob", code: codes[0]).status == 401)
        #expect(try await fixture.signIn("alice", code: codes[0]).status == 201)
    }

    @Test("new ones, for the password, end the earlier ones; so does the end of the second factor")
    func renewed() async throws {
        let fixture = try AccountFixture()
        let (id, token, codes) = try await person(fixture)
        let path = "/api/v1/self/totp/recovery-codes"
        #expect(try await fixture.call("POST", path, body: ["password": "wrong"], token: token).status == 403)
        let renewed = try await fixture.call("POST", path, body: ["password": .string(AccountFixture.password)], token: token)
        let next = renewed["recovery_codes"].array?.compactMap(\.string) ?? []
        #expect(next.count == 10 && Set(next).isDisjoint(with: codes))
        #expect(try await fixture.signIn("alice", code: codes[2]).status == 401)
        #expect(try await fixture.signIn("alice", code: next[2]).status == 201)
        #expect(try await fixture.api.call("DELETE", "/api/v1/users/\(id)/totp").status == 204)
        #expect(try await fixture.stores.database.query("SELECT user_id FROM recovery_codes").isEmpty)
        #expect(try await fixture.call("POST", path, body: ["password": .string(AccountFixture.password)], token: token).code == "wrong_state")
    }

    @Test("a password's hash is made anew at a sign-in after the cost has risen, and never made cheaper")
    func cost() async throws {
        let cheap = try AccountFixture(cost: PasswordCost(logN: 8, r: 8, p: 1))
        try await cheap.add("alice")
        func stored() async throws -> String? { try await cheap.stores.database.query("SELECT password_hash FROM users").first?.optionalText("password_hash") }
        let dear = try AccountFixture(over: cheap.api.store, cost: PasswordCost(logN: 9, r: 8, p: 1))
        #expect(try await dear.signIn("alice", "wrong").status == 401)
        #expect(try await stored()?.hasPrefix("scrypt:8:") == true)
        #expect(try await dear.signIn("alice").status == 201)
        #expect(try await stored()?.hasPrefix("scrypt:9:") == true)
        #expect(try await cheap.signIn("alice").status == 201)
        #expect(try await stored()?.hasPrefix("scrypt:9:") == true)
        #expect(try await dear.signIn("alice").status == 201)
    }
}
