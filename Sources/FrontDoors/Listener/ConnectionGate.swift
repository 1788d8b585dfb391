import Synchronization

/// Counts what a listener holds: connections in total and by address, requests that are being answered, and bytes of bodies.
package final class ConnectionGate: Sendable {
    private struct Counts {
        var connections = 0
        var byAddress: [String: Int] = [:]
    }

    private let counts = Mutex(Counts())
    private let inFlight = Atomic<Int>(0)
    private let heldBytes = Atomic<Int>(0)
    private let limits: ListenerLimits

    /// A gate with nothing inside.
    package init(limits: ListenerLimits) { self.limits = limits }

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
            guard counts.connections < limits.maxConnections, held < limits.maxConnectionsPerAddress else { return false }
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
        guard count <= limits.maxRequestsInFlight else {
            inFlight.subtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Lets a request go.
    func endRequest() { inFlight.subtract(1, ordering: .relaxed) }

    /// Takes bytes of a body in; false if too many are held. What is true needs one `release` in the end.
    func hold(bytes: Int) -> Bool {
        guard heldBytes.add(bytes, ordering: .relaxed).newValue <= limits.maxHeldBodyBytes else {
            heldBytes.subtract(bytes, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Lets bytes of a body go.
    func release(bytes: Int) { heldBytes.subtract(bytes, ordering: .relaxed) }
}
