@testable import Management
import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("Signing in") struct SignInTests {
    @Test("with user and password begins a session that proves the user, and is on record without password or token")
    func password() async throws {
        let fixture = try AccountFixture()
        let id = try await fixture.add("Alice", to: [.auditors])
        let answer = try await fixture.signIn(" ALICE ")
        #expect(answer.status == 201)
        let token = try #require(answer["token"].string)
        let caller = try await fixture.call("GET", "/api/v1/self", token: token)
        #expect(caller["name"].string == "user:alice" && caller["user_id"].string == id.description && caller["proof"].string == "session")
        #expect(caller["groups"] == ["Auditors"])
        #expect(fixture.api.audit.records.contains { $0.event == .sessionBegun && $0.target == "user:alice" && $0.outcome == .allowed })
        #expect(!fixture.api.audit.records.contains { "\($0)".contains(token) || "\($0)".contains(AccountFixture.password) })
    }

    @Test("N34: unknown, wrong, disabled, locked and without password are refused by the same words after one scrypt each")
    func sameRefusal() async throws {
        let fixture = try AccountFixture()
        try await fixture.add("alice")
        let disabled = try await fixture.add("bob")
        try await fixture.add("carol")
        for number in 0..<12 { _ = try await fixture.signIn("carol", "wrong", from: "192.0.3.\(number)") }
        let off = try await fixture.api.call("PATCH", "/api/v1/users/\(disabled)", body: ["enabled": false])
        #expect(off.status == 200)
        var draft = UserDraft(name: try AccountName(new: "dora"))
        draft.mustChangePassword = false
        _ = try await fixture.stores.users.create(draft, by: .local("root"))
        var texts: Set<String> = []
        let cases = [("nobody", "x"), ("alice", "wrong"), ("bob", AccountFixture.password), ("carol", AccountFixture.password), ("dora", "x"), ("", " ")]
        for (user, password) in cases where !user.isEmpty {
            let before = fixture.bench.evaluations
            let answer = try await fixture.signIn(user, password)
            #expect(answer.status == 401 && fixture.bench.evaluations == before + 1)
            texts.insert("\(answer["detail"].string ?? "") \(answer["remedy"].string ?? "")")
        }
        #expect(texts.count == 1)
    }

    @Test("N34: failing for an unknown user takes as long as for a known one")
    func equalTime() async throws {
        let fixture = try AccountFixture(cost: PasswordCost(logN: 13, r: 8, p: 1))
        try await fixture.add("alice")
        var times: [String: [UInt64]] = ["alice": [], "nobody": []]
        for round in 0..<15 {
            for user in ["alice", "nobody"] {
                let start = MonotonicClock.nanoseconds
                let answer = try await fixture.signIn(user, "wrong", from: "2001:db8:\(round)::1")
                times[user]?.append(MonotonicClock.nanoseconds - start)
                #expect(answer.status == 401)
            }
        }
        // The quickest of many is the least disturbed; without the scrypt, the unknown one would be many times as quick.
        let (known, unknown) = (try #require(times["alice"]?.min()), try #require(times["nobody"]?.min()))
        #expect(Double(unknown) > 0.5 * Double(known) && Double(known) > 0.5 * Double(unknown))
    }

    @Test("N34: failures are counted per user in every spelling, lock with growing waits, survive a restart and end with time")
    func lockOut() async throws {
        let fixture = try AccountFixture()
        try await fixture.add("alice")
        for number in 0..<10 {
            let spelling = ["alice", "ALICE", " alice ", "ａlice"][number % 4]
            #expect(try await fixture.signIn(spelling, "wrong", from: "192.0.3.\(number)").status == 401)
        }
        #expect(try await fixture.signIn("Alice", from: "198.51.100.1").status == 401)
        let restarted = try AccountFixture(over: fixture.api.store)
        #expect(try await restarted.signIn("alice", from: "198.51.100.2").status == 401)
        fixture.clock.advance(by: .seconds(2))
        #expect(try await restarted.signIn("alice", "wrong", from: "198.51.100.3").status == 401)
        fixture.clock.advance(by: .milliseconds(1500))  // the wait is two seconds now
        #expect(try await restarted.signIn("alice", from: "198.51.100.4").status == 401)
        fixture.clock.advance(by: .seconds(2))
        #expect(try await restarted.signIn("alice", from: "198.51.100.5").status == 201)
        #expect(try await restarted.signIn("alice", "wrong", from: "198.51.100.6").status == 401)
        #expect(try await restarted.signIn("alice", from: "198.51.100.6").status == 201)
    }

    @Test("N34: failures are counted per network too, IPv6 by its /64, and a blocked network is told when to come back")
    func networks() async throws {
        let fixture = try AccountFixture()
        try await fixture.add("alice")
        for number in 0..<30 {
            #expect(try await fixture.signIn("nobody\(number)", "wrong", from: "2001:db8:0:1::\(String(number + 1, radix: 16))").status == 401)
        }
        let before = fixture.bench.evaluations
        let blocked = try await fixture.signIn("alice", from: "2001:db8:0:1:ffff::1")
        #expect(blocked.status == 429 && blocked.headers["retry-after"] != nil && fixture.bench.evaluations == before)
        #expect(try await fixture.signIn("alice", from: "2001:db8:0:2::1").status == 201)
        fixture.clock.advance(by: .seconds(3700))
        #expect(try await fixture.signIn("alice", from: "2001:db8:0:1::1").status == 201)
    }

    @Test("N34: parallel guesses are counted before their passwords are looked at")
    func parallel() async throws {
        let fixture = try AccountFixture()
        try await fixture.add("alice")
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<30 { group.addTask { _ = try? await fixture.signIn("alice", "wrong", from: "192.0.2.\(number)") } }
        }
        #expect(try await fixture.signIn("alice", from: "198.51.100.1").status == 401)
    }

    @Test("an administrator ends a lock-out")
    func unlock() async throws {
        let fixture = try AccountFixture()
        let id = try await fixture.add("alice")
        for number in 0..<11 { _ = try await fixture.signIn("alice", "wrong", from: "192.0.3.\(number)") }
        #expect(try await fixture.signIn("alice").status == 401)
        #expect(try await fixture.api.call("POST", "/api/v1/users/\(id)/unlock").status == 200)
        #expect(try await fixture.signIn("alice").status == 201)
    }

    @Test("more passwords than the bench takes are answered 429 at once, and not counted as failures")
    func busy() async throws {
        let bench = PasswordBench(cost: PasswordCost(logN: 14, r: 8, p: 1), threads: 1, waiting: 2)
        let refused = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<12 {
                group.addTask {
                    do {
                        _ = try await bench.matches(PasswordPolicy.bytes("x"), nil)
                        return false
                    } catch { return (error as? Problem)?.code == .tooManyRequests }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(refused > 0 && bench.evaluations + refused == 12)
    }

    @Test("N34: a second factor's code counts once, also with spaces, and only around its time")
    func secondFactor() async throws {
        let fixture = try AccountFixture()
        let (id, token) = try await fixture.person("alice")
        let begun = try await fixture.call("POST", "/api/v1/self/totp", token: token)
        #expect(begun.status == 200 && begun["uri"].string?.hasPrefix("otpauth://totp/Holdfast%3Aalice?secret=") == true)
        #expect(try await fixture.signIn("alice").status == 201)  // it doesn't count before it was confirmed
        let secret = try #require(try await secondFactorSecret(fixture, id))
        func code(_ steps: Int64 = 0) throws -> String { try TOTP.code(secret.bytes, step: TOTP.step(at: fixture.clock.now) + steps) }
        #expect(try await fixture.call("POST", "/api/v1/self/totp/confirm", body: ["code": "000000"], token: token).status == 400)
        let confirmed = try await fixture.call("POST", "/api/v1/self/totp/confirm", body: ["code": .string(try code())], token: token)
        #expect(confirmed.status == 200)
        #expect(try await fixture.signIn("alice").status == 401)
        #expect(try await fixture.signIn("alice", code: try code()).status == 401)  // used for the confirmation
        fixture.clock.advance(by: .seconds(30))
        let spaced = try code().prefix(3) + " " + (try code().suffix(3))
        #expect(try await fixture.signIn("alice", code: String(spaced)).status == 201)
        #expect(try await fixture.signIn("alice", code: try code()).status == 401)
        #expect(try await fixture.signIn("alice", code: " " + (try code()) + " ").status == 401)
        #expect(try await fixture.signIn("alice", code: try code(2)).status == 401)
        #expect(try await fixture.signIn("alice", code: try code(1)).status == 201)
        #expect(try await fixture.signIn("alice", code: try code()).status == 401)  // an earlier one
    }

    @Test("the codes are those of RFC 6238, appendix B", arguments: [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] as [(Int64, String)])
    func vectors(seconds: Int64, code: String) throws {
        let secret = SecretBytes(copying: Array("12345678901234567890".utf8))
        #expect(try TOTP.code(secret, step: seconds / 30) == code)
        #expect(Base32.string(secret) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    }

    private func secondFactorSecret(_ fixture: AccountFixture, _ id: UserID) async throws -> SharedSecret? {
        let rows = try await fixture.stores.database.query("SELECT totp_secret FROM users WHERE id = $1", [.text(id.description)])
        return try rows.first?.optionalBlob("totp_secret").map {
            SharedSecret(try fixture.stores.sealer.open($0, at: SecondFactorStore.place(id)))
        }
    }
}
