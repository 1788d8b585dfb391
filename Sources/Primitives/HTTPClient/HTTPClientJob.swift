import CCurl
import Synchronization

/// One request on its way: waiting, running or finished. It is answered exactly once.
final class HTTPClientJob: Sendable {
    typealias Outcome = Result<HTTPClientResponse, HTTPClientError>

    private struct State {
        var continuation: CheckedContinuation<Outcome, Never>?
        var isCancelled = false
        var isFinished = false
        var isStarted = false
        var multi: UInt = 0  // address of the CURLM that runs it; 0 if none
    }

    let request: HTTPClientRequest
    let deadline: ContinuousClock.Instant
    private let state = Mutex(State())

    init(_ request: HTTPClientRequest) {
        self.request = request
        deadline = .now + .milliseconds(HTTPClientSetup.milliseconds(request.totalTimeout))
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Whom to answer.
    /// - Returns: false if the job was cancelled already, and the answer given.
    func attach(_ continuation: CheckedContinuation<Outcome, Never>) -> Bool {
        let isWanted = state.withLock { state in
            if state.isCancelled { return false }
            state.continuation = continuation
            return true
        }
        if !isWanted { continuation.resume(returning: .failure(.cancelled)) }
        return isWanted
    }

    /// Takes the job out of waiting.
    /// - Returns: false if it was answered while it waited.
    func start() -> Bool {
        state.withLock { state in
            guard !state.isFinished else { return false }
            state.isStarted = true
            return true
        }
    }

    /// Says which CURLM is to be woken when the task is cancelled. `setRunning(on: nil)` must precede its end.
    func setRunning(on multi: UnsafeMutableRawPointer?) {
        state.withLock { $0.multi = UInt(bitPattern: multi) }
    }

    /// Gives the answer, unless it was given.
    func finish(_ outcome: Outcome) {
        let continuation = state.withLock { state in
            state.isFinished = true
            return state.continuation.take()
        }
        continuation?.resume(returning: outcome)
    }

    /// Answers a waiting job at once, and makes a running one stop.
    func cancel() {
        let isWaiting = state.withLock { state in
            state.isCancelled = true
            if let multi = UnsafeMutableRawPointer(bitPattern: state.multi) { curl_multi_wakeup(multi) }
            return !state.isStarted && state.continuation != nil
        }
        if isWaiting { finish(.failure(.cancelled)) }
    }

    /// Answers a job that still waits at its deadline.
    func expire() {
        if !state.withLock({ $0.isStarted }) { finish(.failure(.timedOut(.queue))) }
    }
}
