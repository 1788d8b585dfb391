package import Primitives
import Synchronization

/// How one part of the server is.
package struct ComponentHealth: Sendable, Equatable {
    package enum Status: String, Sendable, CaseIterable, Comparable {
        case ok, degraded, failing

        package static func < (a: Status, b: Status) -> Bool { a.rank < b.rank }
        private var rank: Int { Status.allCases.firstIndex(of: self) ?? 0 }
    }

    package let status: Status
    /// For people; holds no secret.
    package let detail: String
    /// Since when it isn't ok, if that is known.
    package let since: Instant?

    /// Health as given.
    package init(_ status: Status, _ detail: String, since: Instant? = nil) { (self.status, self.detail, self.since) = (status, detail, since) }
}

/// How the parts of the server are, each asked when somebody wants to know.
package final class HealthBoard: Sendable {
    /// Asks one part.
    package typealias Probe = @Sendable () async -> ComponentHealth

    private let probes = Mutex<[(name: String, probe: Probe)]>([])

    /// A board without parts.
    package init() {}

    /// Adds a part.
    package func add(_ name: String, _ probe: @escaping Probe) { probes.withLock { $0.append((name, probe)) } }

    /// Asks all of them.
    package func look() async -> [(name: String, health: ComponentHealth)] {
        var found: [(name: String, health: ComponentHealth)] = []
        for (name, probe) in probes.withLock({ $0 }) { found.append((name, await probe())) }
        return found
    }
}
