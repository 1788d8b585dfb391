import Primitives
import Synchronization
import TestSupport
import Testing

@testable import KeyCore

@Suite("The token verifier") struct TokenVerifierTests {
    typealias F = TokenFixture
    let world: TokenFixture
    init() throws { world = try TokenFixture() }

    @Test("N21 each of several issuers is checked with its own keys")
    func severalIssuers() async throws {
        let keys = [F.googleKey, F.idpKey, F.strangerKey]
        let issuers = try keys.map { key in
            Issuer(id: try IssuerID.random(), name: key.keyID, values: ["https://\(key.keyID)"], keys: .pinned(jwks: try TokenTestKey.jwks(key)))
        }
        world.store.configure(issuers)
        let expectation = TokenExpectation(issuers: issuers, audiences: [F.audience])
        for signer in keys {
            for issuer in issuers {
                let rejection = await world.rejection(try signer.token(world.claims(issuer: issuer.values[0]).json), expectation)
                #expect(rejection == (issuer.name == signer.keyID ? nil : .unknownKey))
            }
        }
    }

    @Test("N21 a disabled issuer's tokens are refused at once, those in the cache too; no issuer opens nothing")
    func disabled() async throws {
        let token = try world.token()
        #expect(await world.rejection(token) == nil)
        let off = Issuer(
            id: world.googleIssuer.id, name: "google", values: world.googleIssuer.values, keys: world.googleIssuer.keys,
            algorithms: world.googleIssuer.algorithms, isEnabled: false)
        #expect(await world.rejection(token, TokenExpectation(issuers: [off, world.idpIssuer], audiences: [F.audience])) == .issuer)
        #expect(await world.rejection(token, TokenExpectation(issuers: [], audiences: [F.audience])) == .issuer)
        world.store.configure([off, world.idpIssuer])
        #expect(await world.rejection(token) == .keysUnavailable)
        world.store.configure([world.googleIssuer])
        #expect(await world.rejection(token) == nil)
        #expect(world.verifier.counts.verifications == 2)
    }

    @Test("a token in the cache is verified again when its issuer's rules are others")
    func rules() async throws {
        let token = try world.token()
        #expect(await world.rejection(token) == nil)
        var strict = Issuer.ClaimRules()
        strict.allowedEmailSuffixes = ["@example.com"]
        let issuer = Issuer(
            id: world.googleIssuer.id, name: "google", values: world.googleIssuer.values, keys: world.googleIssuer.keys,
            algorithms: world.googleIssuer.algorithms, claims: strict)
        #expect(await world.rejection(token, TokenExpectation(issuers: [issuer], audiences: [F.audience])) == .claim("email"))
    }

    @Test("EKM-36 10,000 requests with one token cost one verification; after exp it is refused")
    func cacheHits() async throws {
        let token = Array(try world.token().utf8)
        for number in 0..<10_000 {
            #expect(await world.rejection(token) == nil)
            if number.isMultiple(of: 100) { await Task.yield() }
        }
        #expect(world.verifier.counts == TokenCounts(cacheHits: 9_999, verifications: 1, rejections: 0))
        world.clock.advance(by: .seconds(3660))
        #expect(await world.rejection(token) == .expired)
    }

