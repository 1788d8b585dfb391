/// What Cloud KMS can ask of an external key manager; what no handler answers yet is answered with UNIMPLEMENTED. The raw value is
/// Google's label for it in paths, metrics and errors.
package enum EKMMethod: String, Sendable, CaseIterable {
    case wrap, unwrap
    case asymmetricSign, getPublicKey
    case createKey, destroyKey, checkCryptoSpacePermissions
    case confidentialwrap, confidentialunwrap

    /// Its place among all cases, for counting.
    var position: Int {
        switch self {
        case .wrap: 0
        case .unwrap: 1
        case .asymmetricSign: 2
        case .getPublicKey: 3
        case .createKey: 4
        case .destroyKey: 5
        case .checkCryptoSpacePermissions: 6
        case .confidentialwrap: 7
        case .confidentialunwrap: 8
        }
    }
}

/// Takes `{key path}:{method}` apart.
struct EKMPath: Sendable, Equatable {
    let keyPath: String
    let suffix: String

    /// Splits at the last colon of the last segment; nil if that has none. A percent-encoded colon is no colon.
    init?(_ path: String) {
        let bytes = path.utf8
        guard let colon = bytes.lastIndex(of: 0x3A), !bytes[colon...].contains(0x2F) else { return nil }
        keyPath = String(path[..<colon])
        suffix = String(path[bytes.index(after: colon)...])
    }

    /// The method, if Google has one of that name.
    var method: EKMMethod? { EKMMethod(rawValue: suffix) }
}
