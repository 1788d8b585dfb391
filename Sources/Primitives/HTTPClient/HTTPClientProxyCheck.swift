import Glibc

/// An address rule for requests that go through a proxy. The proxy resolves the name and makes the connection, so the rule can't be asked
/// just before it; what is known here before is asked instead: the address in the URL, an override, or what this machine's resolver says.
/// What can't be resolved here in a second is the proxy's to judge.
enum HTTPClientProxyCheck {
    private static let patience = Duration.seconds(1)
    /// Threads of their own: a resolver that doesn't answer holds them up for longer than anybody waits.
    private static let resolver = try? WorkerPool("resolver", threads: 2, maximumWaiting: 64)

    /// Returns if the request doesn't go through a proxy, has no rule, or leads to no address that is known to be refused.
    static func check(_ request: HTTPClientRequest) async throws(HTTPClientError) {
        let connection = request.connection
        guard let proxy = connection.proxy, connection.unixSocketPath == nil, connection.addressRule != .any else { return }
        guard let target = HTTPClientTarget(request.url) else { throw .invalidURL }
        guard proxy.applies(to: target.host) else { return }
        // The proxy may choose any of them, so none may be refused.
        for address in await addresses(of: target, connection) where !connection.addressRule.allows(address) { throw .addressRefused(address) }
    }

    private static func addresses(of target: HTTPClientTarget, _ connection: HTTPClientConnection) async -> [HTTPClientAddress] {
        let name = target.host.hasSuffix(".") ? String(target.host.dropLast()) : target.host
        if let address = HTTPClientAddress(name) { return [address] }
        let overrides = connection.addressOverrides.filter { $0.host.lowercased() == name && $0.port == target.port }
        guard overrides.isEmpty else { return overrides.flatMap(\.addresses).compactMap { HTTPClientAddress($0) } }
        return (try? await resolver?.run(within: patience) { resolve(name) }) ?? []
    }

    /// What `getaddrinfo` finds; nothing if it fails.
    private static func resolve(_ name: String) -> [HTTPClientAddress] {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var (addresses, next): ([HTTPClientAddress], UnsafeMutablePointer<addrinfo>?) = ([], list)
        while let entry = next?.pointee {
            if let address = entry.ai_addr, let found = HTTPClientAddress(family: entry.ai_family, socketAddress: UnsafeRawPointer(address)) {
                addresses.append(found)
            }
            next = entry.ai_next
        }
        return addresses
    }
}
