import KeyCore
package import Primitives

/// Somebody who signs tokens in tests: an RSA key of its own, made once per process.
package final class EKMTestIssuer: Sendable {
    /// The one that the fixtures' endpoints believe.
    package static let google = make("google-1")
    /// The same issuer's next key.
    package static let googleNext = make("google-2")
    /// Somebody else.
    package static let stranger = make("stranger-1")

    /// The key's `kid`.
    package let keyID: String
    /// The key.
    package let key: PrivateKey

    private static func make(_ keyID: String) -> Result<EKMTestIssuer, any Error> { Result { try EKMTestIssuer(keyID) } }

    private init(_ keyID: String) throws {
        self.keyID = keyID
        key = try PrivateKey.generate(.rsa(bits: 2048))
    }

    /// The public half as a member of a JWK Set.
    package func jwk(keyID: String? = nil) throws -> String {
        guard let jwk = try key.publicKey.jwk() else { return "{}" }
        let members = jwk.members.map { #""\#($0.name)":"\#($0.value)""# }.joined(separator: ",")
        return #"{"use":"sig","alg":"RS256","kid":"\#(keyID ?? self.keyID)",\#(members)}"#
    }

    /// A JWK Set of these issuers' keys.
    package static func jwks(_ issuers: [EKMTestIssuer]) throws -> [UInt8] {
        Array(#"{"keys":[\#(try issuers.map { try $0.jwk() }.joined(separator: ","))]}"#.utf8)
    }
}

/// A token to be: a valid one of Google's at `now`, until a test changes its header or claims.
package struct EKMTestToken: Sendable {
    /// The service agent whom the fixtures' policies permit.
    package static let client = "service-123456789012@gcp-sa-ekms.iam.gserviceaccount.com"

    /// The header's members; JSON text.
    package var header: [String: String]
    /// The claims; JSON text.
    package var claims: [String: String]

    /// Valid for an hour from `now`, for `https://ekm.example.com`.
    package init(now: Instant, keyID: String = "google-1") {
        header = ["alg": #""RS256""#, "typ": #""JWT""#, "kid": #""\#(keyID)""#]
        claims = [
            "iss": #""https://accounts.google.com""#, "aud": #""https://ekm.example.com""#, "sub": #""104857600""#,
            "email": #""\#(Self.client)""#, "email_verified": "true", "iat": "\(now.seconds)", "exp": "\(now.seconds + 3600)",
        ]
    }

    /// With other claims; nil takes one away.
    package func with(_ changes: [String: String?]) -> EKMTestToken {
        var token = self
        for (name, value) in changes { token.claims[name] = value }
        return token
    }

    /// With other header members; nil takes one away.
    package func withHeader(_ changes: [String: String?]) -> EKMTestToken {
        var token = self
        for (name, value) in changes { token.header[name] = value }
        return token
    }

    /// What is signed: `header.payload`.
    package var signedText: String { [header, claims].map(Self.segment).joined(separator: ".") }

    /// The compact form, signed by `issuer` with RS256 whatever the header says.
    package func signed(by issuer: EKMTestIssuer) throws -> String {
        let text = signedText
        return text + "." + Base64.urlEncoded(try issuer.key.sign(Array(text.utf8), with: .rsaPKCS1(.sha256)))
    }

    private static func segment(_ members: [String: String]) -> String {
        let json = members.sorted { $0.key < $1.key }.map { #""\#($0.key)":\#($0.value)"# }.joined(separator: ",")
        return Base64.urlEncoded(Array("{\(json)}".utf8))
    }
}
