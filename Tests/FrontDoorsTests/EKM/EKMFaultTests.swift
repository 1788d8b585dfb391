import FrontDoors
import KeyCore
import Plugins
import Synchronization
import TestSupport
import Testing

@testable import Primitives

@Suite("Google EKM when something is down") struct EKMFaultTests {
    private static let words = ["sqlite", "holdfast", "/", "secret-host", "7777", "locked", "database", "errno"]

    private func remote(_ mood: EKMTestKeySource.Mood, deadline: Duration = .seconds(30)) async throws -> (EKMFixture, EKMTestKeySource, [UInt8]) {
        let source = EKMTestKeySource(EmbeddedKeySource())
        var options = EKMFixture.Options()
        options.source = source
        options.keySourceDeadline = deadline
        let ekm = try await EKMFixture(options)
        let blob = try await ekm.blob()
        source.become(mood)
        return (ekm, source, blob)
    }

    private func expectHarmless(_ reply: EKMReply, _ status: Int = 503, _ code: Int64 = 14) {
        #expect(reply.status == status && reply.code == code)
        let text = (reply.message ?? "?").lowercased()
        for word in Self.words { #expect(!text.contains(word), "\(text)") }
        #expect(reply["plaintext"] == nil && reply["wrappedBlob"] == nil)
    }

    @Test("EKM-23 a key source that is down gives 503, never 403 or 404, and nothing of its words")
    func sourceDown() async throws {
        let (ekm, source, blob) = try await remote(.fails(.unavailable("CKR_DEVICE_ERROR at secret-host:7777 /opt/hsm")))
        expectHarmless(try await ekm.wrap())
        expectHarmless(try await ekm.unwrap(blob))
        #expect(ekm.audit.records.suffix(2).allSatisfy { $0.outcome == .failed && $0.cause == "source-unavailable" && $0.status == 503 })
        source.become(.fails(.deadlineExceeded))
        expectHarmless(try await ekm.unwrap(blob), 504, 4)
        source.become(.well)
        #expect(try await ekm.unwrap(blob).status == 200)
    }

    @Test("EKM-23 a closed database gives 503 for a key that isn't in memory; one in memory still works")
    func databaseClosed() async throws {
        let ekm = try await EKMFixture()
        let blob = try await ekm.blob()
        try ekm.database.close()
        #expect(try await ekm.unwrap(blob).status == 200)
        ekm.cache.invalidateAll()
        expectHarmless(try await ekm.unwrap(blob))
        expectHarmless(try await ekm.wrap())
        #expect(ekm.audit.records.last?.outcome == .failed)
    }

    @Test("EKM-23 a database that another process holds locked doesn't hurt, or gives 503")
    func databaseLocked() async throws {
        let ekm = try await EKMFixture()
        let blob = try await ekm.blob()
        let other = try SQLiteDatabase(path: ekm.folder + "/holdfast.db", busyTimeout: .milliseconds(100))
        let flags = (held: Flag(), released: Flag())
        try NativeThread.start("locker") {
            try? other.writeBlocking { connection in
                try connection.execute("UPDATE keys SET name = $1", ["locked"])
                flags.held.raise()
                while !flags.released.isUp { NativeThread.sleep(.milliseconds(5)) }
            }
        }
        while !flags.held.isUp { try await Task.sleep(for: .milliseconds(5)) }
        ekm.cache.invalidateAll()
        for reply in [try await ekm.unwrap(blob), try await ekm.wrap()] { #expect(reply.status == 200 || reply.status == 503) }
        await #expect(throws: StoreError.self) { try await ekm.endpoints.setState(.disabled, of: ekm.endpointID) }
        flags.released.raise()
        try other.close()
    }

    @Test("EKM-23 a row of the database that was tampered with gives 503, not the key of another")
    func tampered() async throws {
        let ekm = try await EKMFixture()
        let blob = try await ekm.blob()
        let twin = try await ekm.keys.create(name: "twin", purpose: .wrap, algorithm: .aes256, source: EmbeddedKeySource())
        try await ekm.database.execute(
            "UPDATE key_versions SET material = (SELECT material FROM key_versions WHERE key_id = $2) WHERE key_id = $1",
            [.text(ekm.key.id.description), .text(twin.id.description)])
        ekm.cache.invalidateAll()
        expectHarmless(try await ekm.unwrap(blob))
    }

    @Test("EKM-23 no audit, no key: wrap and unwrap give 503, and a refusal that can't be recorded too")
    func auditDown() async throws {
        let ekm = try await EKMFixture()
        let blob = try await ekm.blob()
        for error in [AuditError.overloaded, .closed, .unavailable(.deadline)] {
            ekm.audit.fail(error)
            expectHarmless(try await ekm.wrap())
            expectHarmless(try await ekm.unwrap(blob))
            expectHarmless(try await ekm.unwrap([1, 2, 3]))
            expectHarmless(try await ekm.call("\(ekm.path):wrap", "{}", token: nil))
        }
        ekm.audit.fail(nil)
        #expect(try await ekm.unwrap(blob).status == 200)
    }

    @Test("EKM-34 a key source that stalls is answered with 504 code 4 at the deadline, and its late result goes nowhere")
    func stall() async throws {
        let (ekm, source, blob) = try await remote(.stalls(.seconds(300)), deadline: .seconds(2))
        let clock = ContinuousClock()
        let start = clock.now
        expectHarmless(try await ekm.unwrap(blob), 504, 4)
        expectHarmless(try await ekm.wrap(), 504, 4)
        #expect(clock.now - start < .seconds(120), "nobody waited for the source")
        #expect(source.uses == 3 && ekm.audit.records.filter { $0.outcome == .allowed }.count == 1)
        #expect(ekm.audit.records.last?.cause == "deadline")
    }

    @Test("EKM-49 messages hold no path, no backend's text and no id of anybody")
    func messages() async throws {
        let ekm = try await EKMFixture()
        let otherPath = try await ekm.addEndpoint("other-tenant", hostname: "other.example.com")
        let twin = try await ekm.keys.create(name: "twin", purpose: .wrap, algorithm: .aes256, source: EmbeddedKeySource())
        let header = WrappedBlob.Header(keyID: twin.id, version: 1, algorithm: .xaes256GCM).bytes
        let google = try EKMTestIssuer.google.get()
        var replies = [
            try await ekm.unwrap(header + [UInt8](repeating: 0, count: 64)), try await ekm.unwrap([0x48]), try await ekm.wrap(path: "v0/none"),
            try await ekm.wrap(path: otherPath), try await ekm.call("wrap", "{"), try await ekm.wrap(more: reason(#""\u003cscript>"#)), try await ekm.call("x/../y", "", token: nil),
            try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: try ekm.token.with(["email": #""other@example.com""#]).signed(by: google)),
            try await ekm.call("\(ekm.path):wrap", "{}", token: try ekm.token.with(["aud": #""https://x""#]).signed(by: google)),
        ]
        try ekm.database.close()
        ekm.cache.invalidateAll()
        replies.append(try await ekm.wrap())
        let secrets = [ekm.key.id.description, twin.id.description, ekm.folder, ekm.path, otherPath, "other-tenant", "other.example.com", "ekm.example.com", EKMTestToken.client, "SQLite", "disk", "twin"]
        for reply in replies {
            let text = String(decoding: reply.body, as: UTF8.self)
            #expect(reply.status >= 400 && reply.code != nil, "\(text)")
            for secret in secrets { #expect(!text.contains(secret), "\(text)") }
            #expect(!text.contains("<script"))
        }
    }
}

/// Goes up once.
private final class Flag: Sendable {
    private let state = Atomic(false)
    var isUp: Bool { state.load(ordering: .acquiring) }
    func raise() { state.store(true, ordering: .releasing) }
}
