package import Primitives

/// What is particular to an endpoint of Salesforce's Cache-Only Key Service: which org calls, how it proves that, and to which of its
/// certificates keys are encrypted.
package struct CacheOnlyOptions: Sendable, Equatable {
    /// The org's id, of 15 or 18 letters and digits.
    package var organization: String
    /// How the org proves who it is.
    package var authentication = CacheOnlyAuthentication()
    /// The org's BYOK-compatible certificates; several during a change.
    package var certificates: [Certificate]
    /// Whether a callout without `requestId` is refused. Only once the org has replay detection on.
    package var requiresNonce = false
    /// How long a `requestId` is remembered.
    package var nonceMemory = Duration.seconds(15 * 60)
    /// Whether the org's certificates may be of any size and age: for tests.
    package var allowsAnyCertificate = false

    /// Options of an org with its certificates.
    package init(organization: String, certificates: [Certificate]) {
        (self.organization, self.certificates) = (organization, certificates)
    }

    /// How long a `requestId` is remembered at least: as long as a token that came with it could be shown again.
    package func nonceMemory(issuers: [Issuer]) -> Duration {
        var period = nonceMemory
        if let token = authentication.signedToken { period = max(period, token.maxLifetime + token.skew * 2) }
        if authentication.accessToken != nil {
            for issuer in issuers { period = max(period, issuer.claims.maxLifetime + Claims.skew * 2) }
        }
        return period
    }

    /// The certificate of that fingerprint, if it is one of the org's.
    package func certificate(_ fingerprint: String) -> Certificate? {
        certificates.first { Hex.string($0.sha256Fingerprint) == fingerprint }
    }
}

/// How an org proves who it is. Of the three that come in the Authorization header one must hold; client certificates, if there are any,
/// are needed besides.
package struct CacheOnlyAuthentication: Sendable, Equatable {
    /// User and password; two while the password is being changed.
    package var passwords: [BasicCredential] = []
    /// Tokens that the org signs itself.
    package var signedToken: PinnedTokenRules?
    /// Access tokens of an identity provider.
    package var accessToken: AccessTokenRules?
    /// SHA-256 of the DER of the client certificates that may be shown, lower-case hexadecimal.
    package var clientCertificates: [String] = []

    /// None, with which no endpoint can be saved.
    package init() {}

    /// Whether the Authorization header is looked at.
    package var needsHeader: Bool { !passwords.isEmpty || signedToken != nil || accessToken != nil }
}

/// Which access tokens of the endpoint's issuers are accepted.
package struct AccessTokenRules: Sendable, Equatable {
    /// Must be in `scope` or `scp`.
    package var scope: String
    /// The accepted values of `sub`: two orgs may share one identity provider, audience and scope.
    package var subjects: [String]

    /// The scope that CipherTrust asks for.
    package static let usualScope = "cckm_sfdc_cacheonly_key"

    /// Rules as given.
    package init(scope: String = usualScope, subjects: [String]) { (self.scope, self.subjects) = (scope, subjects) }

    /// Whether the token's claims hold the scope: `scope` is words in one text (RFC 8693, 4.2), `scp` a list or the same.
    package func allows(scopeOf token: VerifiedToken) -> Bool {
        [token.claims["scope"], token.claims["scp"]].contains { claim in
            let words = claim?.string.map { $0.split(separator: " ").map(String.init) } ?? claim?.strings ?? []
            return words.contains { ExactText.isEqual($0, scope) }
        }
    }

    /// Whether the token is one of those subjects'.
    package func allows(subjectOf token: VerifiedToken) -> Bool {
        subjects.contains { ExactText.isEqual($0, token.subject) }
    }
}
