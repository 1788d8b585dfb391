package import Primitives
import Synchronization

/// Where passwords are hashed: on a few threads of its own, so that neither Swift's cooperative threads nor memory are used up by people who
/// sign in. What doesn't fit into its queue is refused at once.
package final class PasswordBench: Sendable {
    private struct State {
        var threads = 0
        var waiting: [@Sendable () -> Void] = []
        var evaluations = 0
    }

    /// What new hashes cost.
    package let cost: PasswordCost
    private let maxThreads: Int
    private let maxWaiting: Int
    private let state = Mutex(State())

    /// A bench that hashes `threads` passwords at once and lets `waiting` more wait.
    package init(cost: PasswordCost = .standard, threads: Int = 2, waiting: Int = 32) {
        (self.cost, maxThreads, maxWaiting) = (cost, threads, waiting)
    }

    /// How many hashes were computed since the start.
    package var evaluations: Int { state.withLock { $0.evaluations } }

    /// The hash of a new password.
    /// - Throws: `.tooManyRequests` when too many wait.
    package func hash(_ password: SharedSecret) async throws -> PasswordHash {
        try await run { [cost] in try PasswordHash(of: password.bytes, cost: cost) }
    }

    /// Whether `password` is that of `hash`; without a hash it is compared with one that nothing matches, which takes the same time.
    /// - Throws: `.tooManyRequests` when too many wait.
    package func matches(_ password: SharedSecret, _ hash: PasswordHash?) async throws -> Bool {
        let hash = hash ?? PasswordHash.ofNothing(cost: cost)
        return try await run { try hash.matches(password.bytes) }
    }

    private func run<R: Sendable>(_ work: @escaping @Sendable () throws -> R) async throws -> R {
        let result: Result<R, any Error> = await withCheckedContinuation { continuation in
            let admitted = admit { continuation.resume(returning: Result { try work() }) }
            if !admitted { continuation.resume(returning: .failure(PasswordBench.busy)) }
        }
        return try result.get()
    }

    private static var busy: Problem {
        var problem = Problem(.tooManyRequests, "too many passwords are being checked", remedy: "try again in a few seconds")
        problem.headers = [("Retry-After", "2")]
        return problem
    }

    private func admit(_ job: @escaping @Sendable () -> Void) -> Bool {
        let needsThread: Bool? = state.withLock { state in
            guard state.waiting.count < maxWaiting else { return nil }
            state.waiting.append(job)
            guard state.threads < maxThreads else { return false }
            state.threads += 1
            return true
        }
        guard let needsThread else { return false }
        guard needsThread else { return true }
        do { try NativeThread.start("passwords") { self.serve() } } catch {
            // No thread to be had: the job waits for one that runs, or is taken back.
            return state.withLock { state in
                state.threads -= 1
                guard state.threads == 0 else { return true }
                state.waiting.removeLast()
                return false
            }
        }
        return true
    }

    /// Works until nothing waits, then lets its thread end.
    private func serve() {
        while true {
            let job: (@Sendable () -> Void)? = state.withLock { state in
                guard !state.waiting.isEmpty else {
                    state.threads -= 1
                    return nil
                }
                state.evaluations += 1
                return state.waiting.removeFirst()
            }
            guard let job else { return }
            job()
        }
    }
}
