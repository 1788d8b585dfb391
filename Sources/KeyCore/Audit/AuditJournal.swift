import Primitives
import Synchronization

/// The tamper-evident journal: append-only JSON Lines segments, one chain of hashes through all records of a node, signed checkpoints.
///
/// Callers serialise their records and wait; one thread writes whatever waits, with one `fdatasync` for all (group commit). A second
/// thread, asleep while nobody waits, refuses those who wait too long. It fails closed: an append returns when the record is
/// durable, or throws. A record may become durable after its append was refused for its deadline; the reverse can't happen.
///
/// Before each batch the open segment's path must name the open file at its exact size; otherwise the batch goes to a fresh
/// segment that begins with `journal.tampered`, and the health is red until `acknowledge` or a restart.
package final class AuditJournal: AuditSink {
    private let core: JournalCore
    /// What its writer did.
    package let metrics = AuditJournalMetrics()

    /// Opens the node's journal, or begins it, and starts its threads.
    /// - Parameters:
    ///   - signer: signs the checkpoints; nil leaves them unsigned.
    ///   - anchor: the last head that `headStore` got; what is missing before it is noticed here.
    ///   - headStore: is told each checkpoint's own place in the chain when it is durable, on the writer thread: it must return at once.
    /// - Throws: `.locked` if somebody writes this node's journal; `.unavailable` if the folder can't be read or written.
    package convenience init(
        _ configuration: AuditJournalConfiguration, signer: CheckpointSigner?, anchor: AuditHead? = nil,
        headStore: @escaping @Sendable (AuditHead) -> Void = { _ in }
    ) throws(AuditError) {
        try self.init(configuration, signer: signer, anchor: anchor, headStore: headStore, files: DiskFiles())
    }

    init(
        _ configuration: AuditJournalConfiguration, signer: CheckpointSigner?, anchor: AuditHead? = nil,
        headStore: @escaping @Sendable (AuditHead) -> Void = { _ in }, files: any JournalFiles
    ) throws(AuditError) {
        do {
            try Directory.create(configuration.folder)
            let lock = try FileLock("\(configuration.folder)/journal-\(configuration.node).lock")
            var writer = JournalWriter(
                configuration, chain: AuditChain(node: configuration.node), files: files, signer: signer, headStore: headStore,
                metrics: metrics)
            try writer.start(anchor: anchor)
            core = JournalCore(configuration, lock: lock)
            try core.run(writer)
        } catch {
            throw error.category == .locked ? .locked(configuration.node) : .unavailable(.file(error))
        }
    }

    deinit { core.close(nil) }

    /// Makes the record durable.
    /// - Throws: `.unavailable` (at once after a disk error; after the deadline if the disk is slow; at once while it is stuck),
    ///   `.overloaded`, or `.closed`. The journal recovers by itself.
    package func append(_ record: AuditRecord) async throws(AuditError) {
        let body = record.json()
        let error = await withCheckedContinuation { continuation in core.enqueue(body, continuation) }
        if let error { throw error }
    }

    /// The same for whoever has the time: waits so long, if that is longer than the deadline, also while the disk is slow.
    package func append(_ record: AuditRecord, within patience: Duration) async throws(AuditError) {
        let body = record.json()
        let error = await withCheckedContinuation { continuation in core.enqueue(body, within: patience, continuation) }
        if let error { throw error }
    }

    /// Whether records become durable and nothing was disturbed.
    package var health: AuditHealth { core.queue.withLock { $0.condition.health } }

    /// How many records wait to become durable.
    package var waiting: Int { core.queue.withLock { $0.waiting } }

    /// An administrator has taken note of a tampering: the health is no longer red for it. Record who did so as an act of management.
    package func acknowledge() { core.queue.withLock { $0.acknowledge() } }

    /// Writes what waits and a last checkpoint, and gives up the lock. Later appends throw `.closed`.
    package func close() async { await withCheckedContinuation { continuation in core.close(continuation) } }
}

