import Synchronization
import Testing

@testable import Primitives

@Suite("A pool of workers") struct WorkerPoolTests {
    private final class Probe: Sendable {
        let isHeld = Atomic(true)
        let begun = Atomic(false)
        let late = Atomic(0)
    }

    private struct Failed: Error, Equatable {}

    @Test("runs each piece of work once, off the caller's thread, and gives its result or its error")
    func runs() async throws {
        let pool = try WorkerPool("test", threads: 3, maximumWaiting: 1000)
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...200 { group.addTask { try await pool.run(within: .seconds(60)) { number } } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 20_100)
        await #expect(throws: Failed()) { try await pool.run(within: .seconds(60)) { throw Failed() } }
    }

    @Test("refuses what is too much, and drops what has waited too long")
    func limits() async throws {
        let pool = try WorkerPool("test", threads: 1, maximumWaiting: 1)
        let probe = Probe()
        async let first: Void = pool.run(within: .seconds(60)) {
            probe.begun.store(true, ordering: .relaxed)
            while probe.isHeld.load(ordering: .relaxed) { NativeThread.sleep(.milliseconds(1)) }
        }
        while !probe.begun.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(1)) }
        await #expect(throws: WorkerPool.Failure.deadlineExceeded) {
            try await pool.run(within: .milliseconds(20)) { _ = probe.late.add(1, ordering: .relaxed) }
        }
        // The one that nobody waits for any more still has its place.
        await #expect(throws: WorkerPool.Failure.overloaded) { try await pool.run(within: .seconds(60)) {} }
        probe.isHeld.store(false, ordering: .relaxed)
        try await first
        // Until the thread has thrown it away.
        while true {
            do { try await pool.run(within: .seconds(60)) {} } catch WorkerPool.Failure.overloaded { continue }
            break
        }
        #expect(probe.late.load(ordering: .relaxed) == 0)
    }
}
