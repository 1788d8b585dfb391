import Primitives

/// Base32 (RFC 4648, 6) without padding: how authenticator programs take a secret.
enum Base32 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    /// The text of a secret, for the one answer that shows it.
    static func string(_ secret: borrowing SecretBytes) -> String {
        secret.withSpan { bytes in
            var text: [UInt8] = []
            var (buffer, bits): (UInt32, UInt32) = (0, 0)
            for index in bytes.indices {
                buffer = buffer << 8 | UInt32(bytes[index])
                bits += 8
                while bits >= 5 {
                    bits -= 5
                    text.append(alphabet[Int(buffer >> bits & 31)])
                }
            }
            if bits > 0 { text.append(alphabet[Int(buffer << (5 - bits) & 31)]) }
            return String(decoding: text, as: UTF8.self)
        }
    }
}
