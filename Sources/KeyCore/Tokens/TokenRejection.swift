/// Why a token makes nobody a caller. All but `keysUnavailable` are the caller's fault (401); that one is ours (503).
package enum TokenRejection: Error, Equatable, Sendable {
    /// Not a compact JWS of three canonical base64url segments with strict JSON, or too large.
    case malformed(String)
    /// A header parameter that we refuse: `crit`, an algorithm outside the issuer's list, a missing `kid`.
    case header(String)
    /// `iss` is none of the issuers accepted here.
    case issuer
    /// No key of this issuer has that `kid` and algorithm.
    case unknownKey
    /// The signature is not the issuer's.
    case signature
    /// `exp` has passed, or is missing.
    case expired
    /// `nbf` or `iat` lies in the future, or the lifetime is longer than accepted.
    case time(String)
    /// `aud` names somebody else.
    case audience
    /// A claim that the issuer's rules need is missing or of another value.
    case claim(String)
    /// The issuer's keys have never been fetched and can't be now; or, for a caller with long patience, not the one that the token names.
    case keysUnavailable

    /// For the caller: which rule failed, in words that hold nothing of the token.
    package var rule: String {
        switch self {
        case .malformed(let what): "malformed token: \(what)"
        case .header(let what): "token header refused: \(what)"
        case .issuer: "token issuer is not accepted here"
        case .unknownKey: "token is signed with a key that its issuer does not publish"
        case .signature: "token signature is not valid"
        case .expired: "token has expired or has no expiry"
        case .time(let what): "token time refused: \(what)"
        case .audience: "token audience is not this service"
        case .claim(let name): "token claim \(name) is missing or not as required"
        case .keysUnavailable: "the issuer's keys are not available"
        }
    }

    /// A short stable word for the audit.
    package var code: String {
        switch self {
        case .malformed: "token-malformed"
        case .header: "token-header"
        case .issuer: "token-issuer"
        case .unknownKey: "token-unknown-key"
        case .signature: "token-signature"
        case .expired: "token-expired"
        case .time: "token-time"
        case .audience: "token-audience"
        case .claim: "token-claim"
        case .keysUnavailable: "issuer-keys-unavailable"
        }
    }
}
