/// The strings inside a JWK: canonical, unpadded base64url (RFC 7515, 2; RFC 4648, 3.5), so that one key has one spelling.
enum JWKText {
    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var (held, bits) = (UInt32(0), 0)
        for byte in bytes {
            held = held << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[Int(held >> bits & 63)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(held << (6 - bits) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of a number without leading zeros (RFC 7518, 2, "Base64urlUInt").
    static func number(_ text: String, _ name: String) throws(KeyImportError) -> [UInt8] {
        guard let bytes = decode(text), let first = bytes.first, first != 0 else {
            throw .malformed(expected: "“\(name)” as canonical base64url of a positive number without leading zeros")
        }
        return bytes
    }

    /// The bytes of a coordinate, leading zeros included (RFC 7518, 6.2.1.2).
    static func coordinate(_ text: String, _ name: String, _ curve: Curve) throws(KeyImportError) -> [UInt8] {
        guard let bytes = decode(text), bytes.count == curve.coordinateBytes else {
            throw .malformed(expected: "“\(name)” as canonical base64url of \(curve.coordinateBytes) bytes")
        }
        return bytes
    }

    /// Nil unless exactly one value encodes to `text`.
    static func decode(_ text: String) -> [UInt8]? {
        guard text.utf8.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        var (held, bits) = (UInt32(0), 0)
        for character in text.utf8 {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            held = held << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: held >> bits))
            }
        }
        return held & ((1 << bits) - 1) == 0 ? bytes : nil
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
}
