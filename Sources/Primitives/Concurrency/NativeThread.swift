import Glibc

/// Threads of our own, for work that blocks: it must stay off event loops and off Swift's cooperative pool.
package enum NativeThread {
    /// Starts a detached thread that runs `body` once.
    /// - Throws: `FileError` with the operation `start thread` and `name` for a path if the system has no thread to give.
    package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(FileError) {
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, { argument in
            guard let argument else { return nil }
            let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
            work.body()
            return nil
        }, work.toOpaque())
        guard code == 0 else {
            work.release()
            throw FileError("start thread", name, code: code)
        }
        pthread_detach(thread)
    }

    /// Makes the calling thread sleep; only on threads that may block.
    package static func sleep(_ duration: Duration) {
        let nanoseconds = max(0, duration.nanoseconds)
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        var rest = timespec()
        while nanosleep(&time, &rest) != 0, errno == EINTR { time = rest }
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
