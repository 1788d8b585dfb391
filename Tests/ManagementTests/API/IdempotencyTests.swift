import KeyCore
@testable import Management
import Primitives
import Synchronization
import TestSupport
import Testing

@Suite("A creation with an Idempotency-Key") struct IdempotencyTests {
    private let fixture: APIFixture
    private let made = Made()

    init() throws {
        let made = made
        fixture = try APIFixture(more: [
            Route(
                .post, "/api/v1/test-tokens", "createTestToken", "Makes", tag: "Test", access: .signedIn,
                body: .json(Schema.object([.required("name", .name), .optional("slow", .boolean)])),
                answers: [201: .json(Schema.object([.required("token", .text(1...64))]))], isCreation: true
            ) { call in
                if call.body["slow"]?.bool == true { await made.gate.wait() }
                if call.body["name"]?.string == "bad" { throw Problem(.exists, "exists") }
                var answer = APIAnswer(201, .json(["token": .string("token-\(made.add())")]))
                answer.headers = [("Location", "/here"), ("ETag", "\"1\"")]
                return answer
            }
        ])
    }

    private func create(_ name: String, key: String, slow: Bool = false, as caller: Caller = .local("root"), on api: APIFixture? = nil)
        async throws -> TestAnswer
    {
        let body: JSONValue = slow ? ["name": .string(name), "slow": true] : ["name": .string(name)]
        return try await (api ?? fixture).call(
            "POST", "/api/v1/test-tokens", body: body, as: caller, headers: ["Idempotency-Key": key])
    }

    @Test("is done once; repeated, it gets its first answer with all of its header, and says that it is a repetition")
    func once() async throws {
        let first = try await create("a", key: "k1")
        let second = try await create("a", key: "k1")
        #expect(made.count == 1)
        #expect(second.bytes == first.bytes)
        #expect(second.status == 201)
        #expect(second.headers["location"] == "/here" && second.etag == "\"1\"")
        #expect(first.headers["idempotency-replayed"] == nil)
        #expect(second.headers["idempotency-replayed"] == "true")
    }

    @Test("is refused if the key came with another body before")
    func conflict() async throws {
        _ = try await create("a", key: "k1")
        let other = try await create("b", key: "k1")
        #expect(other.code == "idempotency_conflict")
        #expect(made.count == 1)
    }

    @Test("belongs to its caller: another's key of the same text is another key")
    func callers() async throws {
        let (alice, bob) = (try Caller.person("alice"), try Caller.person("bob"))
        let first = try await create("a", key: "k1", as: alice)
        let second = try await create("a", key: "k1", as: bob)
        #expect(first.bytes != second.bytes)
        #expect(made.count == 2)
    }

    @Test("can be tried again after it was refused")
    func refused() async throws {
        #expect(try await create("bad", key: "k1").code == "exists")
        #expect(try await create("good", key: "k1").status == 201)
    }

    @Test("is not done a second time while the first is being answered")
    func concurrent() async throws {
        async let first = create("a", key: "k1", slow: true)
        await made.gate.reached()
        let second = try await create("a", key: "k1", slow: true)
        #expect(second.code == "idempotency_conflict")
        #expect(second.headers["retry-after"] == "1")
        made.gate.open()
        #expect(try await first.status == 201)
        #expect(made.count == 1)
    }

    @Test("is done once though many come at the same moment")
    func crowd() async throws {
        let statuses = try await withThrowingTaskGroup { group in
            for _ in 0..<50 { group.addTask { try await create("a", key: "k1").status } }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(made.count == 1)
        #expect(statuses.isSubset(of: [201, 409]))
    }

    @Test("that a stopped server left unanswered is not done again: whoever repeats it is told to look")
    func abandoned() async throws {
        let first = try StoredAnswers(fixture.stores)
        let second = try StoredAnswers(fixture.stores)
        let caller = Caller.local("root")
        #expect(try await first.begin("k1", by: caller, [1]).map(\.status) == nil)
        func code() async throws -> ProblemCode? {
            do { _ = try await second.begin("k1", by: caller, [1]) } catch let problem as Problem { return problem.code }
            return nil
        }
        #expect(try await code() == .idempotencyConflict)  // the first may still be at it
        fixture.store.clock.advance(by: .seconds(61))
        #expect(try await code() == .idempotencyUnknown)
        fixture.store.clock.advance(by: .seconds(24 * 3600))
        #expect(try await code() == nil)
    }

    @Test("is forgotten after a day")
    func forgotten() async throws {
        _ = try await create("a", key: "k1")
        fixture.store.clock.advance(by: .seconds(24 * 3600))
        _ = try await create("a", key: "k1")
        #expect(made.count == 2)
        fixture.store.clock.advance(by: .seconds(24 * 3600))
        try await StoredAnswers(fixture.stores).sweep()
        #expect(try await fixture.store.database.query("SELECT key FROM idempotency_keys").isEmpty)
    }

    @Test("leaves nothing readable of its answer in the database")
    func sealed() async throws {
        _ = try await create("a", key: "k1")
        #expect(try fixture.store.files(holding: Array("token-1".utf8)) == [])
    }

    @Test("takes no key that isn't 1 to 128 printable characters", arguments: ["", "a b", String(repeating: "a", count: 129), "ä"])
    func malformed(key: String) async throws {
        #expect(try await create("a", key: key).status == 400)
        #expect(made.count == 0)
    }

    private final class Made: Sendable {
        let gate = Gate()
        private let number = Mutex(0)
        var count: Int { number.withLock { $0 } }
        func add() -> Int { number.withLock { $0 += 1; return $0 } }
    }

    /// Stops whoever comes until it is opened.
    private final class Gate: Sendable {
        private let state = Mutex((waits: 0, isOpen: false))
        func wait() async {
            state.withLock { $0.waits += 1 }
            while !state.withLock({ $0.isOpen }) { try? await Task.sleep(for: .milliseconds(1)) }
        }
        func reached() async { while state.withLock({ $0.waits }) == 0 { try? await Task.sleep(for: .milliseconds(1)) } }
        func open() { state.withLock { $0.isOpen = true } }
    }
}
