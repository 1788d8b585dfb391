/// What an administrator says of an endpoint for Workspace client-side encryption, beyond what all endpoints have.
package struct KACLSOptions: Sendable, Equatable {
    /// An identity provider whose tokens name the caller.
    package struct IdentityProvider: Sendable, Equatable {
        /// Its entry in the issuers table.
        package var issuer: IssuerID
        /// The accepted values of `aud`: the client id of the web application and of each native one.
        package var audiences: [String]
        /// Whether it vouches for the organisation's own users.
        package var vouchesForUsers = true
        /// Whether it vouches for guests.
        package var vouchesForGuests = false
        /// Whether it vouches for those who may use privileged methods.
        package var vouchesForPrivileged = false
        /// Whether its tokens must name their key (`kid`); some providers leave it out.
        package var requiresKeyID = false
        /// Whether its tokens must say `email_verified: true`; otherwise only a `false` is refused. For providers where people set their own address.
        package var requiresVerifiedEmail = false

        /// A provider for ordinary users.
        package init(issuer: IssuerID, audiences: [String]) { (self.issuer, self.audiences) = (issuer, audiences) }
    }

    /// Another key service with which keys are exchanged.
    package struct Peer: Sendable, Equatable {
        /// Its base URL.
        package var url: KACLSURL
        /// Whether it may be at an address outside the public Internet.
        package var mayBePrivate = false

        /// A peer on the public Internet.
        package init(url: KACLSURL) { self.url = url }
    }

    /// Who may use a privileged method: e-mail addresses, `domain:…` or patterns, as in policies; nobody if empty.
    package struct Privileged: Sendable, Equatable {
        /// Import.
        package var wrap: [String] = []
        /// Takeout.
        package var unwrap: [String] = []
        /// Takeout of mail.
        package var privateKeyDecrypt: [String] = []
        /// Wrapping users' private keys.
        package var wrapPrivateKey: [String] = []
        /// Whether `privilegedprivatekeydecrypt` must name the key it means.
        package var requiresKeyHash = true
        package init() {}
    }

    /// Where browsers run that may read our answers unless the administrator says otherwise.
    package static let defaultOrigins = ["https://client-side-encryption.google.com", "https://admin.google.com"]

    /// Base URLs under which the endpoint is known, the first is how it names itself; none: `https://` with each host name and the path.
    package var urls: [KACLSURL] = []
    /// What it does; `status` and `certs` always.
    package var operations = Set(KACLSMethod.allCases)
    /// The Workspace domains whose documents it protects; none: any, `kacls_owner_domain` is not looked at.
    package var ownerDomains: [String] = []
    /// The origins of browsers that may read the answers, exactly.
    package var origins = KACLSOptions.defaultOrigins
    /// Whether browsers may come from a public page to this endpoint on a private address.
    package var allowsPrivateNetworkAccess = true
    /// Which of Google's issuers are believed.
    package var googleIssuers = Set(GoogleCSEIssuer.allCases)
    /// Issuers of authorization tokens from the issuers table; one with a value of Google's replaces Google's own.
    package var authorizationIssuers: [IssuerID] = []
    /// The accepted audiences of authorization tokens.
    package var authorizationAudiences = [GoogleCSEIssuer.audience]
    /// Whose authentication tokens are believed.
    package var identityProviders: [IdentityProvider] = []
    /// Whether guests (`email_type` other than `google`) are served.
    package var allowsGuests = false
    /// Whether a guest's token must come from a provider that vouches for guests.
    package var requiresGuestProvider = false
    /// Who may use the privileged methods.
    package var privileged = Privileged()
    /// Key services from which keys are taken over (`rewrap`).
    package var rewrapPeers: [Peer] = []
    /// Key services to which keys are given away (`privilegedunwrap` with their token).
    package var migrationPeers: [Peer] = []
    /// How far clocks may differ.
    package var clockSkew = Duration.seconds(60)
    /// How long a delegated token lives at most.
    package var delegationLifetime = Duration.seconds(900)
    /// Whether signatures over SHA-1 digests are made.
    package var allowsSHA1 = false
    /// Whether a ciphertext that does not open is tried again with SHA-1 in MGF1, Java's default.
    package var triesMGF1WithSHA1 = false
    /// The longest reason in bytes.
    package var maxReasonBytes = 1024
    /// Whether a longer reason is refused; otherwise it is cut.
    package var refusesLongReasons = false
    /// How many requests with tokens it answers in a second, as many at once after a quiet time; nil: as many as come.
    package var requestsPerSecond: Int?

    /// Google's defaults, with no provider yet.
    package init() {}
}
