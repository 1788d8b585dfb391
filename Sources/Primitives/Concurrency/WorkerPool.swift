import Synchronization

/// A few threads of our own for computation that takes milliseconds, with a bounded queue before them: private-key operations must not
/// hold up event loops, nor pile up without limit.
package final class WorkerPool: Sendable {
    /// Why work was not done.
    package enum Failure: Error, Equatable {
        /// Too much waits already.
        case overloaded
        /// It was not done in time.
        case deadlineExceeded
    }

    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var idle: [Int] = []
        var isClosed = false
    }

    private let monitor: Monitor<State>
    private let threads: Int
    private let maximumWaiting: Int

    /// Starts the threads.
    /// - Parameters:
    ///   - maximumWaiting: how much may wait beside what runs.
    /// - Throws: `FileError` if the system has no thread to give.
    package init(_ name: String, threads: Int, maximumWaiting: Int) throws(FileError) {
        let monitor = Monitor(State(), signals: threads)
        (self.monitor, self.threads, self.maximumWaiting) = (monitor, threads, maximumWaiting)
        for index in 0..<threads {
            try NativeThread.start("\(name)-\(index)") {
                while let job = WorkerPool.next(monitor, index) { job() }
            }
        }
    }

    deinit {
        monitor.withLock { $0.isClosed = true }
        for index in 0..<threads { monitor.notify(index) }
    }

    /// Runs `body` on one of the threads.
    /// - Throws: what `body` throws, or `Failure`. What is late still runs if it has begun; what hasn't is dropped.
    package func run<R: Sendable>(within limit: Duration, _ body: @escaping @Sendable () throws -> R) async throws -> R {
        let due = MonotonicClock.nanoseconds + UInt64(clamping: limit.nanoseconds)
        let outcome = await withDeadline(limit) { [self] () -> Result<R, any Error> in
            await withCheckedContinuation { continuation in
                let isTaken = add {
                    guard MonotonicClock.nanoseconds <= due else { return continuation.resume(returning: .failure(Failure.deadlineExceeded)) }
                    continuation.resume(returning: Result { try body() })
                }
                if !isTaken { continuation.resume(returning: .failure(Failure.overloaded)) }
            }
        }
        guard let outcome else { throw Failure.deadlineExceeded }
        return try outcome.get()
    }

    private func add(_ job: @escaping @Sendable () -> Void) -> Bool {
        let (isTaken, thread) = monitor.withLock { state -> (Bool, Int?) in
            guard state.jobs.count < maximumWaiting else { return (false, nil) }
            state.jobs.append(job)
            return (true, state.idle.popLast())
        }
        if let thread { monitor.notify(thread) }
        return isTaken
    }

    /// The next job for a thread; nil when it is to end.
    private static func next(_ monitor: Monitor<State>, _ index: Int) -> (@Sendable () -> Void)? {
        monitor.wait(for: index) { state in
            if !state.jobs.isEmpty {
                state.idle.removeAll { $0 == index }
                return .done(state.jobs.removeFirst())
            }
            if state.isClosed { return .done(nil) }
            if !state.idle.contains(index) { state.idle.append(index) }
            return .wait(until: nil)
        }
    }
}
