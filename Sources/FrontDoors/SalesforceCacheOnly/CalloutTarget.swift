import KeyCore

/// Takes `/{endpoint}/{key identifier}?requestId={nonce}` apart. What is particular: the slash that ends a named credential's URL gives a
/// second one before the identifier, which is not refused; and the identifier may be percent-encoded.
package struct CalloutTarget: Sendable, Equatable {
    /// The endpoint's path, as it stood on the wire.
    let endpointPath: String
    private let segment: ArraySlice<UInt8>
    private let query: ArraySlice<UInt8>

    /// Nil if the target has another form.
    init?(_ target: String) {
        let bytes = Array(target.utf8)
        guard bytes.first == 0x2F, bytes.count <= 4096 else { return nil }
        let end = bytes.firstIndex(of: 0x3F) ?? bytes.endIndex
        guard let slash = bytes[..<end].lastIndex(of: 0x2F) else { return nil }
        var path = bytes[..<slash]
        while path.last == 0x2F { path.removeLast() }
        guard path.count > 1 else { return nil }
        endpointPath = String(decoding: path.dropFirst(), as: UTF8.self)
        segment = bytes[(slash + 1)..<end]
        query = end < bytes.endIndex ? bytes[(end + 1)...] : []
    }

    /// The key identifier.
    /// - Throws: 400 unless it is one.
    func identifier() throws(CalloutError) -> String {
        guard let bytes = CalloutTarget.percentDecoded(segment) else { throw .badRequest("identifier") }
        let text = String(decoding: bytes, as: UTF8.self)
        guard CacheOnlyKey.isIdentifier(text) else { throw .badRequest("identifier") }
        return text
    }

    /// The nonce of this callout, if it has one; other parameters are nobody's business.
    /// - Throws: 400 if it is malformed or there twice.
    func nonce() throws(CalloutError) -> String? {
        var nonce: String?
        for parameter in query.split(separator: 0x26) {
            let parts = parameter.split(separator: 0x3D, maxSplits: 1, omittingEmptySubsequences: false)
            guard CalloutTarget.percentDecoded(parts[0])?.elementsEqual("requestId".utf8) == true else { continue }
            guard nonce == nil, parts.count == 2, let value = CalloutTarget.percentDecoded(parts[1]), (1...128).contains(value.count),
                value.allSatisfy(CalloutTarget.isUnreserved)
            else { throw .badRequest("request-id") }
            nonce = String(decoding: value, as: UTF8.self)
        }
        return nonce
    }

    /// RFC 3986, 2.3.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }

    /// RFC 3986, 2.1; nil if an encoding is incomplete.
    private static func percentDecoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var decoded: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            guard text[index] == 0x25 else {
                decoded.append(text[index])
                index += 1
                continue
            }
            guard index + 2 < text.endIndex, let high = hex(text[index + 1]), let low = hex(text[index + 2]) else { return nil }
            decoded.append(high << 4 | low)
            index += 3
        }
        return decoded
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
