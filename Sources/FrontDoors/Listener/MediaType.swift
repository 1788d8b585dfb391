/// Media types (RFC 9110, 8.3.1).
enum MediaType {
    /// Whether the type, less its parameters, is JSON's.
    static func isJSON(_ type: String) -> Bool {
        let media = type.utf8.prefix { $0 != 0x3B }.filter { $0 != 0x20 && $0 != 0x09 }
        return media.elementsEqual("application/json".utf8, by: { $0 | 0x20 == $1 | 0x20 })
    }
}
