/// Whom to trust, as whom to appear, and which way to go. Two requests share a connection only if all of this is equal.
package struct HTTPClientConnection: Sendable, Equatable {
    /// Whether http: is allowed beside https:.
    package var allowsPlainHTTP = false
    /// The certificate authorities that may vouch for the server.
    package var trust = HTTPClientTrust.system
    /// The client's own certificate.
    package var clientCertificate: HTTPClientCertificate?
    /// The way out; the environment's proxy variables are never used.
    package var proxy: HTTPClientProxy?
    /// Addresses that replace name resolution.
    package var addressOverrides: [HTTPClientAddressOverride] = []
    /// Which addresses may be connected to. It sees every address, those of `addressOverrides` too, just before the connection,
    /// so that a name that changes its address in between (DNS rebinding) gains nothing. Through a proxy it sees what is known here
    /// before the request: the URL's address, an override's, what this machine's resolver finds. There the proxy resolves again and
    /// must restrict.
    package var addressRule = HTTPClientAddressRule.any
    /// A Unix socket to connect to instead of the URL's host, which then only stands in the request. There is no name to resolve and no
    /// proxy on the way; `addressRule` isn't consulted.
    package var unixSocketPath: String?

    /// https only, the system's trust, no certificate, no proxy, any address.
    package init() {}
}

/// Certificate authorities for servers.
package enum HTTPClientTrust: Sendable, Equatable {
    /// The system's bundle.
    case system
    /// Only those in this PEM file.
    case file(String)
    /// Only those in this PEM text.
    case pem([UInt8])
}

/// A certificate that the client shows.
package enum HTTPClientCertificate: Sendable, Equatable {
    /// PEM files: the certificate with its intermediates, and the private key.
    case files(certificate: String, key: String)
    /// The same as PEM text in memory.
    case pem(certificate: [UInt8], key: SharedSecret)

    /// Whether both are the same; a key in memory is the same only if it is the same object.
    package static func == (a: HTTPClientCertificate, b: HTTPClientCertificate) -> Bool {
        switch (a, b) {
        case (.files(let a, let aKey), .files(let b, let bKey)): a == b && aKey == bKey
        case (.pem(let a, let aKey), .pem(let b, let bKey)): a == b && aKey === bKey
        default: false
        }
    }
}

/// A proxy.
package struct HTTPClientProxy: Sendable, Equatable {
    /// `http://`, `https://`, `socks5://` or `socks5h://` with host and port, without credentials.
    package let url: String
    /// Hosts that are reached directly: `*`, a name (with all names below it, with or without a leading dot), an address, or a
    /// network such as `10.0.0.0/8` for URLs that hold an address.
    package var except: [String] = []
    /// The user name for Basic authentication.
    package var user: String?
    /// The password in UTF-8.
    package var password: SharedSecret?

    /// A proxy for all hosts, without credentials.
    package init(url: String) { self.url = url }

    /// Whether both are the same; a password is the same only if it is the same object.
    package static func == (a: HTTPClientProxy, b: HTTPClientProxy) -> Bool {
        a.url == b.url && a.except == b.except && a.user == b.user && a.password === b.password
    }

    /// Whether `host` goes through the proxy.
    func applies(to host: String) -> Bool {
        let host = host.lowercased()
        return !except.contains { entry in
            let entry = entry.lowercased()
            if entry == "*" { return true }
            if let address = HTTPClientAddress(host) {
                return HTTPClientNetwork(entry)?.contains(address) ?? (HTTPClientAddress(entry) == address)
            }
            let name = entry.hasPrefix(".") ? String(entry.dropFirst()) : entry
            return !name.isEmpty && (host == name || host.hasSuffix("." + name))
        }
    }
}

/// Where a host is, instead of what name resolution says.
package struct HTTPClientAddressOverride: Sendable, Equatable {
    /// The host as in the URL; also what the server's certificate must name.
    package let host: String
    /// The port as in the URL.
    package let port: UInt16
    /// IPv4 or IPv6 addresses, at least one.
    package let addresses: [String]

    /// Sends what is meant for `host:port` to `addresses`, at the same port.
    package init(host: String, port: UInt16, addresses: [String]) {
        self.host = host
        self.port = port
        self.addresses = addresses
    }

    /// libcurl's spelling; nil if malformed.
    var entry: String? {
        let isName = !host.isEmpty && host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !":,*+[]".utf8.contains($0) }
        guard isName, !addresses.isEmpty, addresses.allSatisfy({ HTTPClientAddress($0) != nil }) else { return nil }
        let list = addresses.map { $0.contains(":") && !$0.hasPrefix("[") ? "[\($0)]" : $0 }
        return "\(host):\(port):\(list.joined(separator: ","))"
    }
}
