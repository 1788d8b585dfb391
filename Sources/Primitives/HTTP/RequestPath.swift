/// A request target's path, checked before anybody routes by it (N36).
///
/// One thing has one path: empty segments, `.` and `..`, `;`, backslashes and percent-encodings of any of these, of control characters or
/// of what needs none (RFC 3986, 2.3 and 6.2.2) are refused, not repaired. The rest stays as it stood on the wire.
package struct RequestPath: Sendable, Equatable {
    /// Without the leading slash and the query.
    package let text: String
    /// What follows `?`; nil if there is none.
    package let query: String?

    /// The path of a request target; nil if it is refused.
    package init?(target: String) {
        let bytes = Array(target.utf8)
        guard bytes.first == 0x2F, bytes.count <= 4096 else { return nil }
        let end = bytes.firstIndex(of: 0x3F) ?? bytes.endIndex
        let path = bytes[1..<end]
        for segment in path.split(separator: 0x2F, omittingEmptySubsequences: false) {
            guard RequestPath.isClean(segment) || (segment.isEmpty && path.isEmpty) else { return nil }
        }
        text = String(decoding: path, as: UTF8.self)
        query = end < bytes.endIndex ? String(decoding: bytes[(end + 1)...], as: UTF8.self) : nil
    }

    private static func isClean(_ segment: ArraySlice<UInt8>) -> Bool {
        guard !segment.isEmpty, !segment.elementsEqual([0x2E]), !segment.elementsEqual([0x2E, 0x2E]) else { return false }
        var index = segment.startIndex
        while index < segment.endIndex {
            switch segment[index] {
            case 0...0x20, 0x22, 0x23, 0x3B, 0x3C, 0x3E, 0x5C, 0x5E, 0x60, 0x7B...0x7D, 0x7F...0xFF: return false
            case 0x25:
                guard index + 2 < segment.endIndex, let high = hex(segment[index + 1]), let low = hex(segment[index + 2]),
                    mayBeEncoded(high << 4 | low)
                else { return false }
                index += 3
            default: index += 1
            }
        }
        return true
    }

    /// Reserved characters but `/`, `;`; nothing unreserved, no control, no backslash.
    private static func mayBeEncoded(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, 0x7F, 0x2F, 0x5C, 0x3B, 0x2D, 0x2E, 0x5F, 0x7E, 0x30...0x39, 0x41...0x5A, 0x61...0x7A: false
        default: true
        }
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
