/// An IPv4 or IPv6 address. IPv4 written inside IPv6 (`::ffff:192.0.2.1`) is the IPv4 address.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// The 128 bits; IPv4 as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2).
    let bits: UInt128

    static let mappedPrefix: UInt128 = 0xFFFF << 32

    init(bits: UInt128) { self.bits = bits }

    /// From 4 or 16 bytes in network order; nil for another count.
    package init?(bytes: some Collection<UInt8>) {
        let value = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        switch bytes.count {
        case 4: bits = IPAddress.mappedPrefix | value
        case 16: bits = value
        default: return nil
        }
    }

    /// From text: dotted decimal without leading zeros, or any form of RFC 4291, 2.2; nil for anything else, a zone
    /// (`fe80::1%eth0`) included.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 45 else { return nil }
        let value = text.utf8.contains(0x3A) ? IPAddress.version6(String(text)) : IPAddress.version4(text).map { IPAddress.mappedPrefix | $0 }
        guard let value else { return nil }
        bits = value
    }

    /// Whether it is an IPv4 address.
    package var isVersion4: Bool { bits >> 32 == 0xFFFF }

    /// Dotted decimal, or IPv6 in the form of RFC 5952.
    package var description: String {
        if isVersion4 { return stride(from: 24, through: 0, by: -8).map { String(bits >> UInt128($0) & 0xFF) }.joined(separator: ".") }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: bits >> UInt128(112 - 16 * $0)) }
        func text(_ groups: ArraySlice<UInt16>) -> String { groups.map { String($0, radix: 16) }.joined(separator: ":") }
        guard let zeros = IPAddress.longestZeros(groups) else { return text(groups[...]) }
        return text(groups[..<zeros.lowerBound]) + "::" + text(groups[zeros.upperBound...])
    }

    private static func version4(_ text: some StringProtocol) -> UInt128? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt128 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                part.utf8.count == 1 || part.utf8.first != 0x30, let byte = UInt8(part)
            else { return nil }
            value = value << 8 | UInt128(byte)
        }
        return value
    }

    private static func version6(_ text: String) -> UInt128? {
        guard let gap = text.firstRange(of: "::") else {
            guard let groups = groups(text[...], mayEndIn4: true), groups.count == 8 else { return nil }
            return join(groups)
        }
        guard let head = groups(text[..<gap.lowerBound], mayEndIn4: false), let tail = groups(text[gap.upperBound...], mayEndIn4: true),
            head.count + tail.count <= 7
        else { return nil }
        return join(head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail)
    }

    private static func groups(_ text: Substring, mayEndIn4: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if mayEndIn4, index == parts.count - 1, part.utf8.contains(0x2E) {
                guard let value = version4(part) else { return nil }
                groups += [UInt16(truncatingIfNeeded: value >> 16), UInt16(truncatingIfNeeded: value)]
            } else {
                guard (1...4).contains(part.utf8.count), part.utf8.first != 0x2B, part.utf8.first != 0x2D,
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    private static func join(_ groups: [UInt16]) -> UInt128 { groups.reduce(0) { $0 << 16 | UInt128($1) } }

    /// The first of the longest runs of at least two zero groups.
    private static func longestZeros(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        for index in 0...groups.count where index == groups.count || groups[index] != 0 {
            if index - start > max(1, best?.count ?? 0) { best = start..<index }
            start = index + 1
        }
        return best
    }
}

/// A network in CIDR form (RFC 4632): all addresses of one family that begin with the same bits.
package struct IPNetwork: Sendable, Hashable, CustomStringConvertible {
    /// Its first address.
    package let first: IPAddress
    private let mask: UInt128
    private let length: Int  // of the prefix, in the family's own count

    /// From `192.0.2.0/24`, `2001:db8::/32` or a single address.
    /// - Throws: `Complaint` if it is neither, or has bits set beyond the prefix.
    init(_ text: String) throws(Complaint) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) }) else {
            throw Complaint("expected an address or a network such as 192.0.2.0/24 or 2001:db8::/32, found “\(text.prefix(64))”")
        }
        let mapped = address.isVersion4 && text.utf8.contains(0x3A)  // written in IPv6, so that its prefix counts 128 bits
        let offset = address.isVersion4 && !mapped ? 96 : 0
        let length = parts.count == 2 ? IPNetwork.number(parts[1]) : 128 - offset
        guard let length, length + offset <= 128, length + offset >= (address.isVersion4 ? 96 : 0) else {
            throw Complaint("expected a prefix length of at most \(128 - offset) after “/”, found “\(text.prefix(64))”")
        }
        mask = length + offset == 0 ? 0 : UInt128.max << UInt128(128 - offset - length)
        first = IPAddress(bits: address.bits & mask)
        self.length = mapped ? length - 96 : length
        guard first == address else { throw Complaint("expected no bits beyond the prefix; write “\(self)”") }
    }

    /// From the same forms; nil for anything else.
    package init?(parsing text: String) {
        guard let network = try? IPNetwork(text) else { return nil }
        self = network
    }

    /// Whether the address lies inside; an IPv4 address lies in no IPv6 network, `::/0` included.
    package func contains(_ address: IPAddress) -> Bool {
        address.bits & mask == first.bits && address.isVersion4 == first.isVersion4
    }

    /// As `192.0.2.0/24`.
    package var description: String { "\(first)/\(length)" }

    private static func number(_ text: Substring) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return Int(text)
    }
}

extension IPAddress {
    /// The /64 in which an IPv6 address lies, as `2001:db8::/64`: what one household or one machine has (RFC 6177).
    package var network64: String { "\(IPAddress(bits: (bits >> 64) << 64))/64" }
}
