package import Primitives

/// A token whose signature, time, issuer and audience hold. Only `TokenVerifier` makes one.
package struct VerifiedToken: Sendable {
    /// Whose token it is.
    package let issuer: IssuerID
    /// `sub`; empty if the token has none.
    package let subject: String
    /// `email`, in lower case (ASCII), if there is one that the issuer vouches for: `email_verified` is true, or absent where the
    /// issuer's rules don't ask for it.
    package let email: String?
    /// `aud`, one or several.
    package let audiences: [String]
    /// `iat`.
    package let issuedAt: Instant?
    /// `exp`.
    package let expiresAt: Instant
    /// All claims.
    package let claims: JSONValue

    /// Who calls: the e-mail, or the subject if there is none; empty only where the issuer's rules allow it.
    package var principal: String { email ?? subject }
}

/// The claims of RFC 7519 by type, with what an issuer's rules ask for.
struct Claims {
    /// How far the caller's clock and ours may differ.
    static let skew = Duration.seconds(60)

    private let payload: JSONValue

    init(_ payload: JSONValue) { self.payload = payload }

    /// `iss`.
    func issuer() throws(TokenRejection) -> String {
        guard let value = payload["iss"]?.string else { throw .issuer }
        return value
    }

    /// The token, if all but signature and audience hold at `now`.
    func token(of issuer: Issuer, now: Instant, skew: Duration = Claims.skew) throws(TokenRejection) -> VerifiedToken {
        let takesText = issuer.claims.allowsTextTimes
        let expiresAt = try expiry(now, skew, takesText)
        let issuedAt = try beginning(now, skew, takesText)
        guard issuedAt != nil || !issuer.claims.requiresIssuedAt else { throw .time("iat is missing") }
        // Without `iat` the lifetime counts from now: leaving it out buys no longer one.
        guard expiresAt - (issuedAt ?? now) <= issuer.claims.maxLifetime else { throw .time("lifetime is longer than accepted") }
        let (subject, email) = (try text("sub") ?? "", try email(issuer.claims))
        guard email != nil || !subject.isEmpty || issuer.claims.allowsNoSubject else { throw .claim("sub") }
        return VerifiedToken(
            issuer: issuer.id, subject: subject, email: email, audiences: try audiences(), issuedAt: issuedAt,
            expiresAt: expiresAt, claims: payload)
    }

    private func expiry(_ now: Instant, _ skew: Duration, _ takesText: Bool) throws(TokenRejection) -> Instant {
        guard let expiresAt = try instant("exp", takesText), now < expiresAt + skew else { throw .expired }
        return expiresAt
    }

    private func beginning(_ now: Instant, _ skew: Duration, _ takesText: Bool) throws(TokenRejection) -> Instant? {
        if let notBefore = try instant("nbf", takesText), notBefore > now + skew { throw .time("not valid yet") }
        let issuedAt = try instant("iat", takesText)
        if let issuedAt, issuedAt > now + skew { throw .time("issued in the future") }
        return issuedAt
    }

    /// A NumericDate (RFC 7519, 2): seconds since 1970, whole or not, and not before 1970.
    func instant(_ name: String, _ takesText: Bool = false) throws(TokenRejection) -> Instant? {
        switch payload[name] {
        case nil: return nil
        case .integer(let seconds) where seconds >= 0: return Instant(seconds: seconds)
        case .real(let seconds) where seconds >= 0 && seconds < 9e9: return Instant(nanoseconds: Int64(seconds * 1e9))
        case .string(let digits) where takesText && (1...10).contains(digits.utf8.count):
            guard digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let seconds = Int64(digits) else { fallthrough }
            return Instant(seconds: seconds)
        default: throw .time("\(name) is no number of seconds")
        }
    }

    private func text(_ name: String) throws(TokenRejection) -> String? {
        guard let value = payload[name] else { return nil }
        guard let text = value.string, text.utf8.count <= 512 else { throw .claim(name) }
        return text
    }

    func audiences() throws(TokenRejection) -> [String] {
        switch payload["aud"] {
        case .string(let audience): return [audience]
        case .array(let values) where !values.isEmpty && values.count <= 16:
            let texts = values.compactMap(\.string)
            guard texts.count == values.count else { throw .audience }
            return texts
        default: throw .audience
        }
    }

    private func email(_ rules: Issuer.ClaimRules) throws(TokenRejection) -> String? {
        var email = try text("email").map(ASCII.lowercased)
        let verified = payload["email_verified"]
        if verified != .bool(true) && verified != .string("true") {
            guard !rules.requiresVerifiedEmail else { throw .claim(email == nil ? "email" : "email_verified") }
            // An address that the issuer says it has not verified is no name; without a word on it, the issuer's rules decide.
            if verified != nil { email = nil }
        }
        if email?.isEmpty == true { email = nil }
        guard email != nil || !rules.requiresVerifiedEmail else { throw .claim("email") }
        let suffixes = rules.allowedEmailSuffixes
        guard suffixes.isEmpty || suffixes.contains(where: { ExactText.has(email ?? "", suffix: ASCII.lowercased($0)) }) else {
            throw .claim("email")
        }
        return email
    }
}

/// Texts compared byte by byte (RFC 7519, 2, "StringOrURI"): Swift compares Unicode's canonical forms instead.
enum ExactText {
    static func isEqual(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }

    static func has(_ text: String, suffix: String) -> Bool {
        text.utf8.count >= suffix.utf8.count && text.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }
}

/// Text as protocols compare it: the 26 letters fold, nothing else does.
enum ASCII {
    static func lowercased(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