    @Test("a token that is refused is never remembered, whatever for")
    func refusalsAreNotCached() async throws {
        let other = try F.googleKey.token(world.claims(audience: "https://other.example").json)
        for _ in 0..<3 { #expect(await world.rejection(other) == .audience) }
        #expect(world.verifier.counts == TokenCounts(cacheHits: 0, verifications: 3, rejections: 3))
        let early = try F.googleKey.token(world.claims.with("nbf", "\(world.clock.now.seconds + 100)").json)
        #expect(await world.rejection(early) == .time("not valid yet"))
        world.clock.advance(by: .seconds(40))
        #expect(await world.rejection(early) == nil)
    }

    @Test("N22 valid and invalid tokens, mixed over eight tasks, are never mistaken for each other")
    func concurrency() async throws {
        let world = try TokenFixture(cacheCapacity: 16)
        let claims = world.claims
        var tokens: [(text: [UInt8], isValid: Bool)] = []
        for index in 0..<40 {
            let own = claims.with("jti", "\(index)")
            tokens.append((Array(try F.googleKey.token(own.json).utf8), true))
            tokens.append((Array(try F.p256.token(own.json).utf8), true))
            tokens.append((Array(try TokenTestKey(F.strangerKey, keyID: "google-1").token(own.json).utf8), false))
            tokens.append((Array(try F.googleKey.token(own.with("exp", "1").json).utf8), false))
            tokens.append((Array(try F.googleKey.token(own.with("aud", "\"https://x\"").json).utf8), false))
        }
        let all = tokens
        let wrong = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var (random, wrong) = (SeededGenerator(seed: UInt64(task)), 0)
                    for step in 0..<1_500 {
                        if step.isMultiple(of: 20) { await Task.yield() }
                        guard let (text, isValid) = all.randomElement(using: &random) else { continue }
                        if (await world.rejection(text) == nil) != isValid { wrong += 1 }
                        if task == 0, random.next() % 50 == 0 { world.store.configure([world.idpIssuer, world.googleIssuer]) }
                    }
                    return wrong
                }
            }
            return await group.reduce(0, +)
        }
        #expect(wrong == 0)
        let counts = world.verifier.counts
        #expect(counts.cacheHits + counts.verifications + counts.rejections >= 12_000)
    }
}

@Suite("The token cache") struct TokenCacheTests {
    private static func entry(_ number: Int) throws -> TokenCache.Entry {
        TokenCache.Entry(
            token: VerifiedToken(
                issuer: try IssuerID.random(), subject: "\(number)", email: nil, audiences: [], issuedAt: nil, expiresAt: Instant(seconds: 0),
                claims: .null), generation: 1, rules: Issuer.ClaimRules(), skew: .seconds(60))
    }

    @Test("it never holds more than its capacity, forgets the oldest of a shard first, and gives back only what was put in")
    func bounded() throws {
        let cache = TokenCache(capacity: 64)
        let entry = try Self.entry(0)
        for number in 0..<10_000 {
            let digest = Digest.sha256(Array("\(number)".utf8))
            cache.insert(entry, for: digest)
            cache.insert(entry, for: digest)
            #expect(cache.find(digest) != nil)
        }
        #expect(cache.count == 64)
        #expect(cache.find(Digest.sha256(Array("0".utf8))) == nil)
        #expect(cache.find(Digest.sha256(Array("never".utf8))) == nil)
    }

    @Test("the order within a shard is that of insertion")
    func order() throws {
        let cache = TokenCache(capacity: 64)  // four to a shard
        func digest(_ number: UInt8) -> [UInt8] { [0x10] + [UInt8](repeating: number, count: 31) }
        for number in 0..<6 as Range<UInt8> { cache.insert(try Self.entry(Int(number)), for: digest(number)) }
        #expect((0..<6 as Range<UInt8>).map { cache.find(digest($0))?.token.subject } == [nil, nil, "2", "3", "4", "5"])
    }

    @Test("eight tasks that insert and find at once never make it grow")
    func concurrency() async throws {
        let cache = TokenCache(capacity: 256)
        let entry = try Self.entry(0)
        let largest = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var (random, largest) = (SeededGenerator(seed: UInt64(task)), 0)
                    for step in 0..<5_000 {
                        let digest = Digest.sha256(Array("\(random.next() % 2_000)".utf8))
                        if cache.find(digest) == nil { cache.insert(entry, for: digest) }
                        if step.isMultiple(of: 100) { largest = max(largest, cache.count) }
                    }
                    return largest
                }
            }
            return await group.reduce(0, max)
        }
        #expect(largest <= 256)
        #expect(cache.count == 256)
    }
}
