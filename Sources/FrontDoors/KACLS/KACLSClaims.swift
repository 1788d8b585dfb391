import KeyCore
import Primitives

/// The authorization token: Google's word on what is asked for, for whom.
struct KACLSAuthorization: Sendable {
    /// How Google knows the user.
    enum EmailType: String {
        case google
        /// An address that isn't Google's, verified by a PIN.
        case visitor = "google-visitor"
        /// An address that isn't Google's, from an identity provider of the customer.
        case customerIDP = "customer-idp"
    }

    let token: VerifiedToken
    let email: String
    /// nil if Google uses a word that we don't know.
    let emailType: EmailType?
    let resourceName: String?
    let perimeterID: String
    let role: String?
    let url: String?
    let ownerDomain: String?
    let delegatedTo: String?
    let spkiHash: String?
    let spkiHashAlgorithm: String?
    /// Which mail it is about; only for the audit.
    let messageID: String?

    init(_ token: VerifiedToken) throws(KACLSError) {
        let claims = KACLSClaimReader(claims: token.claims, token: "authorization")
        self.token = token
        guard let email = try claims.text("email", atMost: 320), !email.isEmpty else { throw claims.refusal("email") }
        self.email = email
        let type = try claims.text("email_type", atMost: 64) ?? ""
        emailType = type.isEmpty ? .google : EmailType(rawValue: type)
        resourceName = try claims.text("resource_name", atMost: 512)
        perimeterID = try claims.text("perimeter_id", atMost: 128) ?? ""
        role = try claims.text("role", atMost: 64)
        url = try claims.text("kacls_url", atMost: 2048)
        ownerDomain = try claims.text("kacls_owner_domain", atMost: 253, emptyIsNone: true)
        delegatedTo = try claims.text("delegated_to", atMost: 320, emptyIsNone: true)
        spkiHash = try claims.text("spki_hash", atMost: 128)
        spkiHashAlgorithm = try claims.text("spki_hash_algorithm", atMost: 32)
        messageID = token.claims["message_id"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// The authentication token: an identity provider's word on who asks, or ours on who acts for whom.
struct KACLSAuthentication: Sendable {
    let token: VerifiedToken
    /// The address that is compared with Google's: `google_email` if there is one, and then it alone.
    let email: String
    let hasGoogleEmail: Bool
    let delegatedTo: String?
    let resourceName: String?

    init(_ token: VerifiedToken) throws(KACLSError) {
        let claims = KACLSClaimReader(claims: token.claims, token: "authentication")
        self.token = token
        let verified = token.claims["email_verified"]
        guard verified == nil || verified == .bool(true) || verified == .string("true") else { throw claims.refusal("email_verified") }
        let google = try claims.text("google_email", atMost: 320, emptyIsNone: true)
        let own = try claims.text("email", atMost: 320)
        guard let email = google ?? own, !email.isEmpty else { throw claims.refusal("email") }
        (self.email, hasGoogleEmail) = (email, google != nil)
        delegatedTo = try claims.text("delegated_to", atMost: 320)
        resourceName = try claims.text("resource_name", atMost: 512)
    }
}

/// Claims by type; one of another type than it must be makes the token useless.
struct KACLSClaimReader {
    let claims: JSONValue
    let token: String

    /// A text; nil if there is none. Google sends claims without a value as empty texts.
    func text(_ name: String, atMost limit: Int, emptyIsNone: Bool = false) throws(KACLSError) -> String? {
        guard let value = claims[name], value != .null else { return nil }
        guard let text = value.string else { throw refusal(name) }
        guard text.utf8.count <= limit else {
            throw KACLSError(400, "\(token): claim \(name) is longer than \(limit) bytes", cause: "claim-too-long")
        }
        return emptyIsNone && text.isEmpty ? nil : text
    }

    func refusal(_ name: String) -> KACLSError { KACLSError(TokenRejection.claim(name), of: token) }
}

/// E-mail addresses and domains as they are compared: the letters A to Z fold, nothing else does, so that no look-alike is anybody.
enum KACLSName {
    static func isSame(_ a: String, _ b: String) -> Bool { folded(a).elementsEqual(folded(b)) }

    private static func folded(_ text: String) -> [UInt8] { text.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 } }
}
