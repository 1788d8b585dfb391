/// The strings inside a JWK: canonical, unpadded base64url (RFC 7515, 2; RFC 4648, 3.5), so that one key has one spelling.
enum JWKText {
    static func encode(_ bytes: [UInt8]) -> String { Base64.urlEncoded(bytes) }

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
    static func decode(_ text: String) -> [UInt8]? { try? Base64.decodeURLCanonical(Array(text.utf8)[...]) }
}