/// What the journal and its two threads share; it lives until the writer has ended.
final class JournalCore: Sendable {
    private static let writerSignal = 0
    private static let watchdogSignal = 1
    /// After a batch of at least so many records …
    private static let crowd = 2
    /// … the next ones are given this long to gather: under load that more than halves the number of syncs and thread switches for half a
    /// millisecond of latency. A lone caller never waits.
    private static let gathering = Duration.microseconds(400)
    let queue: Monitor<JournalQueue>
    private let deadline: UInt64
    private let clock: WallClock
    private let lock: Mutex<FileLock?>

    init(_ configuration: AuditJournalConfiguration, lock: FileLock) {
        self.lock = Mutex(lock)
        queue = Monitor(JournalQueue(limit: configuration.queueLimit), signals: 2)
        deadline = UInt64(clamping: configuration.deadline.nanoseconds)
        clock = configuration.clock
    }

    func enqueue(_ body: [UInt8], within patience: Duration? = nil, _ continuation: CheckedContinuation<AuditError?, Never>) {
        let nanoseconds = max(patience.map { UInt64(clamping: $0.nanoseconds) } ?? 0, deadline)
        let waiter = JournalQueue.Waiter(
            body: body, deadline: MonotonicClock.nanoseconds + nanoseconds, isPatient: patience != nil, continuation: continuation)
        do {
            let wake = try queue.withLock { queue throws(AuditError) in try queue.enqueue(waiter) }
            if wake.writer { queue.notify(JournalCore.writerSignal) }
            if wake.watchdog { queue.notify(JournalCore.watchdogSignal) }
        } catch {
            continuation.resume(returning: error)
        }
    }

    func close(_ continuation: CheckedContinuation<Void, Never>?) {
        if queue.withLock({ $0.close(continuation) }) { continuation?.resume() }
        queue.notify(JournalCore.writerSignal)
    }

    func run(_ initial: JournalWriter) throws(FileError) {
        var writer = initial
        note(&writer)
        try NativeThread.start("audit watchdog") { self.watch() }
        do {
            try NativeThread.start("audit writer") { [writer] in self.write(writer) }
        } catch {
            end()
            throw error
        }
    }

    private func write(_ initial: JournalWriter) {
        var writer = initial
        while true {
            let due = writer.checkpointDue
            let work = queue.wait(for: JournalCore.writerSignal) { $0.work(checkpointDue: due, now: MonotonicClock.nanoseconds) }
            var fault: AuditFault?
            do {
                switch work {
                case .batch(let waiters): try writer.commit(waiters.map(\.body))
                case .checkpoint, .close: try writer.commitCheckpoint()
                }
            } catch {
                fault = .file(error)
                writer.metrics.failedBatches.add()
            }
            note(&writer)
            let (time, answer) = (clock.now, fault.map(AuditError.unavailable))
            for waiter in queue.withLock({ $0.complete(fault, at: time) }) { waiter.continuation.resume(returning: answer) }
            if case .close = work { break }
            if case .batch(let waiters) = work, waiters.count >= JournalCore.crowd { NativeThread.sleep(JournalCore.gathering) }
            if let due, due <= MonotonicClock.nanoseconds, writer.checkpointDue == due { writer.postponeCheckpoint() }
        }
        end()
    }

    private func note(_ writer: inout JournalWriter) {
        let (time, tampering, isUnsigned) = (clock.now, writer.newTampering, writer.isUnsigned)
        queue.withLock { $0.note(tampering: tampering, isUnsigned: isUnsigned, at: time) }
        writer.newTampering = nil
    }

    private func end() {
        lock.withLock { $0 = nil }
        for continuation in queue.withLock({ $0.end() }) { continuation.resume() }
        queue.notify(JournalCore.watchdogSignal)
    }

    private func watch() {
        while true {
            let late = queue.wait(for: JournalCore.watchdogSignal) { $0.overdue(now: MonotonicClock.nanoseconds, time: self.clock.now) }
            if late.isEmpty { return }
            for waiter in late { waiter.continuation.resume(returning: .unavailable(.deadline)) }
        }
    }
}
