import Glibc
import Primitives
import Synchronization
import Testing

@testable import KeyCore

@Suite("Audit journal, failing disk") struct AuditJournalFaultTests {
    let folder = AuditFolder()
    let files = FaultyFiles()

    @Test("refuses a record that isn't durable in time, refuses others at once while the disk is stuck, and recovers by itself")
    func slow() async throws {
        let journal = try folder.journal(files) { $0.deadline = .seconds(1) }
        files.set { $0.isStuck = true }
        let start = MonotonicClock.nanoseconds
        await #expect(throws: AuditError.unavailable(.deadline)) { try await journal.append(.test("slow")) }
        let waited = MonotonicClock.nanoseconds - start
        #expect(waited >= 1_000_000_000)
        guard case .red(.deadline, _) = journal.health else {
            Issue.record("health is \(journal.health)")
            return
        }
        let second = MonotonicClock.nanoseconds
        await #expect(throws: AuditError.unavailable(.deadline)) { try await journal.append(.test("meanwhile")) }
        #expect(MonotonicClock.nanoseconds - second < 1_000_000_000)
        files.set { $0.isStuck = false }
        #expect(try await eventually { journal.health == .green })
        try await journal.append(.test("after"))
        await journal.close()
        #expect(try folder.verify().isIntact)
        let text = try folder.lines(firstSegment).joined()
        #expect(text.contains("\"slow\"") && text.contains("\"after\"") && !text.contains("meanwhile"))
    }

    @Test("has a deadline of 50 ms unless told otherwise, and keeps it")
    func deadline() async throws {
        #expect(AuditJournalConfiguration(folder: "", node: AuditNode("n1")!).deadline == .milliseconds(50))
        let journal = try folder.journal(files) { $0.deadline = .milliseconds(50) }
        try await journal.append(.test("the watchdog sleeps again after this"))
        files.set { $0.isStuck = true }
        let start = MonotonicClock.nanoseconds
        await #expect(throws: AuditError.unavailable(.deadline)) { try await journal.append(.test("slow")) }
        let waited = MonotonicClock.nanoseconds - start
        #expect(waited >= 50_000_000)
        files.set { $0.isStuck = false }
    }

    @Test("refuses those who wait behind a stuck batch when their own time is over, and never writes their records")
    func waiting() async throws {
        let journal = try folder.journal(files) { $0.deadline = .milliseconds(300) }
        files.set { $0.isStuck = true }
        let first = Task { try await journal.append(.test("first")) }
        #expect(try await eventually { try folder.events().contains("test.unwrap") })
        await #expect(throws: AuditError.unavailable(.deadline)) { try await journal.append(.test("second")) }
        await #expect(throws: AuditError.unavailable(.deadline)) { try await first.value }
        files.set { $0.isStuck = false }
        await journal.close()
        #expect(!(try folder.lines(firstSegment).joined().contains("\"second\"")))
        #expect(try folder.verify().isIntact)
    }

