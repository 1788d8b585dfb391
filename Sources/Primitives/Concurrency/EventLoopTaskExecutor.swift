package import NIOCore
import Synchronization

/// Runs Swift tasks on one NIO event loop, so that an async handler stays on its connection's thread.
///
/// `Task(executorPreference:)` with it makes every async function that isn't an actor's run there. Jobs that come while others wait join
/// them: whoever resumes many tasks at once, as the journal does after a sync, wakes the loop once.
package final class EventLoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop
    private let waiting = Mutex<[UnownedJob]>([])

    /// An executor over `eventLoop`; keep one for each loop.
    package init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isFirst = waiting.withLock { jobs in
            jobs.append(job)
            return jobs.count == 1
        }
        if isFirst { eventLoop.execute { self.run() } }
    }

    /// Runs those that wait, in their order; what they enqueue meanwhile waits for the loop's next turn.
    private func run() {
        let jobs = waiting.withLock { jobs in
            let taken = jobs
            jobs = []
            return taken
        }
        for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
