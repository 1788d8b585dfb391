@testable import Management
import Primitives
import Synchronization
import Testing

@Suite("Searches of the audit") struct AuditTurnsTests {
    @Test("run two at a time, wait in their order, and are refused with 503 when too many wait; what is being sent waits all the same")
    func turns() async throws {
        let (turns, work) = (AuditTurns(limit: 2, waiting: 1), Work())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { try await turns.take { await work.run() } } }
            while work.running < 2 { try await Task.sleep(for: .milliseconds(1)) }
            for _ in 0..<4 { group.addTask { try await turns.take(isPatient: true) { await work.run() } } }
            while true {  // as soon as one of them waits, there is no room for the impatient
                let probe = Probe()
                let task = Task {
                    do { try await turns.take { probe.enter() } } catch { probe.refuse(error) }
                }
                try await Task.sleep(for: .milliseconds(5))
                #expect(!probe.hasEntered)
                guard let problem = probe.refusal else { continue }
                #expect(problem.code == .unavailable && problem.headers.contains { $0.name == "Retry-After" })
                await task.value
                break
            }
            work.open()
            try await group.waitForAll()
        }
        #expect(work.most == 2)
        #expect(work.done == 6)
    }

    /// What lasts until it is let go.
    private final class Work: Sendable {
        private let state = Mutex((isOpen: false, running: 0, most: 0, done: 0))
        var running: Int { state.withLock { $0.running } }
        var most: Int { state.withLock { $0.most } }
        var done: Int { state.withLock { $0.done } }
        func open() { state.withLock { $0.isOpen = true } }

        func run() async {
            state.withLock { state in
                state.running += 1
                state.most = max(state.most, state.running)
            }
            while !state.withLock({ $0.isOpen }) { try? await Task.sleep(for: .milliseconds(1)) }
            state.withLock { state in
                state.running -= 1
                state.done += 1
            }
        }
    }

    /// Somebody who doesn't wait for long.
    private final class Probe: Sendable {
        private let state = Mutex((entered: false, refusal: Problem?.none))
        var hasEntered: Bool { state.withLock { $0.entered } }
        var refusal: Problem? { state.withLock { $0.refusal } }
        func enter() { state.withLock { $0.entered = true } }
        func refuse(_ error: any Error) { state.withLock { $0.refusal = error as? Problem } }
    }
}
