import Primitives

/// An endpoint's KACLS options, ready for requests: what each kind of token is checked against, who may do what.
package struct KACLSEndpoint: Sendable {
    /// As the administrator wrote them.
    package let options: KACLSOptions
    /// Under which URLs it is known; the first is how it names itself.
    package let urls: [KACLSURL]
    /// Google's tokens.
    package let authorization: TokenExpectation
    /// Tokens of users and guests, from identity providers.
    package let users: TokenExpectation
    /// The same, and tokens that we made for delegates.
    package let usersAndDelegates: TokenExpectation
    /// Tokens of administrators.
    package let privileged: TokenExpectation
    /// Tokens of administrators and of other key services.
    package let privilegedAndPeers: TokenExpectation
    /// Issuers that stand in no table: their keys have to be fetched too.
    package let unlistedIssuers: [Issuer]
    private let providers: [KACLSOptions.IdentityProvider]
    /// In what the addresses must end that an issuer vouches for; any if there is none.
    private let suffixes: [IssuerID: [String]]
    private let peers: [IssuerID: KACLSOptions.Peer]
    private let privilegedUsers: [KACLSMethod: PrincipalSet]

    /// Compiles `options` for an endpoint known by `hostnames` at `path`; `issuers` is the issuers table.
    init(_ options: KACLSOptions, hostnames: [String], path: String, issuers: [Issuer]) throws(StoreError) {
        self.options = options
        urls = KACLSEndpoint.urls(options, hostnames: hostnames, path: path)
        let (skew, table) = (options.clockSkew, Dictionary(issuers.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }))
        let google = KACLSEndpoint.authorizers(options, table)
        authorization = TokenExpectation(google.map { ($0, Set(options.authorizationAudiences)) }, skew: skew)
        let known = options.identityProviders.compactMap { provider in
            table[provider.issuer].map { (provider, $0.forIdentity(provider)) }
        }
        providers = known.map(\.0)
        suffixes = known.reduce(into: [:]) { $0[$1.0.issuer] = table[$1.0.issuer]?.claims.allowedEmailSuffixes ?? [] }
        let ordinary = known.filter { $0.0.vouchesForUsers || $0.0.vouchesForGuests }.map { ($0.1, Set($0.0.audiences)) }
        let own = (Issuer.ownTokens(values: urls.map(\.description)), Set(urls.map(\.description)))
        users = TokenExpectation(ordinary, skew: skew)
        usersAndDelegates = TokenExpectation(ordinary + [own], skew: skew)
        let administrators = known.filter { $0.0.vouchesForPrivileged }.map { ($0.1, Set($0.0.audiences)) }
        let peerIssuers = options.migrationPeers.map { (Issuer.peer($0.url), Set([KACLSEndpoint.migrationAudience])) }
        privileged = TokenExpectation(administrators, skew: skew)
        privilegedAndPeers = TokenExpectation(administrators + peerIssuers, skew: skew)
        peers = Dictionary(zip(peerIssuers.map(\.0.id), options.migrationPeers), uniquingKeysWith: { first, _ in first })
        unlistedIssuers = google.filter { table[$0.id] == nil } + peerIssuers.map(\.0)
        privilegedUsers = try KACLSEndpoint.privilegedUsers(options.privileged)
    }

    /// Under which URLs an endpoint with these options is known.
    static func urls(_ options: KACLSOptions, hostnames: [String], path: String) -> [KACLSURL] {
        options.urls.isEmpty ? hostnames.compactMap { KACLSURL("https://\($0)/\(path)") } : options.urls
    }

    /// The audience of tokens between key services.
    package static let migrationAudience = "kacls-migration"

    /// The URL by which it names itself; nil if it has none.
    package var url: KACLSURL? { urls.first }

    /// Whether that is one of the endpoint's URLs.
    package func isOwn(url text: String) -> Bool { KACLSURL(text).map(urls.contains) ?? false }

    /// The provider that issued a token; nil for a delegated one or another key service's. One issuer may stand in the options several times,
    /// each time for other audiences; a token that fits more than one of them is vouched for only where all of them do.
    package func provider(of token: VerifiedToken) -> KACLSOptions.IdentityProvider? {
        let fitting = providers.filter { $0.issuer == token.issuer && !Set($0.audiences).isDisjoint(with: token.audiences) }
        guard var provider = fitting.first else { return nil }
        provider.vouchesForUsers = fitting.allSatisfy(\.vouchesForUsers)
        provider.vouchesForGuests = fitting.allSatisfy(\.vouchesForGuests)
        return provider
    }

    /// Whether the issuer of a token may vouch for an address: the one that counts as the caller's, `google_email` where there is one.
    package func mayVouch(_ issuer: IssuerID, for email: String) -> Bool {
        guard let own = suffixes[issuer], !own.isEmpty else { return true }
        let email = ASCII.lowercased(email)
        return own.contains { ExactText.has(email, suffix: ASCII.lowercased($0)) }
    }

    /// Where the keys of other key services are that must be on the public Internet.
    package var publicKeyAddresses: [String] { options.migrationPeers.filter { !$0.mayBePrivate }.map { $0.url.method("certs") } }

    /// The key service that issued a token, if one did.
    package func peer(of token: VerifiedToken) -> KACLSOptions.Peer? { peers[token.issuer] }

    /// The key service from which keys may be taken over, by any spelling of its URL.
    package func rewrapPeer(_ text: String) -> KACLSOptions.Peer? {
        KACLSURL(text).flatMap { url in options.rewrapPeers.first { $0.url == url } }
    }

    /// Whether somebody is on the list for a privileged method.
    package func isPrivileged(_ email: String, for method: KACLSMethod) -> Bool {
        let name = PrincipalName(email)
        return name.isPlain && privilegedUsers[method]?.contains(name) == true
    }

    /// Whether it does this: it is switched on, and there is somebody who may ask for it.
    package func offers(_ method: KACLSMethod) -> Bool {
        guard options.operations.contains(method) else { return false }
        return switch method {
        case .status, .certs, .wrap, .unwrap, .delegate, .digest, .privateKeyDecrypt, .privateKeySign: true
        case .rewrap: !options.rewrapPeers.isEmpty
        case .privilegedUnwrap: !options.migrationPeers.isEmpty || !options.privileged.unwrap.isEmpty
        case .privilegedWrap: !options.privileged.wrap.isEmpty
        case .privilegedPrivateKeyDecrypt: !options.privileged.privateKeyDecrypt.isEmpty
        case .wrapPrivateKey: !options.privileged.wrapPrivateKey.isEmpty
        }
    }

    private static func authorizers(_ options: KACLSOptions, _ table: [IssuerID: Issuer]) -> [Issuer] {
        let own = options.authorizationIssuers.compactMap { table[$0] }.map { $0.forAuthorization() }
        let taken = Set(own.flatMap(\.values))
        let google = GoogleCSEIssuer.allCases.filter { options.googleIssuers.contains($0) && !taken.contains($0.value) }
        return own + google.map { $0.issuer.forAuthorization() }
    }

    private static func privilegedUsers(_ lists: KACLSOptions.Privileged) throws(StoreError) -> [KACLSMethod: PrincipalSet] {
        var sets: [KACLSMethod: PrincipalSet] = [:]
        for (method, list) in [
            (KACLSMethod.privilegedWrap, lists.wrap), (.privilegedUnwrap, lists.unwrap),
            (.privilegedPrivateKeyDecrypt, lists.privateKeyDecrypt), (.wrapPrivateKey, lists.wrapPrivateKey),
        ] {
            do {
                sets[method] = PrincipalSet(try list.map { (text) throws(Complaint) in (text, try Principal(text)) })
            } catch {
                throw .invalid(field: "privileged", expected: "e-mail addresses, domain:… or patterns: \(error.message)")
            }
        }
        return sets
    }
}

