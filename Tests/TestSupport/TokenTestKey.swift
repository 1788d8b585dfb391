package import Primitives

/// A signing key with its `kid`, and tokens of any shape signed with it: what an issuer does, and what a forger tries.
package final class TokenTestKey: Sendable {
    /// What tokens and sets call it.
    package let keyID: String
    /// What it signs with.
    package let algorithm: SignatureAlgorithm
    /// The key.
    package let privateKey: PrivateKey

    /// A new key for `algorithm`.
    package init(_ keyID: String, _ algorithm: SignatureAlgorithm) throws {
        let type: KeyType = switch algorithm {
        case .es256: .ec(.p256)
        case .es384: .ec(.p384)
        case .es512: .ec(.p521)
        default: .rsa(bits: 2048)
        }
        (self.keyID, self.algorithm, privateKey) = (keyID, algorithm, try PrivateKey.generate(type))
    }

    /// The same key under another `kid` or for another algorithm.
    package init(_ other: TokenTestKey, keyID: String? = nil, algorithm: SignatureAlgorithm? = nil) {
        (self.keyID, self.algorithm) = (keyID ?? other.keyID, algorithm ?? other.algorithm)
        privateKey = other.privateKey
    }

    /// The public half as a JWK with `kid`, `alg` and `use`; `more` is further members, each with a comma before it.
    package func jwk(more: String = "") throws -> String {
        let members = try privateKey.publicKey.jwk()?.members ?? []
        let all = members + [("kid", keyID), ("alg", algorithm.rawValue), ("use", "sig")]
        return "{" + all.map { "\"\($0.name)\":\"\($0.value)\"" }.joined(separator: ",") + more + "}"
    }

    /// A set of keys.
    package static func jwks(_ keys: TokenTestKey...) throws -> String {
        "{\"keys\":[" + (try keys.map { try $0.jwk() }).joined(separator: ",") + "]}"
    }

    /// The header that an issuer writes; `more` is further members, each with a comma before it.
    package func header(more: String = "") -> String { #"{"alg":"\#(algorithm.rawValue)","kid":"\#(keyID)"\#(more)}"# }

    /// A token over exactly these texts.
    package func token(header: String? = nil, _ claims: String) throws -> String {
        try signed(Base64.urlEncoded((header ?? self.header()).utf8) + "." + Base64.urlEncoded(claims.utf8))
    }

    /// `input` with the signature over it, whatever it is.
    package func signed(_ input: String) throws -> String {
        input + "." + Base64.urlEncoded(try privateKey.sign(Array(input.utf8), with: algorithm.scheme))
    }
}

/// Claims as JSON, member by member, so that a test can put anything anywhere.
package struct TokenClaims: Sendable {
    /// Names and values, as JSON.
    package var members: [(name: String, json: String)]

    /// The claims of a Cloud KMS service agent's token, issued at `now` for an hour.
    package init(issuer: String, audience: String, email: String, now: Instant) {
        members = [
            ("iss", "\"\(issuer)\""), ("aud", "\"\(audience)\""), ("sub", "\"104000000000000000001\""), ("email", "\"\(email)\""),
            ("email_verified", "true"), ("iat", "\(now.seconds)"), ("exp", "\(now.seconds + 3600)"),
        ]
    }

    /// The same with one claim set to this JSON, or left out.
    package func with(_ name: String, _ json: String?) -> TokenClaims {
        var copy = self
        copy.members.removeAll { $0.name == name }
        if let json { copy.members.append((name, json)) }
        return copy
    }

    /// The document.
    package var json: String { "{" + members.map { "\"\($0.name)\":\($0.json)" }.joined(separator: ",") + "}" }
}
