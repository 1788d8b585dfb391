package import Primitives

/// How other servers are reached: proxy, trust, addresses of hosts. The same for every call that leaves the server.
package struct OutboundRoute: Sendable, Equatable {
    /// Proxy, trust, and address overrides of the file.
    package var base = HTTPClientConnection()
    /// Hosts, in lower case, whose addresses are given, for any port.
    package var hosts: [String: [String]] = [:]

    /// Direct, with the system's trust.
    package init() {}

    /// The connection to a URL's host.
    package func connection(to url: String) -> HTTPClientConnection {
        guard let target = HTTPClientTarget(url), let port = target.port, let addresses = hosts[target.host] else { return base }
        var connection = base
        connection.addressOverrides.removeAll { $0.host.lowercased() == target.host && $0.port == port }
        connection.addressOverrides.append(HTTPClientAddressOverride(host: target.host, port: port, addresses: addresses))
        return connection
    }
}
