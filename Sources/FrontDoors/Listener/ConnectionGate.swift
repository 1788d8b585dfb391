import Synchronization

/// Counts what a listener holds: connections in total and by address, requests that are being answered, and bytes of bodies.
package final class ConnectionGate: Sendable {
    private struct Counts {
        var connections = 0
        var byAddress: [String: Int] = [:]
        var maxConnections: Int
        var maxConnectionsPerAddress: Int
    }

    private let counts: Mutex<Counts>
    private let inFlight = Atomic<Int>(0)
    private let heldBytes = Atomic<Int>(0)
    private let maxRequestsInFlight: Atomic<Int>
    private let maxHeldBodyBytes: Atomic<Int>

    /// A gate with nothing inside.
    package init(limits: ListenerLimits) {
        counts = Mutex(Counts(maxConnections: limits.maxConnections, maxConnectionsPerAddress: limits.maxConnectionsPerAddress))
        maxRequestsInFlight = Atomic(limits.maxRequestsInFlight)
        maxHeldBodyBytes = Atomic(limits.maxHeldBodyBytes)
    }

    /// What comes from now on is measured by these limits; what is inside stays.
    func apply(_ limits: ListenerLimits) {
        counts.withLock { counts in
            counts.maxConnections = limits.maxConnections
            counts.maxConnectionsPerAddress = limits.maxConnectionsPerAddress
        }
        maxRequestsInFlight.store(limits.maxRequestsInFlight, ordering: .relaxed)
        maxHeldBodyBytes.store(limits.maxHeldBodyBytes, ordering: .relaxed)
    }

    /// The connections held at present.
    package var connections: Int { counts.withLock { $0.connections } }
    /// The requests being answered at present.
    package var requestsInFlight: Int { inFlight.load(ordering: .relaxed) }
    /// The bytes of bodies held at present.
    package var bodyBytes: Int { heldBytes.load(ordering: .relaxed) }

    /// Takes a connection in; false if it must be closed. Each true needs one `leave`.
    func enter(_ address: String) -> Bool {
        counts.withLock { counts in
            let held = counts.byAddress[address, default: 0]
            guard counts.connections < counts.maxConnections, held < counts.maxConnectionsPerAddress else { return false }
            counts.connections += 1
            counts.byAddress[address] = held + 1
            return true
        }
    }

    /// Lets a connection go.
    func leave(_ address: String) {
        counts.withLock { counts in
            counts.connections -= 1
            counts.byAddress[address, default: 1] -= 1
            if counts.byAddress[address] == 0 { counts.byAddress[address] = nil }
        }
    }

    /// Takes a request in; false if there are too many. Each true needs one `endRequest`.
    func beginRequest() -> Bool {
        let count = inFlight.add(1, ordering: .relaxed).newValue
        guard count <= maxRequestsInFlight.load(ordering: .relaxed) else {
            inFlight.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Lets a request go.
    func endRequest() { inFlight.subtract(1, ordering: .relaxed) }

    /// Takes bytes of a body in; false if too many are held. What is true needs one `release` in the end.
    func hold(bytes: Int) -> Bool {
        guard heldBytes.add(bytes, ordering: .relaxed).newValue <= maxHeldBodyBytes.load(ordering: .relaxed) else {
            heldBytes.subtract(bytes, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Lets bytes of a body go.
    func release(bytes: Int) { heldBytes.subtract(bytes, ordering: .relaxed) }
}
