import KeyCore
@testable import Management
import Primitives
import Synchronization
import TestSupport
import Testing

@Suite("What was done can't be undone, and isn't done twice") struct DoneTests {
    private let switches = Switches()
    private let fixture: APIFixture

    init() throws {
        let switches = switches
        fixture = try APIFixture(publish: { if switches.publishFails { throw SQLError.unavailable("no reader") } })
    }

    private func create(_ name: String, on api: APIFixture? = nil, key: String = "k1") async throws -> TestAnswer {
        try await (api ?? fixture).call("POST", "/api/v1/keys", body: ["name": .string(name)], headers: ["Idempotency-Key": key])
    }

    private func keys(_ api: APIFixture? = nil) async throws -> Int64? {
        try await (api ?? fixture).call("GET", "/api/v1/keys")["total"].integer
    }

    @Test("a creation that the data plane could not be told of is on record as done, and a repetition gets its answer")
    func unpublished() async throws {
        switches.publishFails = true
        let first = try await create("disk")
        #expect(first.code == "done_unconfirmed")
        let record = fixture.audit.records.last { $0.event == .keyCreated }
        #expect(record?.outcome == .allowed)
        #expect(record?.cause == "not-served-yet")
        switches.publishFails = false
        let second = try await create("disk")
        #expect(second.status == 201 && second.headers["idempotency-replayed"] == "true")
        #expect(try await keys() == 1)
    }

    @Test("one whose outcome could not be recorded is not done again either")
    func unrecorded() async throws {
        let audit = fixture.audit
        switches.whenPublished = { audit.fail(.overloaded) }
        let api = try APIFixture(over: fixture.store, publish: { [switches] in switches.whenPublished() }, audit: audit)
        #expect(try await create("disk", on: api).code == "done_unconfirmed")
        audit.fail(nil)
        #expect(try await create("disk", on: api).status == 201)
        #expect(try await keys(api) == 1)
    }

    @Test("one whose answer could not be kept is never done again: whoever repeats it is told to look")
    func unkept() async throws {
        let database = fixture.store.database
        switches.whenPublished = {  // from here on, no answer can be kept
            _ = try? database.writeBlocking { try $0.execute("ALTER TABLE idempotency_keys RENAME TO away") }
        }
        let api = try APIFixture(over: fixture.store, publish: { [switches] in switches.whenPublished() })
        #expect(try await create("disk", on: api).code == "done_unconfirmed")
        try await database.write { try $0.execute("ALTER TABLE away RENAME TO idempotency_keys") }
        let again = try await create("disk", on: api)
        #expect(again.code == "idempotency_unknown")
        #expect(try await keys(api) == 1)
    }

    @Test("what a handler refuses is on record once, with the key and the version that the path names")
    func refusedOnce() async throws {
        let id = try await fixture.makeKey()
        let clerk = try Caller.person("clerk", [.updateKeys])
        let refused = try await fixture.call("PATCH", "/api/v1/keys/\(id)", body: ["export_policy_id": nil], as: clerk)
        #expect(refused.code == "permission_denied")
        let records = fixture.audit.records.filter { $0.actor == "user:clerk" }
        #expect(records.map(\.outcome) == [.begun, .refused])
        #expect(records.allSatisfy { $0.keyID?.description == id && $0.target == id })
    }

    @Test("a record of a path with two parameters names both, in their order, whatever its outcome")
    func named() async throws {
        let id = try await fixture.makeKey()
        for _ in 0..<8 {
            _ = try await fixture.call("PUT", "/api/v1/keys/\(id)/versions/7/state", body: ["state": "suspended"])
            _ = try await fixture.call("PUT", "/api/v1/keys/\(id)/versions/7/state", body: ["state": "suspended"], as: try .person("eve"))
        }
        let records = fixture.audit.records.filter { $0.event == .keyStateChanged }
        #expect(Set(records.map(\.outcome)) == [.begun, .refused])
        #expect(records.allSatisfy { $0.keyID?.description == id && $0.keyVersion == 7 })
        #expect(records.filter { $0.actor == "local:root" }.allSatisfy { $0.target == "\(id) 7" })
        let endpoint = try await fixture.make("/api/v1/endpoints", try await fixture.endpointDraft("e"))
        _ = try await fixture.call("DELETE", "/api/v1/endpoints/\(endpoint)", headers: ["If-Match": "\"9\""])
        #expect(fixture.audit.records.suffix(2).allSatisfy { $0.endpointID?.description == endpoint })
    }

    private final class Switches: Sendable {
        private let fails = Mutex(false)
        private let body = Mutex<@Sendable () -> Void>({})
        var publishFails: Bool {
            get { fails.withLock { $0 } }
            set { fails.withLock { $0 = newValue } }
        }
        var whenPublished: @Sendable () -> Void {
            get { body.withLock { $0 } }
            set { body.withLock { $0 = newValue } }
        }
    }
}
