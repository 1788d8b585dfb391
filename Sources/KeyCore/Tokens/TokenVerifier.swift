package import Primitives

/// What a place accepts: whose tokens, for whom.
package struct TokenExpectation: Sendable {
    /// The issuers accepted here, by each accepted value of `iss`; only enabled ones.
    package let issuers: [String: Issuer]
    /// The accepted values of `aud`, compared exactly.
    package let audiences: Set<String>
    /// How far the issuers' clocks and ours may differ.
    package let skew: Duration
    private let audiencesByIssuer: [IssuerID: Set<String>]

    /// Accepts tokens of each issuer for that issuer's audiences only.
    package init(_ issuers: [(issuer: Issuer, audiences: Set<String>)], skew: Duration) {
        self.init(issuers: issuers.map(\.issuer), audiences: issuers.reduce(into: []) { $0.formUnion($1.audiences) }, skew: skew,
            byIssuer: issuers.reduce(into: [:]) { $0[$1.issuer.id, default: []].formUnion($1.audiences) })
    }

    /// Accepts tokens of `issuers` (the disabled ones are left out) for one of `audiences`. A value of `iss` that two of them claim
    /// is accepted from neither: whose keys decided would be an accident.
    package init(issuers: [Issuer], audiences: Set<String>) {
        self.init(issuers: issuers, audiences: audiences, skew: Claims.skew, byIssuer: [:])
    }

    private init(issuers: [Issuer], audiences: Set<String>, skew: Duration, byIssuer: [IssuerID: Set<String>]) {
        var table: [String: Issuer] = [:]
        var disputed: Set<String> = []
        for issuer in issuers where issuer.isEnabled {
            for value in issuer.values {
                if let other = table.updateValue(issuer, forKey: value), other.id != issuer.id { disputed.insert(value) }
            }
        }
        self.issuers = table.filter { !disputed.contains($0.key) }
        self.audiences = audiences
        (self.skew, audiencesByIssuer) = (skew, byIssuer)
    }

    /// The issuer of that `iss`, byte for byte (Swift's `==` would take a KELVIN SIGN for a K).
    func issuer(named value: String) -> Issuer? {
        guard let issuer = issuers[value], issuer.values.contains(where: { ExactText.isEqual($0, value) }) else { return nil }
        return issuer
    }

    /// Whether `audience` is one of ours for tokens of that issuer, byte for byte.
    func accepts(audience: String, of issuer: IssuerID) -> Bool {
        let audiences = audiencesByIssuer[issuer] ?? audiences
        return audiences.firstIndex(of: audience).map { ExactText.isEqual(audiences[$0], audience) } ?? false
    }
}

/// Counts of what a verifier did since its start.
package struct TokenCounts: Sendable, Equatable {
    /// Tokens found in the cache.
    package var cacheHits = 0
    /// Signatures checked.
    package var verifications = 0
    /// Tokens refused.
    package var rejections = 0
}

