import Primitives
import Synchronization

/// Policies that were read before: a change of one thing doesn't read the documents of all again.
final class ParsedPolicies: Sendable {
    private let bySource = Mutex<[String: AccessPolicy]>([:])

    /// The policy that a document describes.
    func policy(_ source: String, name: String) throws(DocumentError) -> AccessPolicy {
        if let known = bySource.withLock({ $0[source] }) { return known }
        let policy = try AccessPolicy(parsing: source, source: name)
        bySource.withLock { $0[source] = policy }
        return policy
    }

    /// Forgets all others.
    func keep(_ sources: Set<String>) { bySource.withLock { known in known = known.filter { sources.contains($0.key) } } }
}
