import Synchronization

/// Work that keeps a processor or a disk busy for long (making RSA keys, reading journals), on threads of its own: at most two at once, so
/// that neither Swift's cooperative threads nor the event loops wait for it.
package enum Offload {
    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private static let state = Mutex(State())
    private static let limit = 2

    /// What `body` returns or throws.
    package static func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        await enter()
        defer { leave() }
        let outcome: Result<R, any Error> = await withCheckedContinuation { continuation in
            do {
                try NativeThread.start("offload") { continuation.resume(returning: Result { try body() }) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try outcome.get()
    }

    private static func enter() async {
        await withCheckedContinuation { continuation in
            let mayStart = state.withLock { state in
                guard state.running >= limit else {
                    state.running += 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if mayStart { continuation.resume() }
        }
    }

    private static func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty { state.running -= 1 } else { return state.waiting.removeFirst() }
            return nil
        }
        next?.resume()
    }
}
