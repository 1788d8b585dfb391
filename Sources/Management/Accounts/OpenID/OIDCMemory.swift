import KeyCore
import Primitives
import Synchronization

/// What is remembered of OpenID providers between sign-ins, and how often a network may begin one: strangers must not make this server ask a
/// provider again and again.
package final class OIDCMemory: Sendable {
    /// For so long a provider's configuration counts.
    static let lifetime = Duration.seconds(300)
    /// So many sign-ins a network may begin or finish at once, and then one each `interval`.
    static let burst = 60
    static let interval = Duration.seconds(1)
    private static let maxNetworks = 10_000

    private struct Found {
        let revision: Int64
        let configuration: OIDCClient.Configuration
        let at: Instant
    }

    private let found = Mutex<[OIDCProviderID: Found]>([:])
    /// When each network's allowance is full again.
    private let networks = Mutex<[String: Instant]>([:])

    /// Nothing is remembered yet.
    package init() {}

    func configuration(of provider: OIDCProvider, at now: Instant) -> OIDCClient.Configuration? {
        guard let found = found.withLock({ $0[provider.id] }), found.revision == provider.revision, found.at <= now,
            now - found.at < OIDCMemory.lifetime
        else { return nil }
        return found.configuration
    }

    func remember(_ configuration: OIDCClient.Configuration, of provider: OIDCProvider, at now: Instant) {
        found.withLock { $0[provider.id] = Found(revision: provider.revision, configuration: configuration, at: now) }
    }

    /// Counts a sign-in that this address begins or finishes.
    /// - Throws: `.tooManyRequests` if its network has no allowance left.
    func admit(_ address: String, at now: Instant) throws(Problem) {
        guard let network = SignInAttempts.network(address) else { return }
        let isAdmitted = networks.withLock { networks in
            if networks.count >= OIDCMemory.maxNetworks { networks = networks.filter { $0.value > now } }
            let full = max(networks[network] ?? now, now)
            guard full - now <= OIDCMemory.interval * (OIDCMemory.burst - 1) else { return false }
            networks[network] = full + OIDCMemory.interval
            return true
        }
        guard !isAdmitted else { return }
        var problem = Problem(.tooManyRequests, "too many sign-ins are begun from your network", remedy: "try again in a few seconds")
        problem.headers = [("Retry-After", "2")]
        throw problem
    }
}
