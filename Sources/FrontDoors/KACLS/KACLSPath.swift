import KeyCore
import Primitives

/// Which endpoint and method a request target means. Also a target that is refused is taken apart as far as that goes: the refusal is to
/// reach the browser in this protocol's shape.
struct KACLSPath: Sendable, Equatable {
    /// Below this every path is ours, whether an endpoint is there or not.
    static let prefix = "v0/kacls/"

    /// Why nothing is to be found at a target, whatever it is.
    enum Fault: Sendable, Equatable {
        /// The path breaks a rule of `RequestPath`.
        case form
        /// There is a query; no method has one.
        case query
    }

    /// The endpoint's path.
    let base: String
    /// What stands behind it; a slash at its end is part of it, and of no method's name.
    let segment: String
    /// What is wrong with the target; nil if nothing is.
    let fault: Fault?

    /// Takes a target apart. Google's client joins a base URL and `/wrap` as texts, so that a base with a slash at its end
    /// gives two: repeated slashes count as one here. All other rules of `RequestPath` hold.
    init?(target: String) {
        let bytes = target.utf8
        let path = KACLSPath.collapsingSlashes(bytes.prefix { $0 != 0x3F })
        guard path.first == 0x2F, !path.contains(0x3A) else { return nil }  // a colon is Cloud EKM's; none of our paths can hold one
        let name = path.last == 0x2F ? path.dropLast() : path[...]
        guard let slash = name.lastIndex(of: 0x2F), slash > name.startIndex else { return nil }
        base = String(decoding: path[1..<slash], as: UTF8.self)
        segment = String(decoding: path[(slash + 1)...], as: UTF8.self)
        let isClean = RequestPath(target: String(decoding: name, as: UTF8.self)) != nil
        fault = !isClean ? .form : bytes.contains(0x3F) ? .query : nil
    }

    /// Whether it is ours even without an endpoint there.
    var isBelowPrefix: Bool { (base + "/").hasPrefix(KACLSPath.prefix) }

    private static func collapsingSlashes(_ path: some Sequence<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in path where byte != 0x2F || bytes.last != 0x2F { bytes.append(byte) }
        return bytes
    }
}
