import Glibc

/// An IP address; an IPv4 address mapped into IPv6 is the IPv4 address.
package struct HTTPClientAddress: Sendable, Equatable, CustomStringConvertible {
    /// 4 or 16 bytes, in network order.
    package let bytes: [UInt8]

    private init(bytes: [UInt8]) {
        let mapped: [UInt8] = Array(repeating: 0, count: 10) + [0xFF, 0xFF]
        self.bytes = bytes.count == 16 && bytes.starts(with: mapped) ? Array(bytes[12...]) : bytes
    }

    /// The address written as text, an IPv6 address also in brackets; nil for anything else, names included.
    package init?(_ text: String) {
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        let text = isBracketed ? String(text.dropFirst().dropLast()) : text
        var bytes = [UInt8](repeating: 0, count: 16)
        if !isBracketed, inet_pton(AF_INET, text, &bytes) == 1 {
            self.init(bytes: Array(bytes[..<4]))
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            self.init(bytes: bytes)
        } else {
            return nil
        }
    }

    /// The address in a C socket address; nil for another family.
    init?(family: CInt, socketAddress: UnsafeRawPointer) {
        switch family {
        case AF_INET:
            let address = socketAddress.loadUnaligned(as: sockaddr_in.self).sin_addr
            self.init(bytes: withUnsafeBytes(of: address) { Array($0) })
        case AF_INET6:
            let address = socketAddress.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            self.init(bytes: withUnsafeBytes(of: address) { Array($0) })
        default: return nil
        }
    }

    /// The usual notation.
    package var description: String {
        var text = [CChar](repeating: 0, count: 64)
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Whether the address is on the public Internet: none of loopback, private, link-local (where clouds keep their metadata
    /// service), shared, multicast, documentation or reserved. Behind NAT64 the embedded IPv4 address decides.
    ///
    /// Source: the IANA special-purpose address registries (RFC 6890) as of 2025.
    package var isPublic: Bool {
        if bytes.count == 4 { return !Self.special4.contains { $0.contains(self) } }
        if Self.nat64.contains(where: { $0.contains(self) }) { return HTTPClientAddress(bytes: Array(bytes[12...])).isPublic }
        return Self.global6.contains { $0.contains(self) } && !Self.special6.contains { $0.contains(self) }
    }

    private static let special4 = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    ].compactMap(HTTPClientNetwork.init)
    private static let global6 = ["2000::/3"].compactMap(HTTPClientNetwork.init)
    private static let special6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"].compactMap(HTTPClientNetwork.init)
    private static let nat64 = ["64:ff9b::/96"].compactMap(HTTPClientNetwork.init)
}

/// A range of addresses, `10.0.0.0/8`.
struct HTTPClientNetwork {
    private let address: HTTPClientAddress
    private let prefixBits: Int

    /// nil if `text` is no network.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = HTTPClientAddress(String(parts[0])), let bits = Int(parts[1]),
            (0...address.bytes.count * 8).contains(bits)
        else { return nil }
        self.address = address
        prefixBits = bits
    }

    func contains(_ other: HTTPClientAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        return (0..<prefixBits).allSatisfy { bit in
            (other.bytes[bit / 8] ^ address.bytes[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }
}

/// Which addresses a client may connect to. Two rules are equal only if they are the same object.
package final class HTTPClientAddressRule: Sendable, Equatable {
    /// The decision.
    let allows: @Sendable (HTTPClientAddress) -> Bool

    /// A rule that asks `allows` about each address just before the connection; on one of the client's threads.
    package init(_ allows: @escaping @Sendable (HTTPClientAddress) -> Bool) { self.allows = allows }

    /// Every address.
    package static let any = HTTPClientAddressRule { _ in true }
    /// Addresses on the public Internet only.
    package static let publicOnly = HTTPClientAddressRule { $0.isPublic }

    /// Identity.
    package static func == (a: HTTPClientAddressRule, b: HTTPClientAddressRule) -> Bool { a === b }
}
