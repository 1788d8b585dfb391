import KeyCore
import Primitives

/// Which endpoint and method a request target means.
struct KACLSPath: Sendable, Equatable {
    /// Below this every path is ours, whether an endpoint is there or not.
    static let prefix = "v0/kacls/"

    /// The endpoint's path.
    let base: String
    /// What stands behind it.
    let segment: String

    /// Takes a target apart. Google's client joins a base URL and `/wrap` as texts, so that a base with a slash at its end
    /// gives two: repeated slashes count as one here. All other rules of `RequestPath` hold.
    init?(target: String) {
        guard !target.utf8.contains(0x3A) else { return nil }  // Cloud EKM's; none of our paths can hold a colon
        guard let path = RequestPath(target: KACLSPath.collapsingSlashes(target)), path.query == nil,
            let slash = path.text.utf8.lastIndex(of: 0x2F)
        else { return nil }
        base = String(path.text[..<slash])
        segment = String(path.text[path.text.utf8.index(after: slash)...])
    }

    private static func collapsingSlashes(_ target: String) -> String {
        var (bytes, isInQuery) = ([UInt8](), false)
        for byte in target.utf8 {
            if byte == 0x3F { isInQuery = true }
            if byte == 0x2F, bytes.last == 0x2F, !isInQuery { continue }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
