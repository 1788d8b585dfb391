import COpenSSL

/// The sixteen bytes of a UUID (RFC 9562).
package struct UUIDBytes: Hashable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    /// From sixteen bytes in network order; nil for another count.
    package init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == 16 else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        for offset in 0..<8 {
            halves.0 = halves.0 << 8 | UInt64(bytes[bytes.startIndex + offset])
            halves.1 = halves.1 << 8 | UInt64(bytes[bytes.startIndex + 8 + offset])
        }
        (high, low) = halves
    }

    /// From sixteen bytes in network order; nil for another count.
    package init?(_ bytes: [UInt8]) { self.init(bytes[...]) }

    /// From canonical text: lower case, with hyphens; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let characters = Array(text.utf8)
        guard characters.count == 36, !characters.contains(where: { $0 >= 0x41 && $0 <= 0x5A }) else { return nil }
        for index in [8, 13, 18, 23] where characters[index] != 0x2D { return nil }
        let digits = String(decoding: characters.filter { $0 != 0x2D }, as: UTF8.self)
        guard digits.utf8.count == 32, let bytes = Hex.decode(digits) else { return nil }
        self.init(bytes)
    }

    /// A random one (version 4, 122 random bits).
    /// - Throws: `OpenSSLError` if the generator can't be seeded.
    package static func random() throws(OpenSSLError) -> UUIDBytes {
        var bytes = [UInt8](repeating: 0, count: 16)
        try OpenSSLError.check(RAND_bytes(&bytes, 16), "RAND_bytes")
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        return UUIDBytes(bytes)!
    }

    /// The sixteen bytes in network order.
    package var array: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
            for index in 0..<16 { buffer[index] = byte(index) }
            count = 16
        }
    }

    /// Canonical text.
    package var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var position = 0
            for index in 0..<16 {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    buffer[position] = 0x2D
                    position += 1
                }
                buffer[position] = Hex.digit(byte(index) >> 4)
                buffer[position + 1] = Hex.digit(byte(index) & 15)
                position += 2
            }
            return position
        }
    }

    private func byte(_ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - 8 * (index & 7)))
    }
}
