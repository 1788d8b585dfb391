import Primitives

/// The base URL of a key access service, brought into the one form that is compared: scheme and host in lower case, without the
/// default port and without one trailing slash; the path stays as it is, nothing is decoded.
package struct KACLSURL: Hashable, Sendable, CustomStringConvertible {
    /// As `https://cse.example.com/v1`.
    package let description: String

    /// nil for anything but https, a host, perhaps a port, and a path of printable ASCII; at most 2048 bytes.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= 2048, ASCII.lowercased(String(text.prefix(8))) == "https://",
            bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"\\\"<>^`{|}?#@".utf8.contains($0) })
        else { return nil }
        let rest = bytes.dropFirst(8)
        var authority = ASCII.lowercased(String(decoding: rest.prefix { $0 != 0x2F }, as: UTF8.self))
        var path = rest.drop { $0 != 0x2F }
        if authority.hasSuffix(":443") { authority.removeLast(4) }
        guard !authority.isEmpty, authority.first != ":", authority.last != ":" else { return nil }
        if path.last == 0x2F { path = path.dropLast() }
        description = "https://\(authority)\(String(decoding: path, as: UTF8.self))"
    }

    /// How services write it in `iss`: with and without the slash at the end and the default port.
    var spellings: [String] {
        let rest = description.dropFirst(8)
        let (authority, path) = (rest.prefix { $0 != "/" }, rest.drop { $0 != "/" })
        let bases = authority.contains(":") ? [description] : [description, "https://\(authority):443\(path)"]
        return bases + bases.map { $0 + "/" }
    }

    /// The URL of one of its methods.
    package func method(_ name: String) -> String { "\(description)/\(name)" }
}
