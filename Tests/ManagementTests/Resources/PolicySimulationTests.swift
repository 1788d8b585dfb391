import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Simulation against the journal") struct PolicySimulationTests {
    @Test("replays recorded decisions, and tells which a draft would make otherwise")
    func replay() async throws {
        let store = try KeyDatabase()
        let folder = store.folder + "/replayed"
        try await Self.record(folder, store.clock)
        var resources = ResourceServices()
        let reader = AuditReader(folder: folder)
        resources.journal = { try reader.last($0, where: $1) }
        let api = try APIFixture(over: store, resources: resources)
        func simulate(_ principals: String, _ more: KeyValuePairs<String, JSONValue> = [:]) async throws -> TestAnswer {
            let source = "version: 1\nname: d\nrules:\n  - {name: r, effect: allow, operations: [unwrap], principals: \(principals), justifications: any}\n"
            return try await api.call("POST", "/api/v1/policies/simulate", body: (["source": .string(source)] as JSONValue).adding(more))
        }
        let same = try await simulate("[a@example.com]")
        #expect(same["considered"] == 3)
        #expect(same["skipped"] == 1)
        #expect(same["unchanged"] == 3)
        let swapped = try await simulate("[b@example.com]")
        #expect(swapped["newly_refused"] == 2)
        #expect(swapped["newly_allowed"] == 1)
        #expect(swapped["examples"].array?.first?["principal"] == "a@example.com")
        #expect(swapped["examples"].array?.first?["after"]?["cause"] == "principal")
        #expect(try await simulate("[b@example.com]", ["limit": 1])["considered"].integer ?? 9 <= 1)
        #expect(try await simulate("[b@example.com]", ["since": "2050-01-01T00:00:00Z"])["considered"] == 0)
        #expect(try await simulate("nobody").status == 400)
        #expect(try await simulate("[b@example.com]", ["endpoint_id": .string(try EndpointID.random().description)]).status == 404)
    }

    /// A journal with two uses by a, a refusal of b by policy, and a refusal that no policy made.
    private static func record(_ folder: String, _ clock: TestClock) async throws {
        var configuration = AuditJournalConfiguration(folder: folder, node: try #require(AuditNode("n1")))
        configuration.deadline = .seconds(20)
        let journal = try AuditJournal(configuration, signer: nil)
        for (index, name) in ["a", "a", "b", "c"].enumerated() {
            var record = AuditRecord(AuditEvent("ekm.unwrap"), index < 2 ? .allowed : .refused, at: clock.now)
            record.principal = "\(name)@example.com"
            record.cause = index == 2 ? "policy-principal" : index == 3 ? "endpoint-paused" : nil
            record.keyID = KeyID("0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77")
            try await journal.append(record)
        }
        await journal.close()
    }
}
