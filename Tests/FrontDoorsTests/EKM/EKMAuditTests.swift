import KeyCore
import TestSupport
import Testing

@testable import FrontDoors
@testable import Primitives

@Suite("Google EKM audit") struct EKMAuditTests {
    private static let name = "projects/acme/locations/x/keyRings/r/cryptoKeys/k/cryptoKeyVersions/4"

    @Test("EKM-47 each decision writes one record with who, what, why, from where, how it ended and how long it took")
    func records() async throws {
        let ekm = try await EKMFixture()
        let more = #","additionalContext":{"relativeResourceName":"\#(Self.name)","isKeyHealthCheck":true,"accessReasonContext":{"reason":"WHY NOT"}}"#
        let blob = try #require(try await ekm.wrap(more: more).bytes("wrappedBlob"))
        _ = try await ekm.unwrap(blob, more: more)
        _ = try await ekm.unwrap(Array(blob.dropLast()), more: more)
        _ = try await ekm.call("\(ekm.path):unwrap", "{}", token: try ekm.token.with(["email": #""x@example.com""#]).signed(by: try EKMTestIssuer.google.get()))
        _ = try await ekm.call("\(ekm.path):wrap", "{}", token: nil)
        let records = ekm.audit.records
        #expect(records.map(\.event.description) == ["ekm.wrap", "ekm.unwrap", "ekm.unwrap", "ekm.unwrap", "ekm.wrap"])
        #expect(records.map(\.outcome) == [.allowed, .allowed, .failed, .refused, .refused])
        #expect(records.map(\.status) == [200, 200, 400, 403, 401])
        #expect(records.map(\.cause) == [nil, nil, "undecryptable", "policy-principal", "token-absent"])
        #expect(records.map(\.principal) == [EKMTestToken.client, EKMTestToken.client, EKMTestToken.client, "x@example.com", nil])
        for record in records {
            #expect(record.time == ekm.clock.now && record.requestID == "0123456789abcdef0123456789abcdef" && record.remoteAddress == "35.199.192.7")
            #expect(record.endpointID == ekm.endpointID && record.endpointName == "disk" && record.keyID == ekm.key.id)
            #expect(try #require(record.latencyMicroseconds) >= 0)
        }
        for record in records.prefix(3) {
            #expect(record.resource == Self.name && record.project == "acme" && record.justification == "WHY NOT" && record.isHealthCheck)
        }
        #expect(records.prefix(2).allSatisfy { $0.keyVersion == 1 })
    }

    @Test("EKM-47 no plaintext, blob or token reaches the journal's files, and every answer's record is there before the answer")
    func journal() async throws {
        let clock = EKMTestClock()
        let folder = try EKMScratch()
        var configuration = AuditJournalConfiguration(folder: folder.path + "/audit", node: try #require(AuditNode("n1")))
        configuration.deadline = .seconds(20)
        let journal = try AuditJournal(configuration, signer: nil)
        var options = EKMFixture.Options()
        (options.audit, options.clock) = (journal, clock.wall)
        let ekm = try await EKMFixture(options)
        let dek = Array("canary-data-encryption-key-0001".utf8)
        let token = try EKMTestToken(now: clock.now).signed(by: try EKMTestIssuer.google.get())
        let reply = try await ekm.call("\(ekm.path):wrap", EKMFixture.body("plaintext", Base64.string(dek)), token: token)
        let blob = try #require(reply["wrappedBlob"])
        #expect(try AuditReader(folder: folder.path + "/audit").last(1).first?.event == "ekm.wrap")
        _ = try await ekm.call("\(ekm.path):unwrap", EKMFixture.body("wrappedBlob", blob), token: token)
        _ = try await ekm.call("\(ekm.path):unwrap", EKMFixture.body("wrappedBlob", String(blob.dropLast(4))), token: token)
        _ = try await ekm.call("\(ekm.path):wrap", EKMFixture.body("plaintext", Base64.string(dek)), token: token + "x")
        await journal.close()
        let text = try folder.contents(of: "audit")
        #expect(text.contains(#""event":"ekm.unwrap""#) && text.contains(#""cause":"token-"#))
        let signature = String(token.split(separator: ".")[2])
        for secret in [String(decoding: dek, as: UTF8.self), Base64.string(dek), blob, String(blob.dropLast(4)), token, signature, Hex.string(dek)] {
            #expect(!text.contains(secret))
        }
        #expect(try ekm.scanFiles(for: [dek, Array(Base64.string(dek).utf8)]) == 0, "nor the database's")
    }

    @Test("EKM-47 nobody's flood is written out: beyond the rate it is counted, and the count is told; refusals of known callers are all written")
    func flood() async throws {
        var options = EKMFixture.Options()
        options.refusalsPerSecond = 5
        let ekm = try await EKMFixture(options)
        for _ in 0..<100 { #expect(try await ekm.call("\(ekm.path):wrap", "{}", token: "x").status == 401) }
        #expect(ekm.audit.records.count < 50)
        let written = ekm.audit.records.count
        for _ in 0..<100 { #expect(try await ekm.unwrap([1]).status == 400) }
        #expect(ekm.audit.records.filter { $0.principal != nil }.count == 100)
        try await Task.sleep(for: .milliseconds(500))
        _ = try await ekm.call("\(ekm.path):wrap", "{}", token: "x")
        let suppressed = ekm.audit.records.compactMap(\.suppressed).reduce(0, +)
        #expect(suppressed + ekm.audit.records.filter { $0.principal == nil }.count == 101 && written >= 5)
    }

    @Test("EKM-48 requests flagged as health checks are executed normally and counted apart")
    func healthChecks() async throws {
        let ekm = try await EKMFixture()
        let flag = #","additionalContext":{"isKeyHealthCheck":true}"#
        let blob = try #require(try await ekm.wrap(more: flag).bytes("wrappedBlob"))
        #expect(try await ekm.unwrap(blob, more: flag).bytes("plaintext") == Array("dek".utf8))
        _ = try await ekm.unwrap(blob)
        _ = try await ekm.unwrap([1], more: flag)
        typealias Kind = DoorCounters.Kind
        #expect(ekm.door.counters.all == [
            Kind(method: "wrap", outcome: .allowed, isHealthCheck: true): 1, Kind(method: "unwrap", outcome: .allowed, isHealthCheck: true): 1,
            Kind(method: "unwrap", outcome: .allowed, isHealthCheck: false): 1, Kind(method: "unwrap", outcome: .failed, isHealthCheck: true): 1,
        ])
        #expect(ekm.audit.records.map(\.isHealthCheck) == [true, true, false, true])
    }
}
