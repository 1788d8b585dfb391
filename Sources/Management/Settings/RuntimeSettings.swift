package import Primitives
import Synchronization

/// The settings that count now: what the database says over what the file says.
package struct PresentSettings: Sendable, Equatable {
    package let set: ServerSettings
    package let outbound: OutboundRoute
    package let limits: [LimitSetting: Int64]
    package let logLevel: String
}

/// Holds the present settings, and tells those who must apply a change.
package final class RuntimeSettings: Sendable {
    /// Is told each time the settings are others, one call after the other.
    package typealias Listener = @Sendable (PresentSettings) -> Void

    private let stores: Stores
    let file: FileSettings
    private let present: Mutex<PresentSettings>
    private let listeners = Mutex<[Listener]>([])
    private let turns = Turns()

    /// As the file says, until the first `reload`.
    package init(_ file: FileSettings, stores: Stores) {
        (self.file, self.stores) = (file, stores)
        present = Mutex(
            PresentSettings(set: ServerSettings(), outbound: file.outbound, limits: file.limits, logLevel: file.logLevel))
    }

    /// What counts now.
    package var current: PresentSettings { present.withLock { $0 } }

    /// How to reach a URL now.
    package func connection(to url: String) -> HTTPClientConnection { current.outbound.connection(to: url) }

    /// Tells `listener` the present settings now, and others when they come.
    package func follow(_ listener: @escaping Listener) {
        listeners.withLock { $0.append(listener) }
        listener(current)
    }

    /// Reads the database, and applies what is different there: also what another process has changed, or a restore has taken back. Calls take
    /// turns, so that an older state never replaces a newer one.
    package func reload() async throws { try await turns.take { [self] in try await readAgain() } }

    private func readAgain() async throws {
        let store = SettingsStore(stores)
        let (found, known) = (try await store.find(), current.set)
        guard found.revision != known.revision || found.changedAt != known.changedAt else { return }
        let (settings, credentials) = try await store.findWithCredentials()
        let next = PresentSettings(
            set: settings, outbound: outbound(settings, credentials), limits: file.limits.merging(settings.limits) { $1 },
            logLevel: settings.logLevel ?? file.logLevel)
        present.withLock { $0 = next }
        for listener in listeners.withLock({ $0 }) { listener(next) }
    }

    private func outbound(_ settings: ServerSettings, _ credentials: ProxyCredentials?) -> OutboundRoute {
        var route = file.outbound
        if let url = settings.proxyURL {
            var proxy = HTTPClientProxy(url: url)
            proxy.except = settings.noProxy ?? file.outbound.base.proxy?.except ?? []
            (proxy.user, proxy.password) = (credentials?.user, credentials?.password)
            route.base.proxy = proxy
        } else if let exceptions = settings.noProxy {
            route.base.proxy?.except = exceptions
        }
        if let authorities = settings.authorities {
            route.base.trust = .pem((file.authorities ?? []) + [0x0A] + Array(authorities.utf8))
        }
        for (host, addresses) in settings.hosts ?? [:] { route.hosts[host] = addresses }
        return route
    }
}
