import Synchronization

/// Runs `operation`, and gives its result, or nil when `limit` has passed first. The operation is not stopped: it goes on by
/// itself and its late result is dropped, so that nobody waits for a peer that hangs.
package func withDeadline<T: Sendable>(_ limit: Duration, _ operation: @escaping @Sendable () async -> T) async -> T? {
    let waiter = FirstResult<T>()
    return await withCheckedContinuation { continuation in
        waiter.arm(continuation)
        let timer = Task {
            try? await Task.sleep(for: limit)
            if !Task.isCancelled { waiter.resume(nil) }
        }
        Task {
            let result = await operation()
            timer.cancel()
            waiter.resume(result)
        }
    }
}

/// Resumes its continuation with the first result and drops the others.
private final class FirstResult<T: Sendable>: Sendable {
    private let continuation = Mutex<CheckedContinuation<T?, Never>?>(nil)

    func arm(_ continuation: CheckedContinuation<T?, Never>) { self.continuation.withLock { $0 = continuation } }

    func resume(_ result: T?) {
        let waiting = continuation.withLock { held in
            let waiting = held
            held = nil
            return waiting
        }
        waiting?.resume(returning: result)
    }
}
