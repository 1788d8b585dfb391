import Primitives

/// The state that callers, the writer and the watchdog share: who waits, until when, and how the journal is. It does nothing by itself.
struct JournalQueue: Sendable {
    /// A caller that waits; it is resumed with nil when its record is durable.
    struct Waiter: Sendable {
        let body: [UInt8]
        /// On the monotonic clock, in nanoseconds.
        let deadline: UInt64
        let continuation: CheckedContinuation<AuditError?, Never>
    }

    /// What the writer does next.
    enum Work {
        case batch([Waiter])
        case checkpoint
        case close
    }

    let limit: Int
    private var pending: [Waiter] = []
    private var inFlight: [Waiter] = []
    /// How many of `inFlight` have been told that it took too long.
    private var expired = 0
    private var isStuck = false
    private var isWriterIdle = false
    private var isWatchdogAsleep = false
    private var isClosing = false
    private var closers: [CheckedContinuation<Void, Never>] = []
    private(set) var hasEnded = false
    private(set) var condition = JournalCondition()

    init(limit: Int) { self.limit = limit }

    // MARK: Callers

    /// Queues a caller, and says which threads must be woken; nothing is queued if it throws.
    mutating func enqueue(_ waiter: Waiter) throws(AuditError) -> (writer: Bool, watchdog: Bool) {
        if isClosing { throw .closed }
        if isStuck { throw .unavailable(.deadline) }
        guard waiting < limit else { throw .overloaded }
        pending.append(waiter)
        defer { (isWriterIdle, isWatchdogAsleep) = (false, false) }
        return (isWriterIdle, isWatchdogAsleep)
    }

    /// Takes no more records; those that wait are still written.
    mutating func close(_ continuation: CheckedContinuation<Void, Never>?) -> Bool {
        isClosing = true
        guard let continuation else { return hasEnded }
        if !hasEnded { closers.append(continuation) }
        return hasEnded
    }

    /// How many callers wait.
    var waiting: Int { pending.count + inFlight.count - expired }

    /// Forgets a tampering.
    mutating func acknowledge() { condition.tampering = nil }

    // MARK: The writer

    /// What there is to write; all that wait go into one batch.
    mutating func work(checkpointDue: UInt64?, now: UInt64) -> Monitor<JournalQueue>.Turn<Work> {
        if !pending.isEmpty {
            swap(&pending, &inFlight)
            pending.removeAll(keepingCapacity: true)
            return .done(.batch(inFlight))
        }
        if isClosing { return .done(.close) }
        if let checkpointDue, checkpointDue <= now { return .done(.checkpoint) }
        isWriterIdle = true
        return .wait(until: checkpointDue)
    }

    /// The writer is done with its work; gives those who still wait for it.
    mutating func complete(_ fault: AuditFault?, at time: Instant) -> [Waiter] {
        defer {
            inFlight.removeAll(keepingCapacity: true)
            expired = 0
        }
        isStuck = false
        condition.setFailure(fault, at: time)
        return Array(inFlight.dropFirst(expired))
    }

    /// Notes what the writer found besides.
    mutating func note(tampering: AuditTampering?, isUnsigned: Bool, at time: Instant) {
        if let tampering, condition.tampering == nil { condition.tampering = (tampering, time) }
        condition.setUnsigned(isUnsigned, at: time)
    }

    /// The writer has ended; gives those who wait for that.
    mutating func end() -> [CheckedContinuation<Void, Never>] {
        hasEnded = true
        defer { closers = [] }
        return closers
    }

    // MARK: The watchdog

    /// Those whose time is over; done with none when the writer has ended.
    mutating func overdue(now: UInt64, time: Instant) -> Monitor<JournalQueue>.Turn<[Waiter]> {
        if hasEnded { return .done([]) }
        var late = inFlight[expired...].prefix { $0.deadline <= now }
        expired += late.count
        let waiting = pending.prefix { $0.deadline <= now }
        late += waiting
        pending.removeFirst(waiting.count)
        if !late.isEmpty {
            isStuck = true
            condition.setFailure(.deadline, at: time)
            return .done(Array(late))
        }
        let next = (expired < inFlight.count ? inFlight[expired] : pending.first)?.deadline
        isWatchdogAsleep = next == nil
        return .wait(until: next)
    }
}

/// What is wrong with a journal, each with its beginning.
struct JournalCondition: Sendable {
    private var failure: (what: AuditFault, since: Instant)?
    private var unsigned: Instant?
    var tampering: (what: AuditTampering, since: Instant)?

    mutating func setFailure(_ fault: AuditFault?, at time: Instant) { failure = fault.map { ($0, failure?.since ?? time) } }

    mutating func setUnsigned(_ isUnsigned: Bool, at time: Instant) { unsigned = isUnsigned ? unsigned ?? time : nil }

    /// The worst of it.
    var health: AuditHealth {
        if let failure { return .red(failure.what, since: failure.since) }
        if let tampering { return .red(.tampered(tampering.what), since: tampering.since) }
        if let unsigned { return .red(.unsigned, since: unsigned) }
        return .green
    }
}
