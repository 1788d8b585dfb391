/// One thread of its own for work that blocks (files, long reading), done piece by piece in order.
package final class BlockingThread: Sendable {
    private struct Queue: Sendable {
        var work: [@Sendable () -> Void] = []
        var hasEnded = false
    }

    private let queue: Monitor<Queue>

    /// Starts the thread; it ends with the last reference, after what it was given.
    /// - Throws: `FileError` if the system has no thread to give.
    package init(_ name: String) throws(FileError) {
        let queue = Monitor(Queue(), signals: 1)
        self.queue = queue
        try NativeThread.start(name) {
            while let work = queue.wait(for: 0, { BlockingThread.next(&$0) }) { work() }
        }
    }

    deinit {
        queue.withLock { $0.hasEnded = true }
        queue.notify(0)
    }

    /// Runs `body` on the thread, after what it was given before.
    package func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            queue.withLock { $0.work.append { continuation.resume(with: Result(catching: body)) } }
            queue.notify(0)
        }
    }

    private static func next(_ queue: inout Queue) -> Monitor<Queue>.Turn<(@Sendable () -> Void)?> {
        if !queue.work.isEmpty { return .done(queue.work.removeFirst()) }
        return queue.hasEnded ? .done(nil) : .wait(until: nil)
    }
}
