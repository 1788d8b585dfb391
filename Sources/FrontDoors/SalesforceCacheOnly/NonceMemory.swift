package import KeyCore
package import Primitives
import Synchronization

/// Whether a callout's `requestId` has been seen before: at once in this process, and durably in the database for restarts and other nodes.
///
/// Those that come while others are being written go together into the next transaction.
package final class NonceMemory: Sendable {
    /// What is known of a nonce.
    enum Answer: Sendable, Equatable {
        /// Not seen before; remembered.
        case new
        /// Seen before, within its time.
        case repeated
        /// Not seen by this process; the database did not answer in time.
        case uncertain
    }

    private struct Waiter {
        let sighting: NonceStore.Sighting
        let continuation: CheckedContinuation<Answer, Never>
    }

    private struct Name: Hashable {
        let endpoint: EndpointID
        let nonce: String
    }

    private struct State {
        var recent: [Name: Instant] = [:]
        var older: [Name: Instant] = [:]
        var waiting: [Waiter] = []
        var isWriting = false
    }

    private static let generation = 50_000
    private let store: NonceStore
    private let clock: WallClock
    private let patience: Duration
    private let state = Mutex(State())

    /// A memory over the database, which is given `patience` to answer.
    package init(store: NonceStore, clock: WallClock, patience: Duration = .milliseconds(800)) {
        (self.store, self.clock, self.patience) = (store, clock, patience)
    }

    /// Remembers a nonce for `period`, and says whether it was seen before.
    func remember(_ nonce: String, at endpoint: EndpointID, for period: Duration) async -> Answer {
        let now = clock.now
        let sighting = NonceStore.Sighting(endpoint: endpoint, nonce: nonce, at: now, forgottenBefore: now - period)
        guard state.withLock({ NonceMemory.note(sighting, in: &$0) }) else { return .repeated }
        return await withDeadline(patience) { await self.write(sighting) } ?? .uncertain
    }

    /// Forgets what no endpoint needs any more; to be called every few minutes.
    package func sweep(longest period: Duration) async throws(StoreError) { try await store.sweep(before: clock.now - period) }

    /// Whether it is new to this process. Two generations bound what is held: the older one goes when the recent one is full.
    private static func note(_ sighting: NonceStore.Sighting, in state: inout State) -> Bool {
        let name = Name(endpoint: sighting.endpoint, nonce: sighting.nonce)
        if let seen = state.recent[name] ?? state.older[name], seen >= sighting.forgottenBefore { return false }
        if state.recent.count >= generation {
            state.older = state.recent
            state.recent = [:]
        }
        state.recent[name] = sighting.at
        return true
    }

    private func write(_ sighting: NonceStore.Sighting) async -> Answer {
        await withCheckedContinuation { continuation in
            let begins = state.withLock { state in
                state.waiting.append(Waiter(sighting: sighting, continuation: continuation))
                defer { state.isWriting = true }
                return !state.isWriting
            }
            if begins { Task { await self.writeAll() } }
        }
    }

    private func writeAll() async {
        while true {
            let batch = state.withLock { state in
                defer { state.waiting = [] }
                if state.waiting.isEmpty { state.isWriting = false }
                return state.waiting
            }
            guard !batch.isEmpty else { return }
            let known = try? await store.remember(batch.map(\.sighting))
            for (index, waiter) in batch.enumerated() {
                waiter.continuation.resume(returning: known.map { $0[index] ? .new : .repeated } ?? .uncertain)
            }
        }
    }
}
