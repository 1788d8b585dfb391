import NIOCore
import Primitives

/// One deadline of a connection that is moved often and rarely reached: moving it costs an assignment, not a timer.
///
/// Belongs to one event loop.
final class DeadlineTimer {
    private let eventLoop: any EventLoop
    private let onExpiry: () -> Void
    private var deadline: NIODeadline?
    private var scheduled: Scheduled<Void>?
    private var scheduledFor: NIODeadline?

    init(eventLoop: any EventLoop, onExpiry: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.onExpiry = onExpiry
    }

    /// Expires after `duration`, whatever was set before.
    func set(_ duration: Duration) {
        let deadline = NIODeadline.now() + .nanoseconds(duration.nanoseconds)
        self.deadline = deadline
        if let scheduledFor, scheduledFor <= deadline { return }  // fires earlier, looks again, and goes back to sleep
        scheduled?.cancel()
        schedule(deadline)
    }

    /// Does not expire until set again.
    func clear() { deadline = nil }

    /// Never expires again; breaks the cycle with its owner.
    func cancel() {
        deadline = nil
        scheduled?.cancel()
        scheduled = nil
        scheduledFor = nil
    }

    private func schedule(_ deadline: NIODeadline) {
        scheduledFor = deadline
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        scheduled = eventLoop.scheduleTask(deadline: deadline) { bound.value.fire() }
    }

    private func fire() {
        scheduledFor = nil
        guard let deadline else { return }
        if deadline <= .now() {
            self.deadline = nil
            onExpiry()
        } else {
            schedule(deadline)
        }
    }
}
