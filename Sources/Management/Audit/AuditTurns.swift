import Primitives
import Synchronization

/// Lets few searches of the audit run at once, so that long ones leave readers of the database to everybody else: two run, some wait, and
/// whoever comes then is told to come back.
final class AuditTurns: Sendable {
    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let limit: Int
    private let maxWaiting: Int
    private let state = Mutex(State())

    init(limit: Int = 2, waiting: Int = 8) { (self.limit, maxWaiting) = (limit, waiting) }

    /// Runs `body` when it is its turn.
    /// - Parameter isPatient: whether it waits however many wait already: what has begun to be sent can't be refused any more.
    /// - Throws: `.unavailable` if too many wait.
    func take<R: Sendable>(isPatient: Bool = false, _ body: @Sendable () async throws -> R) async throws -> R {
        guard isPatient || state.withLock({ $0.running < limit || $0.waiting.count < maxWaiting }) else {
            throw Problem.unavailable("too many searches of the audit are running", cause: "the audit's turns are taken")
        }
        await withCheckedContinuation { continuation in
            let isNow = state.withLock { state in
                guard state.running < limit else {
                    state.waiting.append(continuation)
                    return false
                }
                state.running += 1
                return true
            }
            if isNow { continuation.resume() }
        }
        defer { leave() }
        return try await body()
    }

    /// Gives the turn to who waits longest.
    private func leave() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.running -= 1
            return nil
        }
        next?.resume()
    }
}
