import Glibc

/// State behind a lock, for threads which must also wait for it to change: a monitor with condition variables.
///
/// Only threads of our own may `wait`; code on an event loop or in a task uses `withLock`, whose body must be short.
package final class Monitor<State>: @unchecked Sendable {  // the state is touched only under `mutex`
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let conditions: UnsafeMutableBufferPointer<pthread_cond_t>
    private var state: State

    /// What a waiting thread does next.
    package enum Turn<Result> {
        /// It goes on with this.
        case done(Result)
        /// It looks again when notified, or when the monotonic clock shows this many nanoseconds; nil: only when notified.
        case wait(until: UInt64?)
    }

    /// A monitor over `state`, with `signals` reasons to wait, numbered from 0: at most one thread waits for each.
    package init(_ state: sending State, signals: Int) {
        self.state = state
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        conditions = .allocate(capacity: signals)
        conditions.initialize(repeating: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        for index in conditions.indices { pthread_cond_init(conditions.baseAddress! + index, &attributes) }
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        for index in conditions.indices { pthread_cond_destroy(conditions.baseAddress! + index) }
        pthread_mutex_destroy(mutex)
        conditions.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` while no other thread sees the state.
    package func withLock<R, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Runs `body`, under the lock, until it is done; between two runs the thread sleeps without the lock.
    package func wait<R>(for signal: Int, _ body: (inout State) -> Turn<R>) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            switch body(&state) {
            case .done(let result): return result
            case .wait(until: nil): pthread_cond_wait(conditions.baseAddress! + signal, mutex)
            case .wait(until: let nanoseconds?):
                var time = timespec(
                    tv_sec: Int(clamping: nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
                pthread_cond_timedwait(conditions.baseAddress! + signal, mutex, &time)
            }
        }
    }

    /// Wakes the thread that waits for `signal`, if one does.
    package func notify(_ signal: Int) { pthread_cond_signal(conditions.baseAddress! + signal) }
}
