package import NIOCore

/// Runs Swift tasks on one NIO event loop, so that an async handler stays on its connection's thread.
///
/// `Task(executorPreference:)` with it makes every async function that isn't an actor's run there.
package final class EventLoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    /// An executor over `eventLoop`; keep one for each loop.
    package init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
