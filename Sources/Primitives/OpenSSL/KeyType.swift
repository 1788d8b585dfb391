/// What kind of key, and how large.
package enum KeyType: Sendable, Hashable, CustomStringConvertible {
    /// RSA with a modulus of so many bits, 2048 … 8192.
    case rsa(bits: Int)
    /// ECDSA on a NIST curve.
    case ec(Curve)
    /// Ed25519 (RFC 8032).
    case ed25519

    package var description: String {
        switch self {
        case .rsa(let bits): "RSA-\(bits)"
        case .ec(let curve): "EC \(curve.rawValue)"
        case .ed25519: "Ed25519"
        }
    }

    /// The sizes of RSA modulus that are accepted.
    package static let rsaBits = 2048...8192
}

/// A NIST curve, with its JOSE name (RFC 7518, 6.2.1.1).
package enum Curve: String, Sendable, Hashable, CaseIterable {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    /// The size of a coordinate, and of r and s, in bytes.
    package var coordinateBytes: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }

    /// OpenSSL's name of the group.
    var groupName: StaticString {
        switch self {
        case .p256: "prime256v1"
        case .p384: "secp384r1"
        case .p521: "secp521r1"
        }
    }

    init?(groupName: String) {
        guard let curve = Curve.allCases.first(where: { "\($0.groupName)" == groupName }) else { return nil }
        self = curve
    }

    /// The order n of the base point, big-endian, `coordinateBytes` long (NIST SP 800-186, 3.2.1).
    var order: [UInt8] {
        switch self {
        case .p256: Curve.p256Order
        case .p384: Curve.p384Order
        case .p521: Curve.p521Order
        }
    }

    private static let p256Order: [UInt8] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ]
    private static let p384Order: [UInt8] = [UInt8](repeating: 0xFF, count: 24) + [
        0xC7, 0x63, 0x4D, 0x81, 0xF4, 0x37, 0x2D, 0xDF, 0x58, 0x1A, 0x0D, 0xB2,
        0x48, 0xB0, 0xA7, 0x7A, 0xEC, 0xEC, 0x19, 0x6A, 0xCC, 0xC5, 0x29, 0x73,
    ]
    private static let p521Order: [UInt8] = [0x01] + [UInt8](repeating: 0xFF, count: 32) + [
        0xFA, 0x51, 0x86, 0x87, 0x83, 0xBF, 0x2F, 0x96, 0x6B, 0x7F, 0xCC, 0x01, 0x48, 0xF7, 0x09, 0xA5, 0xD0,
        0x3B, 0xB5, 0xC9, 0xB8, 0x89, 0x9C, 0x47, 0xAE, 0xBB, 0x6F, 0xB7, 0x1E, 0x91, 0x38, 0x64, 0x09,
    ]
}
