import COpenSSL

/// The members of a public JSON Web Key that make the key (RFC 7517, RFC 7518, 6), with their wire spelling and encoding.
package enum JWK: Sendable, Hashable {
    /// Modulus and exponent, base64url of big-endian numbers without leading zeros (RFC 7518, 6.3.1).
    case rsa(n: String, e: String)
    /// Curve and coordinates, base64url of the coordinates' full size (RFC 7518, 6.2.1).
    case ec(crv: String, x: String, y: String)

    /// The key in a JSON object, whose string members `member` finds by name.
    /// - Throws: `KeyImportError` if a member is missing, the type is unknown, or the key is a private one.
    package init(_ member: (String) -> String?) throws(KeyImportError) {
        guard member("d") == nil else { throw .malformed(expected: "a public JWK, found the private member “d”") }
        switch member("kty") {
        case "RSA":
            guard let n = member("n"), let e = member("e") else { throw .malformed(expected: "an RSA JWK with “n” and “e”") }
            self = .rsa(n: n, e: e)
        case "EC":
            guard let crv = member("crv"), let x = member("x"), let y = member("y") else {
                throw .malformed(expected: "an EC JWK with “crv”, “x” and “y”")
            }
            self = .ec(crv: crv, x: x, y: y)
        default: throw .unsupported(expected: "a JWK with “kty” RSA or EC")
        }
    }

    /// The members, `kty` first, in the order in which they are usually written.
    package var members: [(name: String, value: String)] {
        switch self {
        case .rsa(let n, let e): [("kty", "RSA"), ("n", n), ("e", e)]
        case .ec(let crv, let x, let y): [("kty", "EC"), ("crv", crv), ("x", x), ("y", y)]
        }
    }

    /// The JWK thumbprint with SHA-256, base64url (RFC 7638, 3).
    package var thumbprint: String {
        let sorted = members.sorted { $0.name < $1.name }.map { "\"\($0.name)\":\"\($0.value)\"" }
        return JWKText.encode(Digest.sha256(Array("{\(sorted.joined(separator: ","))}".utf8)))
    }
}

extension PublicKey {
    /// A key from a JWK.
    /// - Throws: `KeyImportError` unless each member is canonical base64url of the right size and the key is acceptable.
    package convenience init(jwk: JWK) throws(KeyImportError) {
        switch jwk {
        case .rsa(let n, let e): try self.init(rsaModulus: try JWKText.number(n, "n"), exponent: try JWKText.number(e, "e"))
        case .ec(let crv, let x, let y):
            guard let curve = Curve(rawValue: crv) else {
                throw .unsupported(expected: "a JWK with “crv” P-256, P-384 or P-521")
            }
            let (x, y) = (try JWKText.coordinate(x, "x", curve), try JWKText.coordinate(y, "y", curve))
            try self.init(curve: curve, x: x, y: y)
        }
    }

    /// The key as a JWK; nil for Ed25519.
    package func jwk() throws(OpenSSLError) -> JWK? {
        switch type {
        case .rsa: return .rsa(n: JWKText.encode(try handle.number("n")), e: JWKText.encode(try handle.number("e")))
        case .ec(let curve):
            let x = try handle.number("qx", paddedTo: curve.coordinateBytes)
            let y = try handle.number("qy", paddedTo: curve.coordinateBytes)
            return .ec(crv: curve.rawValue, x: JWKText.encode(x), y: JWKText.encode(y))
        case .ed25519: return nil
        }
    }
}
