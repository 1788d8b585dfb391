import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Primitives

@Suite("Task executor over an event loop") struct EventLoopTaskExecutorTests {
    @Test("a task runs on its loop's thread, before and after each await")
    func staysOnLoop() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let executor = EventLoopTaskExecutor(loop)
        let places = try await Task(executorPreference: executor) {
            var places = [loop.inEventLoop]
            await Task.yield()
            places.append(loop.inEventLoop)
            try await Task.sleep(for: .milliseconds(5))
            places.append(loop.inEventLoop)
            places.append(await elsewhere(loop))
            _ = try await loop.makeSucceededFuture(1).get()
            places.append(loop.inEventLoop)
            _ = await withDeadline(.seconds(20)) { 1 }
            places.append(loop.inEventLoop)
            async let child = loop.inEventLoop
            places.append(await child)
            return places
        }.value
        #expect(places == [true, true, true, true, true, true, true])
        #expect(!loop.inEventLoop, "the test itself doesn't")
    }

    @Test("a thousand tasks on two loops each stay on their own")
    func manyTasks() async {
        let loops = [MultiThreadedEventLoopGroup.singleton.next(), MultiThreadedEventLoopGroup.singleton.next()]
        let executors = loops.map { EventLoopTaskExecutor($0) }
        let strays = await withTaskGroup(of: Bool.self) { group in
            for n in 0..<1000 {
                group.addTask(executorPreference: executors[n % 2]) {
                    await Task.yield()
                    return loops[n % 2].inEventLoop
                }
            }
            return await group.reduce(0) { $1 ? $0 : $0 + 1 }
        }
        #expect(strays == 0)
    }
}

/// An async function that is no actor's follows the task's preference.
private func elsewhere(_ loop: any EventLoop) async -> Bool { loop.inEventLoop }

@Suite("Deadlines") struct DeadlineTests {
    @Test("gives the result of what ends in time")
    func inTime() async {
        #expect(await withDeadline(.seconds(60)) { "answer" } == "answer")
        #expect(await withDeadline(.seconds(60)) { () async -> String in
            await Task.yield()
            return "later"
        } == "later")
    }

    @Test("gives nil when the time is over though the operation hangs; its late result is dropped", .timeLimit(.minutes(5)))
    func tooLate() async {
        let held = Held()
        let start = ContinuousClock.now
        let result = await withDeadline(.milliseconds(50)) { () async -> Int in
            await held.wait()
            held.finish()
            return 1
        }
        #expect(result == nil)
        #expect(ContinuousClock.now - start >= .milliseconds(50))
        #expect(!held.isFinished, "nobody has released it yet")
        await held.release()
        for _ in 0..<2000 where !held.isFinished { try? await Task.sleep(for: .milliseconds(5)) }
        #expect(held.isFinished, "it goes on by itself")
    }

    @Test("no time at all is nil for what waits")
    func noTime() async {
        let held = Held()
        #expect(await withDeadline(.zero) { await held.wait() } == nil)
        await held.release()
    }
}

/// Holds an operation until it is released.
private final class Held: Sendable {
    private let state = Mutex((waiting: CheckedContinuation<Void, Never>?.none, isFinished: false))

    var isFinished: Bool { state.withLock { $0.isFinished } }
    func finish() { state.withLock { $0.isFinished = true } }
    func wait() async { await withCheckedContinuation { continuation in state.withLock { $0.waiting = continuation } } }

    func release() async {
        while true {
            let waiting = state.withLock { state in
                defer { state.waiting = nil }
                return state.waiting
            }
            if let waiting { return waiting.resume() }
            try? await Task.sleep(for: .milliseconds(1))
        }
    }
}
