import KeyCore
import Primitives
import Synchronization
import TestSupport
import Testing

@Suite("Destructions that are due") struct DueDestructionsTests {
    private let world: KeyDatabase
    private let audit = RecordingAudit()
    private let source = FakeKeySource()

    init() throws { world = try KeyDatabase() }

    private func due(_ name: String) async throws -> KeyID {
        let id = try await world.keys.create(name: name, purpose: .wrap, algorithm: .aes256, source: source).id
        _ = try await world.keys.setState(.deactivated, of: id, version: 1)
        _ = try await world.keys.scheduleDestruction(world.clock.now, of: id, version: 1)
        return id
    }

    private func destructions(_ afterwards: @escaping @Sendable () -> Void = {}) -> DueDestructions {
        DueDestructions(world.keys, audit: audit, clock: world.clock.wall, afterwards: afterwards)
    }

    private var outcomes: [AuditRecord.Outcome?] { audit.records.map(\.outcome) }

    @Test("are on record before and after")
    func record() async throws {
        let id = try await due("k")
        #expect(try await destructions().run().map(\.key) == [id])
        #expect(outcomes == [.begun, .allowed])
        #expect(audit.records.allSatisfy { $0.event == .keyDestroyed && $0.keyID == id && $0.keyVersion == 1 && $0.actor == "schedule" })
        #expect(try await world.sealedMaterial(id, 1) == nil)
    }

    @Test("don't happen without a record of their beginning")
    func noRecord() async throws {
        let id = try await due("k")
        audit.fail(.closed)
        await #expect(throws: AuditError.self) { try await destructions().run() }
        #expect(try await world.sealedMaterial(id, 1) != nil)
    }

    @Test("that have become due since the others were put on record wait for their own record")
    func dueInBetween() async throws {
        let first = try await due("a")
        let second = try await world.keys.create(name: "b", purpose: .wrap, algorithm: .aes256, source: source).id
        _ = try await world.keys.setState(.deactivated, of: second, version: 1)
        let (keys, now) = (world.keys, world.clock.now)
        let log = InterruptedAudit(audit) { _ = try? await keys.scheduleDestruction(now, of: second, version: 1) }
        let destructions = DueDestructions(keys, audit: log, clock: world.clock.wall, afterwards: {})
        #expect(try await destructions.run().map(\.key) == [first])
        #expect(try await world.sealedMaterial(second, 1) != nil)
        #expect(try await destructions.run().map(\.key) == [second])
        #expect(audit.records.map(\.keyID) == [first, first, second, second])
        #expect(outcomes == [.begun, .allowed, .begun, .allowed])
    }

    @Test("whose outcome could not be recorded are recorded the next time, though nothing is due any more")
    func lateRecord() async throws {
        let id = try await due("k")
        let audit = audit
        let destructions = destructions { audit.fail(.closed) }
        await #expect(throws: AuditError.self) { try await destructions.run() }
        #expect(try await world.sealedMaterial(id, 1) == nil)
        #expect(outcomes == [.begun])
        audit.fail(nil)
        #expect(try await destructions.run().isEmpty)
        #expect(outcomes == [.begun, .allowed])
    }

    @Test("are recorded while somebody reads, though the log then still holds the material; it is emptied afterwards")
    func longRead() async throws {
        let id = try await due("k")
        let sealed = try #require(try await world.sealedMaterial(id, 1))
        let truncation = LogTruncation(world.database)
        truncation.ask()
        let isReading = Mutex(false)
        let mayEnd = Mutex(false)
        let database = world.database
        let reader = Task {
            try await database.read { connection in
                _ = try connection.query("SELECT id FROM keys")
                isReading.withLock { $0 = true }
                while !mayEnd.withLock({ $0 }) { NativeThread.sleep(.milliseconds(2)) }
            }
        }
        while !isReading.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
        _ = try await destructions { truncation.ask() }.run()
        #expect(outcomes == [.begun, .allowed])
        #expect(truncation.isDue)
        #expect(try !world.files(holding: sealed).isEmpty)
        mayEnd.withLock { $0 = true }
        try await reader.value
        for _ in 0..<1000 where truncation.isDue {  // the reader's transaction ends a moment after its result
            try truncation.run()
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(!truncation.isDue)
        #expect(try world.files(holding: sealed) == [])
    }
}

/// A log with its first record of which something else happens.
private final class InterruptedAudit: AuditSink {
    private let log: RecordingAudit
    private let isFirst = Mutex(true)
    private let interruption: @Sendable () async -> Void

    init(_ log: RecordingAudit, _ interruption: @escaping @Sendable () async -> Void) { (self.log, self.interruption) = (log, interruption) }

    var health: AuditHealth { log.health }

    func append(_ record: AuditRecord) async throws(AuditError) {
        try await log.append(record)
        let isFirst = isFirst.withLock { isFirst in
            defer { isFirst = false }
            return isFirst
        }
        if isFirst { await interruption() }
    }
}
