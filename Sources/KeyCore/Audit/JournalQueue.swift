import Primitives

/// The state that callers, the writer and the watchdog share: who waits, until when, and how the journal is. It does nothing by itself.
struct JournalQueue: Sendable {
    /// A caller that waits; it is resumed with nil when its record is durable.
    struct Waiter: Sendable {
        let body: [UInt8]
        /// On the monotonic clock, in nanoseconds.
        let deadline: UInt64
        /// Queues even while the writer is stuck.
        let isPatient: Bool
        let continuation: CheckedContinuation<AuditError?, Never>
        /// It was told that it took too long; its record may still be written.
        var isExpired = false

        init(body: [UInt8], deadline: UInt64, isPatient: Bool = false, continuation: CheckedContinuation<AuditError?, Never>) {
            (self.body, self.deadline, self.isPatient, self.continuation) = (body, deadline, isPatient, continuation)
        }
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
    /// When the watchdog looks next, unless it is woken; nil while it is awake.
    private var watchdogSleepsUntil: UInt64?
    private var isClosing = false
    private var closers: [CheckedContinuation<Void, Never>] = []
    private(set) var hasEnded = false
    private(set) var condition = JournalCondition()

    init(limit: Int) { self.limit = limit }

    // MARK: Callers

    /// Queues a caller, and says which threads must be woken; nothing is queued if it throws.
    mutating func enqueue(_ waiter: Waiter) throws(AuditError) -> (writer: Bool, watchdog: Bool) {
        if isClosing { throw .closed }
        if isStuck, !waiter.isPatient { throw .unavailable(.deadline) }
        guard waiting < limit else { throw .overloaded }
        pending.append(waiter)
        let wakesWatchdog = watchdogSleepsUntil.map { waiter.deadline < $0 } ?? false
        if wakesWatchdog { watchdogSleepsUntil = nil }
        defer { isWriterIdle = false }
        return (isWriterIdle, wakesWatchdog)
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
        return expired == 0 ? inFlight : inFlight.filter { !$0.isExpired }
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
        watchdogSleepsUntil = nil
        if hasEnded { return .done([]) }
        var late: [Waiter] = []
        for index in inFlight.indices where inFlight[index].deadline <= now && !inFlight[index].isExpired {
            inFlight[index].isExpired = true
            late.append(inFlight[index])
        }
        expired += late.count
        pending.removeAll { waiter in
            guard waiter.deadline <= now else { return false }
            late.append(waiter)
            return true
        }
        if !late.isEmpty {
            // Without a batch under way nothing is stuck: the writer woke up too late, and nobody would tell when that is over.
            if !inFlight.isEmpty {
                isStuck = true
                condition.setFailure(.deadline, at: time)
            }
            return .done(late)
        }
        let next = (inFlight.lazy.filter { !$0.isExpired }.map(\.deadline).min(), pending.lazy.map(\.deadline).min())
        watchdogSleepsUntil = min(next.0 ?? .max, next.1 ?? .max)
        return .wait(until: watchdogSleepsUntil == .max ? nil : watchdogSleepsUntil)
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