    @Test("for whoever has the time waits longer, also when others were refused, and tells of the disk in the end", .timeLimit(.minutes(1)))
    func patience() async throws {
        let journal = try folder.journal(files) { $0.deadline = .milliseconds(50) }
        let patient = PatientAuditSink(journal, patience: .seconds(30))
        files.set { $0.isStuck = true }
        let early = Task { try await patient.append(.test("early")) }
        await #expect(throws: AuditError.unavailable(.deadline)) { try await journal.append(.test("hasty")) }
        await #expect(throws: AuditError.unavailable(.deadline)) { try await journal.append(.test("hasty")) }
        let late = Task { try await patient.append(.test("late")) }
        await #expect(throws: AuditError.unavailable(.deadline)) {
            try await PatientAuditSink(journal, patience: .milliseconds(100)).append(.test("given up"))
        }
        files.set { $0.isStuck = false }
        try await early.value
        try await late.value
        await journal.close()
        let text = try folder.lines(firstSegment).joined()
        #expect(text.contains("\"early\"") && text.contains("\"late\"") && !text.contains("given up"))
        #expect(try folder.verify().isIntact)
    }

    @Test("is not stuck because its writer woke up too late: the next record is taken")
    func lateWriter() async throws {
        let box = QueueBox()
        let late = Task { await box.wait(until: 10) }
        #expect(try await eventually { box.queue.withLock { $0.waiting == 1 } })
        guard case .done(let overdue) = box.queue.withLock({ $0.overdue(now: 20, time: Instant(seconds: 0)) }) else {
            Issue.record("nobody was late")
            return
        }
        for waiter in overdue { waiter.continuation.resume(returning: .unavailable(.deadline)) }
        let refusal: AuditError? = await late.value
        #expect(refusal == AuditError.unavailable(.deadline))
        #expect(box.queue.withLock { $0.condition.health } == .green)
        let next = Task { await box.wait(until: .max) }
        #expect(try await eventually { box.queue.withLock { $0.waiting == 1 } })
        guard case .done(.batch) = box.queue.withLock({ $0.work(checkpointDue: nil, now: 30) }) else {
            Issue.record("nothing to write")
            return
        }
        for waiter in box.queue.withLock({ $0.complete(nil, at: Instant(seconds: 0)) }) { waiter.continuation.resume(returning: nil) }
        let written: AuditError? = await next.value
        #expect(written == nil)
    }

    @Test("tells a full disk at once, takes back the half-written lines, and goes on when there is room", arguments: [0, 1, 50, 300])
    func noSpace(written: Int) async throws {
        let journal = try folder.journal(files)
        try await journal.append(.test("before"))
        let size = try folder.read(firstSegment).count
        files.set { $0.append = (written, ENOSPC) }
        for _ in 0..<3 {
            let error = await #expect(throws: AuditError.self) { try await journal.append(.test("lost")) }
            guard case .unavailable(.file(let cause)) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(cause.category == .noSpace)
        }
        #expect(journal.health != .green)
        #expect(try folder.read(firstSegment).count == size)
        files.set { $0.append = nil }
        try await journal.append(.test("after"))
        #expect(journal.health == .green)
        await journal.close()
        #expect(try folder.verify().isIntact)
        #expect(try folder.names() == [firstSegment])
        #expect(!(try folder.lines(firstSegment).joined().contains("lost")))
    }

    @Test("leaves a segment that it can't take back or that failed to synchronise, and says so in the next one", arguments: [
        (append: 1 << 20, sync: nil as Int32?, truncate: EIO as Int32?), (append: 77, sync: nil, truncate: EIO),
        (append: nil, sync: EIO, truncate: nil), (append: nil, sync: EIO, truncate: EIO),
    ] as [(append: Int?, sync: Int32?, truncate: Int32?)])
    func abandoned(append: Int?, sync: Int32?, truncate: Int32?) async throws {
        let heads = Heads()
        let journal = try folder.journal(files, heads: heads)
        try await journal.append(.test("before"))
        files.set { faults in
            faults.append = append.map { ($0, EIO) }
            (faults.sync, faults.truncate) = (sync, truncate)
        }
        for _ in 0..<2 { await #expect(throws: AuditError.self) { try await journal.append(.test("lost")) } }
        files.set { faults in (faults.append, faults.sync, faults.truncate) = (nil, nil, nil) }
        try await journal.append(.test("after"))
        #expect(journal.health == .green)
        await journal.close()
        let report = try folder.verify(anchors: heads.all)
        #expect(report.isIntact, "\(String(describing: report.nodes[0].finding))")
        #expect(report.nodes[0].abandoned > 0 || truncate == nil)
        #expect(try folder.lines(try #require(try folder.names().last))[0].contains("\"abandons\":true"))
        await (try folder.journal()).close()
        #expect(try folder.verify(anchors: heads.all).isIntact)
    }

    @Test("does not start where it can't write")
    func start() throws {
        files.set { $0.append = (0, ENOSPC) }
        #expect(throws: AuditError.self) { try folder.journal(files) }
        files.set { $0.append = nil }
        #expect(throws: AuditError.self) { try folder.journal { $0.folder = "/nonexistent/folder" } }
        #expect(throws: Never.self) { try folder.journal(files) }
    }

    @Test("writes nothing and releases nobody without its folder")
    func folderGone() async throws {
        let journal = try folder.journal()
        try await journal.append(.test("before"))
        let moved = folder.path + "-moved"
        rename(folder.path, moved)
        await #expect(throws: AuditError.self) { try await journal.append(.test("nowhere")) }
        rename(moved, folder.path)
        try await journal.append(.test("after"))
        guard case .red(.tampered, _) = journal.health else {
            Issue.record("health is \(journal.health)")
            return
        }
        await journal.close()
        #expect(try folder.verify().isIntact)
        #expect(try folder.events().contains("journal.tampered"))
    }
}

/// A queue without journal and threads.
private final class QueueBox: Sendable {
    let queue = Mutex(JournalQueue(limit: 10))

    /// Waits as a caller of the journal does.
    func wait(until deadline: UInt64) async -> AuditError? {
        await withCheckedContinuation { (continuation: CheckedContinuation<AuditError?, Never>) in
            let waiter = JournalQueue.Waiter(body: [], deadline: deadline, continuation: continuation)
            queue.withLock { queue in
                do { _ = try queue.enqueue(waiter) } catch { continuation.resume(returning: error as? AuditError) }
            }
        }
    }
}
