import Foundation
import FrontDoors
import KeyCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Primitives

@Suite("Salesforce callout: what is on record") struct CalloutAuditTests {
    @Test("SFC-29 every callout leaves a record: endpoint, org, identifier, requestId, proof and whose, address, result, duration")
    func record() async throws {
        let door = try await SalesforceFixture()
        #expect(await door.callout(nonce: "e5ab58fd2ced013f2a46d5c8144dd439").status == 200)
        let record = try #require(door.records.last)
        #expect(record.endpointID == door.endpointID && record.endpointName == "org-1")
        #expect(record.project == SalesforceFixture.organization)
        #expect(record.resource == SalesforceFixture.identifier)
        #expect(record.callerRequestID == "e5ab58fd2ced013f2a46d5c8144dd439")
        #expect(record.principal == "basic:org-1")
        #expect(record.remoteAddress == "13.108.0.7")
        #expect(record.outcome == .allowed && record.status == 200)
        #expect(record.keyID == door.key.id && record.keyVersion == 1)
        #expect(record.latencyMicroseconds != nil)
        #expect(await door.status("Basic eDp5") == 401)
        let refused = try #require(door.records.last)
        #expect(refused.outcome == .refused && refused.cause == "basic-mismatch" && refused.principal == nil)
        #expect(refused.resource == SalesforceFixture.identifier)
    }

    @Test("SFC-29 no record holds the key, the password or the Authorization field")
    func secrets() async throws {
        let source = FakeKeySource(keepsMaterial: true)
        source.generates(Array("this key must not be in records!".utf8))
        let folder = try EKMScratch()
        let journal = try AuditJournal(
            AuditJournalConfiguration(folder: folder.path + "/audit", node: try #require(AuditNode("node-1"))), signer: nil)
        let door = try await SalesforceFixture(.init(source: source, audit: journal))
        #expect(await door.callout(nonce: "n1").status == 200)
        #expect(await door.callout(nonce: "n1").status == 400)
        #expect(await door.status(SalesforceFixture.basic(door.user, door.password + "x")) == 401)
        await journal.close()
        let text = try folder.contents(of: "audit")
        #expect(text.contains(#""caller_request":"n1""#))
        for secret in ["this key must not", door.password, String(door.basic.dropFirst(6).prefix(40)), Base64.string(Array("this key must not be".utf8))] {
            #expect(!text.contains(secret))
        }
    }

    @Test("callouts are counted by outcome, with their time")
    func counted() async throws {
        let door = try await SalesforceFixture()
        _ = await door.callout()
        _ = await door.callout("unknown")
        _ = await door.status("Basic eDp5")
        try await door.endpoints.setState(.paused, of: door.endpointID)
        try await door.reload()
        _ = await door.callout()
        _ = await door.call("/sfdc/org-1/k", authorization: door.basic, method: .POST)
        let counts = Dictionary(uniqueKeysWithValues: door.door.counters.all.map { ("\($0.key.method) \($0.key.outcome.rawValue)", $0.value) })
        #expect(counts == ["fetchKey allowed": 1, "fetchKey refused": 2, "fetchKey failed": 1, "other refused": 1])
        #expect(door.door.counters.door == "salesforce")
    }

    @Test("no record, no key: while the journal can't be written the answer is 503, which takes nothing away for good")
    func journalAway() async throws {
        let door = try await SalesforceFixture()
        door.audit.fail(.unavailable(.deadline))
        #expect(await door.callout().status == 503)
        #expect(await door.callout("unknown").status == 503)
        door.audit.fail(nil)
        #expect(await door.callout().status == 200)
    }

    @Test("a database that is being written by another is no reason to lose a key: this process's memory of nonces is enough")
    func databaseBusy() async throws {
        let door = try await SalesforceFixture(.init(noncePatience: .milliseconds(50)))
        #expect(await door.callout().status == 200)
        let (database, gate) = (door.database, DispatchSemaphore(value: 0))
        let held = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            try? database.writeBlocking { _ in
                held.signal()
                gate.wait()
            }
        }
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                held.wait()
                continuation.resume()
            }
        }
        #expect(await door.callout(nonce: "n1").status == 200)
        #expect(await door.callout(nonce: "n1").status == 400)
        gate.signal()
    }

    @Test("SFC-29 the record of a callout that took too long says whose it was and for what; none says later that it was answered")
    func late() async throws {
        let drawn = DispatchSemaphore(value: 0)
        let door = try await SalesforceFixture(.init(deadline: .seconds(1), draw: {
            drawn.signal()
            return try CompactJWE.Randomness.draw()
        }))
        let (database, gate, held) = (door.database, DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        Thread.detachNewThread {
            try? database.writeBlocking { _ in
                held.signal()
                gate.wait()
            }
        }
        await Self.wait(for: held)
        #expect(await door.callout(nonce: "n1").status == 503)
        gate.signal()
        await Self.wait(for: drawn)
        try await Task.sleep(for: .milliseconds(200))
        let record = try #require(door.records.last)
        #expect(door.records.count == 1, "\(door.records.map(\.outcome))")
        #expect(record.outcome == .failed && record.cause == "deadline" && record.status == 503)
        #expect(record.resource == SalesforceFixture.identifier && record.callerRequestID == "n1" && record.principal == "basic:org-1")
        #expect(record.keyID == door.key.id)
    }

    private static func wait(for semaphore: DispatchSemaphore) async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                semaphore.wait()
                continuation.resume()
            }
        }
    }

    @Test("what hangs is answered with 503 at the deadline")
    func deadline() async throws {
        let door = try await SalesforceFixture(.init(audit: StuckAudit(), deadline: .milliseconds(50)))
        #expect(await door.callout().status == 503)
    }
}

/// A journal on a disk that hangs.
private struct StuckAudit: AuditSink {
    var health: AuditHealth { .green }
    func append(_ record: AuditRecord) async throws(AuditError) { try? await Task.sleep(for: .seconds(5)) }
}
