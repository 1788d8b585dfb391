import Dispatch
import CCurl
import Glibc
import Synchronization

/// The requests that wait, and the threads that take them; threads start when they are first needed.
final class HTTPClientQueue: Sendable {
    private struct State {
        var waiting: [HTTPClientJob] = []
        var running = 0
        var idle = 0
        var threads = 0
        var isClosed = false
    }

    private enum Admission { case refused, waits, needsThread }

    private let maximumThreads: Int
    private let maximumWaiting: Int
    private let state = Mutex(State())
    private let arrivals = DispatchSemaphore(value: 0)

    init(maximumThreads: Int, maximumWaiting: Int) {
        self.maximumThreads = max(1, maximumThreads)
        self.maximumWaiting = max(0, maximumWaiting)
    }

    /// Admits the job, or answers it with `.overloaded` (`.cancelled` after `close`).
    func add(_ job: HTTPClientJob) {
        let (admission, isClosed) = state.withLock { state in (admit(job, &state), state.isClosed) }
        switch admission {
        case .refused: return job.finish(.failure(isClosed ? .cancelled : .overloaded))
        case .waits: break
        case .needsThread:
            if !Self.spawn({ [self] in work() }), state.withLock({ state in retire(&state) }) == 0 {
                remove(job)
                return job.finish(.failure(.library(code: Int(EAGAIN), "no thread could be started")))
            }
        }
        arrivals.signal()
        let wait = HTTPClientSetup.milliseconds(job.request.totalTimeout)
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(wait)) { [weak self, weak job] in
            guard let job else { return }
            job.expire()
            self?.remove(job)
        }
    }

    /// Forgets a job that no longer waits for anything.
    func remove(_ job: HTTPClientJob) { state.withLock { $0.waiting.removeAll { $0 === job } } }

    /// Admits no more, answers those that wait with `.cancelled`, and ends each thread after its running request.
    func close() {
        let (waiting, threads) = state.withLock { state in
            defer { state.waiting = [] }
            state.isClosed = true
            return (state.waiting, state.threads)
        }
        for job in waiting { job.finish(.failure(.cancelled)) }
        for _ in 0..<threads { arrivals.signal() }
    }

    private func admit(_ job: HTTPClientJob, _ state: inout State) -> Admission {
        guard !state.isClosed, state.running + state.waiting.count < maximumThreads + maximumWaiting else { return .refused }
        state.waiting.append(job)
        guard state.idle < state.waiting.count, state.threads < maximumThreads else { return .waits }
        state.threads += 1
        return .needsThread
    }

    private func retire(_ state: inout State) -> Int {
        state.threads -= 1
        return state.threads
    }

    // MARK: Threads

    private func work() {
        var sessions = HTTPClientSessions()
        while let job = next() {
            let outcome = job.start() ? sessions.perform(job) : nil
            state.withLock { $0.running -= 1 }
            if let outcome { job.finish(outcome) }
        }
    }

    /// Waits for a job; nil after `close`.
    private func next() -> HTTPClientJob? {
        state.withLock { $0.idle += 1 }
        defer { state.withLock { $0.idle -= 1 } }
        while true {
            arrivals.wait()
            let (job, isClosed) = state.withLock { state -> (HTTPClientJob?, Bool) in
                guard !state.waiting.isEmpty else { return (nil, state.isClosed) }
                state.running += 1
                return (state.waiting.removeFirst(), false)
            }
            if job != nil || isClosed { return job }
        }
    }

    /// Starts a thread in which a write to a closed connection raises no signal; false if the system has none to give.
    private static func spawn(_ run: @escaping @Sendable () -> Void) -> Bool {
        let thread: Void? = try? NativeThread.start("http client") {
            shim_block_sigpipe()
            run()
        }
        return thread != nil
    }
}
