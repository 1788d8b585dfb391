import CJWT
import Glibc

/// Mints our own compact JWTs through libjwt: development tokens, service-account assertions, fixtures. Nothing here verifies.
package enum TokenMinter {
    /// Why there is no token.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// libjwt refused the claims or the key; says which.
        case refused(String)

        package var description: String { switch self { case .refused(let text): text } }
    }

    /// A compact JWS (RFC 7515, 7.1) over `claims`.
    /// - Parameters:
    ///   - claims: a JSON object.
    ///   - algorithm: RS256, RS384, RS512, ES256, ES384 or ES512; libjwt 1.10 has no other asymmetric ones.
    ///   - privateKeyPEM: PKCS#8.
    package static func mint(
        claims: String, algorithm: SignatureAlgorithm, keyID: String, privateKeyPEM: borrowing SecretBytes
    ) throws(Failure) -> String {
        guard let name = libjwtName(algorithm) else { throw .refused("libjwt can't sign \(algorithm.rawValue)") }
        // C would end the text there, and sign something else than was asked for.
        guard !claims.utf8.contains(0), !keyID.utf8.contains(0) else { throw .refused("expected claims and key id without NUL") }
        var token: OpaquePointer?
        guard jwt_new(&token) == 0, let token else { throw .refused("libjwt has no memory for a token") }
        defer { jwt_free(token) }
        guard jwt_add_grants_json(token, claims) == 0 else { throw .refused("expected the claims to be a JSON object") }
        guard jwt_add_header(token, "kid", keyID) == 0 else { throw .refused("libjwt refused the key id") }
        let count = privateKeyPEM.count
        let isSet = privateKeyPEM.withPointer { jwt_set_alg(token, name, $0, CInt(count)) == 0 }
        guard isSet, let text = jwt_encode_str(token) else { throw .refused("libjwt can't sign \(algorithm.rawValue) with this private key") }
        defer { free(text) }
        return String(cString: text)
    }

    private static func libjwtName(_ algorithm: SignatureAlgorithm) -> jwt_alg_t? {
        switch algorithm {
        case .rs256: JWT_ALG_RS256
        case .rs384: JWT_ALG_RS384
        case .rs512: JWT_ALG_RS512
        case .es256: JWT_ALG_ES256
        case .es384: JWT_ALG_ES384
        case .es512: JWT_ALG_ES512
        case .ps256, .ps384, .ps512: nil
        }
    }
}
