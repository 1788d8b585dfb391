package import Primitives

/// Who signs tokens that we believe: one entry of the issuers table.
package struct Issuer: Sendable, Equatable {
    /// Where its public keys come from.
    package enum KeyOrigin: Sendable, Equatable {
        /// Fetched over HTTPS from this address, which comes from configuration and never from a token.
        case jwksURL(String)
        /// This JWK Set (RFC 7517), given once.
        case pinned(jwks: String)
    }

    /// What its tokens' claims must hold, beyond signature, time and audience.
    package struct ClaimRules: Sendable, Equatable {
        /// `email` must be there, and `email_verified` must be true.
        package var requiresVerifiedEmail = true
        /// If not empty, `email` must end in one of these, as `@gcp-sa-ekms.iam.gserviceaccount.com`.
        package var allowedEmailSuffixes: [String] = []
        /// A token without `kid` is tried against all keys of its algorithm, instead of being refused.
        package var allowsMissingKeyID = false
        /// `iat` must be there.
        package var requiresIssuedAt = false
        /// Times may also be digits in quotes, as Google's pages describe them.
        package var allowsTextTimes = false
        /// A token may name nobody: it speaks for its issuer.
        package var allowsNoSubject = false
        /// The longest accepted time from `iat` to `exp`.
        package var maxLifetime = Duration.seconds(24 * 3600)

        /// Google's rules for EKM.
        package init() {}
    }

    package let id: IssuerID
    /// Unique, for people.
    package let name: String
    /// The accepted values of `iss`, compared exactly; at least one.
    package let values: [String]
    package let keys: KeyOrigin
    /// The algorithms it may use.
    package let algorithms: Set<SignatureAlgorithm>
    package let claims: ClaimRules
    package let isEnabled: Bool
    /// Whether we hold its private key ourselves and mint tokens with it: never for production.
    package let isDevelopment: Bool

    /// An issuer as given.
    package init(
        id: IssuerID, name: String, values: [String], keys: KeyOrigin, algorithms: Set<SignatureAlgorithm> = [.rs256],
        claims: ClaimRules = ClaimRules(), isEnabled: Bool = true, isDevelopment: Bool = false
    ) {
        (self.id, self.name, self.values, self.keys) = (id, name, values, keys)
        (self.algorithms, self.claims) = (algorithms, claims)
        (self.isEnabled, self.isDevelopment) = (isEnabled, isDevelopment)
    }
}