/// Decides whose token it is, or why nobody's. Nothing else decides that.
///
/// In this order: form, issuer on the list, key of *that* issuer with that `kid` and algorithm, signature, times, claims,
/// audience. A token verified before is found by its SHA-256; expiry, issuer and audience are looked at again each time, and all of it
/// once the issuer's keys or rules are others.
package final class TokenVerifier: Sendable {
    private let keys: JWKSStore
    private let cache: TokenCache
    private let clock: WallClock
    private let cacheHits = MetricCounter()
    private let verifications = MetricCounter()
    private let rejections = MetricCounter()

    /// A verifier that remembers up to `cacheCapacity` tokens.
    package init(keys: JWKSStore, clock: WallClock, cacheCapacity: Int = 8192) {
        (self.keys, self.clock) = (keys, clock)
        cache = TokenCache(capacity: cacheCapacity)
    }

    /// What it did since its start.
    package var counts: TokenCounts {
        TokenCounts(cacheHits: cacheHits.value, verifications: verifications.value, rejections: rejections.value)
    }

    /// How many tokens it remembers.
    package var cachedTokens: Int { cache.count }

    /// The caller's token.
    /// - Parameters:
    ///   - text: the compact form, without `Bearer`.
    ///   - expectation: what the endpoint accepts.
    ///   - patience: what to do about a key that we may not know yet.
    /// - Throws: why it is refused; `.keysUnavailable` if that is our fault.
    package func verify(
        _ text: [UInt8], expecting expectation: TokenExpectation, patience: KeyPatience = .brief
    ) async throws(TokenRejection) -> VerifiedToken {
        do {
            return try await find(text, expectation, patience)
        } catch {
            rejections.add()
            throw error
        }
    }

    private func find(
        _ text: [UInt8], _ expectation: TokenExpectation, _ patience: KeyPatience
    ) async throws(TokenRejection) -> VerifiedToken {
        guard text.count <= CompactJWS.maxBytes else { throw .malformed("larger than \(CompactJWS.maxBytes) bytes") }
        let digest = Digest.sha256(text)
        if let entry = cache.find(digest), isCurrent(entry, expectation) {
            cacheHits.add()
            return try admit(entry.token, expectation)
        }
        let jws = try CompactJWS(text)
        let claims = Claims(jws.payload)
        guard let issuer = expectation.issuer(named: try claims.issuer()) else { throw .issuer }
        guard issuer.algorithms.contains(jws.header.algorithm) else { throw .header("algorithm is not accepted from this issuer") }
        guard jws.header.keyID != nil || issuer.claims.allowsMissingKeyID else { throw .header("kid is missing") }
        let generation = try await checkSignature(jws, by: issuer.id, patience)
        let token = try admit(try claims.token(of: issuer, now: clock.now, skew: expectation.skew), expectation)
        // Only now: tokens that the issuer made for others would push out those of our callers.
        cache.insert(
            TokenCache.Entry(token: token, generation: generation, rules: issuer.claims, skew: expectation.skew), for: digest)
        return token
    }

    /// Whether the entry's issuer is accepted here, with the keys and the rules by which the token was verified.
    private func isCurrent(_ entry: TokenCache.Entry, _ expectation: TokenExpectation) -> Bool {
        guard entry.generation == keys.generation(of: entry.token.issuer), let issuer = issuer(of: entry.token, expectation) else {
            return false
        }
        return issuer.claims == entry.rules && entry.skew <= expectation.skew
    }

    private func issuer(of token: VerifiedToken, _ expectation: TokenExpectation) -> Issuer? {
        guard let issuer = token.claims["iss"]?.string.flatMap(expectation.issuer), issuer.id == token.issuer else { return nil }
        return issuer
    }

    /// What may differ from one request to the next with the same token.
    private func admit(_ token: VerifiedToken, _ expectation: TokenExpectation) throws(TokenRejection) -> VerifiedToken {
        guard clock.now < token.expiresAt + expectation.skew else { throw .expired }
        guard issuer(of: token, expectation) != nil else { throw .issuer }
        guard token.audiences.contains(where: { expectation.accepts(audience: $0, of: token.issuer) }) else { throw .audience }
        return token
    }

    /// Makes sure of the signature, with newer keys if need be; says with which generation of them.
    private func checkSignature(
        _ jws: CompactJWS, by issuer: IssuerID, _ patience: KeyPatience
    ) async throws(TokenRejection) -> UInt64 {
        let keyID = jws.header.keyID
        let held = keys.keys(of: issuer)
        guard let held, held.keys.has(keyID: keyID) else { return try await checkWithNewKeys(jws, by: issuer, patience, or: nil) }
        do {
            return try check(jws, held)
        } catch {
            // Without `kid` nothing else tells that the issuer has a new key.
            guard keyID == nil, patience == .long else { throw error }
            return try await checkWithNewKeys(jws, by: issuer, patience, or: error)
        }
    }

    /// - Parameter rejection: what is wrong with the keys at hand, if they have been tried.
    private func checkWithNewKeys(
        _ jws: CompactJWS, by issuer: IssuerID, _ patience: KeyPatience, or rejection: TokenRejection?
    ) async throws(TokenRejection) -> UInt64 {
        let refresh = await keys.refresh(issuer, patience)
        if refresh == .refused, let rejection { throw rejection }
        do {
            return try check(jws, keys.keys(of: issuer))
        } catch {
            guard refresh == .running || refresh == .failed, patience == .long else { throw error }
            throw .keysUnavailable
        }
    }

    /// Looks for the signature's key among these alone.
    private func check(_ jws: CompactJWS, _ held: (keys: JWKS, generation: UInt64)?) throws(TokenRejection) -> UInt64 {
        guard let held else { throw .keysUnavailable }
        let candidates = held.keys.candidates(jws.header).prefix(8)
        guard !candidates.isEmpty else { throw .unknownKey }
        verifications.add()
        guard candidates.contains(where: { $0.key.verify(signature: jws.signature, over: jws.signedBytes) }) else { throw .signature }
        return held.generation
    }
}