extension Issuer {
    /// Names the issuer of our own tokens; its keys are `SigningKeyRing`'s.
    package static let ownTokensID = IssuerID(named: "own")

    /// We ourselves, under these values of `iss`.
    package static func ownTokens(values: [String], jwks: String = "") -> Issuer {
        Issuer(id: ownTokensID, name: "our own tokens", values: values, keys: .pinned(jwks: jwks), claims: .forWorkspace())
    }

    /// Another key service: `iss` is its URL, its keys are at `<iss>/certs`, its tokens name nobody.
    static func peer(_ url: KACLSURL) -> Issuer {
        var claims = ClaimRules.forWorkspace()
        claims.allowsNoSubject = true
        return Issuer(
            id: IssuerID(named: "kacls \(url)"), name: "key service \(url)", values: url.spellings,
            keys: .jwksURL(url.method("certs")), claims: claims)
    }

    /// The same issuer with the rules for authorization tokens: a `kid` must be there.
    fileprivate func forAuthorization() -> Issuer {
        Issuer(
            id: id, name: name, values: values, keys: keys, algorithms: algorithms,
            claims: .forWorkspace(maxLifetime: claims.maxLifetime), isEnabled: isEnabled, isDevelopment: isDevelopment)
    }

    /// The same issuer with the rules for authentication tokens; the front door looks at e-mail addresses itself, of which a token may have
    /// two (`email`, `google_email`).
    fileprivate func forIdentity(_ provider: KACLSOptions.IdentityProvider) -> Issuer {
        var rules = ClaimRules.forWorkspace(maxLifetime: claims.maxLifetime)
        rules.requiresVerifiedEmail = provider.requiresVerifiedEmail
        rules.allowsMissingKeyID = !provider.requiresKeyID
        rules.allowsNoSubject = true
        return Issuer(
            id: id, name: name, values: values, keys: keys, algorithms: algorithms, claims: rules, isEnabled: isEnabled,
            isDevelopment: isDevelopment)
    }
}

extension Issuer.ClaimRules {
    /// What all tokens of client-side encryption have in common: `iat` must be there, times may be digits in quotes, an e-mail address counts
    /// without `email_verified`.
    fileprivate static func forWorkspace(maxLifetime: Duration = .seconds(24 * 3600)) -> Issuer.ClaimRules {
        var rules = Issuer.ClaimRules()
        rules.requiresVerifiedEmail = false
        (rules.requiresIssuedAt, rules.allowsTextTimes) = (true, true)
        rules.maxLifetime = maxLifetime
        return rules
    }
}
