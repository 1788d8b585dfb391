import Primitives
import TestSupport
import Testing

@testable import KeyCore

@Suite("Fetching issuers' keys") struct JWKSStoreTests {
    typealias F = TokenFixture
    let world: TokenFixture
    init() throws { world = try TokenFixture() }

    private func idpToken(_ key: TokenTestKey = F.idpKey) throws -> String { try key.token(world.claims(issuer: F.idp).json) }
    private var status: JWKSStore.Status? { world.store.status[world.idpIssuer.id] }

    /// Has the set fetched once by a valid token.
    private func warmUp() async throws {
        #expect(await world.rejection(try idpToken()) == nil)
        #expect(status == JWKSStore.Status(fetchedAt: world.clock.now, keyCount: 1, lastFailure: nil))
    }

    /// Runs the renewals until so many fetches were made altogether, and the last one has ended.
    private func renew(untilFetched count: Int) async throws {
        let renewals = Task { await world.store.run() }
        defer { renewals.cancel() }
        #expect(try await eventually { world.site.fetched.count >= count })
        let (before, site) = (status, world.site)
        _ = try await eventually { status != before || site.fetched.count > count }
    }

    @Test("N15 a renewal that fails leaves the last good set in use, and the status says why", arguments: [
        TokenIssuerSite.Answer.failure, .set(""), .set(#"{"keys":[]}"#), .set("<html>maintenance</html>"), .set(#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#),
        .body([UInt8](repeating: 0x20, count: (256 << 10) + 1), maxAge: nil), .body([UInt8](repeating: 0xFF, count: 1000), maxAge: nil),
        .set(#"{"keys":[{"kty":"RSA","kid":"idp-1","n":"AQAB","e":"AQAB"}]}"#),
    ])
    func failingRenewal(answer: TokenIssuerSite.Answer) async throws {
        try await warmUp()
        let fetchedAt = world.clock.now
        world.site.answer(F.idpURL, answer)
        world.clock.advance(by: .seconds(2701))  // three quarters of an hour and a second
        try await renew(untilFetched: 2)
        #expect(try await eventually { status?.lastFailure != nil })
        #expect((status?.fetchedAt, status?.keyCount) == (fetchedAt, 1))
        #expect(await world.rejection(try idpToken()) == nil)
        // And it heals.
        world.site.answer(F.idpURL, .set(try TokenTestKey.jwks(F.idpKey, F.p256)))
        world.clock.advance(by: .seconds(31))
        try await renew(untilFetched: 3)
        #expect(try await eventually { status == JWKSStore.Status(fetchedAt: world.clock.now, keyCount: 2, lastFailure: nil) })
    }

    @Test("N13 a set with a bad key among good ones is refused and the old one kept: the new good key isn't believed either")
    func badKeyKeepsOldSet() async throws {
        try await warmUp()
        let weak = #"{"kty":"RSA","kid":"weak","n":"AQAB","e":"Aw"}"#
        world.site.answer(F.idpURL, .set("{\"keys\":[\(try F.strangerKey.jwk()),\(weak)]}"))
        world.clock.advance(by: .seconds(31))
        #expect(await world.rejection(try idpToken(F.strangerKey)) == .unknownKey)
        #expect(world.site.fetched.count == 2)
        #expect(status?.lastFailure?.contains("weak") == true)
        #expect(await world.rejection(try idpToken()) == nil)
    }

    @Test("a key that its issuer withdraws takes its tokens along, those in the cache too")
    func withdrawal() async throws {
        try await warmUp()
        let token = try idpToken()
        #expect(await world.rejection(token) == nil)
        world.site.answer(F.idpURL, .set(try TokenTestKey.jwks(F.p256)))
        world.clock.advance(by: .seconds(31))
        #expect(await world.rejection(try idpToken(F.p256)) == nil)
        #expect(await world.rejection(token) == .unknownKey)
    }

    @Test("a token verified with a withdrawn key stays refused when its issuer is disabled and enabled in between")
    func generationsAreUnique() async throws {
        let token = try idpToken()
        #expect(await world.rejection(token) == nil)
        world.store.configure([])
        world.site.answer(F.idpURL, .set(try TokenTestKey.jwks(F.p256)))
        world.clock.advance(by: .seconds(31))
        world.store.configure([world.googleIssuer, world.idpIssuer])
        #expect(await world.rejection(try idpToken(F.p256)) == nil)
        #expect(await world.rejection(token) == .unknownKey)
    }

    @Test("N16 EKM-22 10,000 tokens with new kids cause one fetch per cool-down, and valid tokens pass meanwhile")
    func flood() async throws {
        try await warmUp()
        world.clock.advance(by: .seconds(31))
        let valid = try idpToken()
        let parts = valid.split(separator: ".").map(String.init)
        for round in 1...2 {
            for index in 0..<5_000 {
                let header = Base64.urlEncoded(#"{"alg":"RS256","kid":"new-\#(round)-\#(index)"}"#.utf8)
                #expect(await world.rejection([header, parts[1], parts[2]].joined(separator: ".")) == .unknownKey)
                if index.isMultiple(of: 100) {
                    #expect(await world.rejection(valid) == nil)
                    await Task.yield()
                }
            }
            #expect(world.site.fetched.count == 1 + round)
            world.clock.advance(by: .seconds(30))
        }
        #expect(Set(world.site.fetched) == [F.idpURL])
    }

    @Test("N16 tokens that arrive together share one fetch, and each gets its answer")
    func singleFlight() async throws {
        world.site.answer(F.idpURL, .held)
        let token = try idpToken()
        let set = try TokenTestKey.jwks(F.idpKey)
        var timing = JWKSTiming()
        timing.patience = .seconds(20)
        let world = try TokenFixture(timing: timing)
        world.site.answer(F.idpURL, .held)
        let rejections = await withTaskGroup(of: TokenRejection?.self) { group in
            for _ in 0..<50 { group.addTask { await world.rejection(token) } }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(100))
                world.site.answer(F.idpURL, .set(set))
                return nil
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(rejections.allSatisfy { $0 == nil })
        #expect(world.site.fetched.count == 1)
    }

    @Test("a request waits for a hanging fetch no longer than its patience, and others not at all", .timeLimit(.minutes(2)))
    func patience() async throws {
        world.site.answer(F.idpURL, .held)
        let start = MonotonicClock.nanoseconds
        #expect(await world.rejection(try idpToken()) == .keysUnavailable)
        let waited = MonotonicClock.nanoseconds - start
        #expect(waited > 70_000_000, "waited \(waited) ns")
        #expect(await world.rejection(try world.token()) == nil)
        // The fetch goes on; its late answer counts.
        world.site.answer(F.idpURL, .set(try TokenTestKey.jwks(F.idpKey)))
        #expect(try await eventually { status?.keyCount == 1 })
        #expect(await world.rejection(try idpToken()) == nil)
        #expect(world.site.fetched.count == 1)
    }

    @Test("EKM-21 with the address down requests pass on the cached set; without one they are answered keysUnavailable")
    func addressDown() async throws {
        world.site.answer(F.idpURL, .failure)
        #expect(await world.rejection(try idpToken()) == .keysUnavailable)
        #expect(await world.rejection(try idpToken()) == .keysUnavailable)
        #expect(world.site.fetched.count == 1)
        #expect(status == JWKSStore.Status(fetchedAt: nil, keyCount: 0, lastFailure: "connection refused"))
        world.site.answer(F.idpURL, .set(try TokenTestKey.jwks(F.idpKey)))
        world.clock.advance(by: .seconds(30))
        #expect(await world.rejection(try idpToken()) == nil)
        world.site.answer(F.idpURL, .failure)
        for _ in 0..<20 {
            world.clock.advance(by: .seconds(8 * 3600))
            #expect(await world.rejection(try idpToken()) == nil)
        }
    }

    @Test("a set that could not be renewed for maxStale is not believed any more, not even for a token in the cache")
    func stale() async throws {
        let idp = Issuer(
            id: world.idpIssuer.id, name: "idp", values: [F.idp], keys: world.idpIssuer.keys, algorithms: world.idpIssuer.algorithms,
            claims: { var rules = Issuer.ClaimRules(); rules.maxLifetime = .seconds(90 * 86_400); return rules }())
        let expectation = TokenExpectation(issuers: [idp], audiences: [F.audience])
        let token = try F.idpKey.token(world.claims(issuer: F.idp).with("exp", "\(world.clock.now.seconds + 80 * 86_400)").json)
        #expect(await world.rejection(token, expectation) == nil)
        world.site.answer(F.idpURL, .failure)
        world.clock.advance(by: .seconds(7 * 86_400))
        #expect(await world.rejection(token, expectation) == nil)
        world.clock.advance(by: .seconds(1))
        #expect(await world.rejection(token, expectation) == .keysUnavailable)
        world.site.answer(F.idpURL, .set(try TokenTestKey.jwks(F.idpKey)))
        world.clock.advance(by: .seconds(31))
        #expect(await world.rejection(token, expectation) == nil)
    }

    @Test("a set is renewed at three quarters of the age that its issuer names, within 60 s and a day", arguments: [
        (nil, 2700), (Duration.seconds(0), 45), (.seconds(600), 450), (.seconds(1 << 31), 64_800),
    ] as [(Duration?, Int64)])
    func renewal(maxAge: Duration?, due: Int64) async throws {
        world.site.answer(F.idpURL, .set(try TokenTestKey.jwks(F.idpKey), maxAge: maxAge))
        try await warmUp()
        world.clock.advance(by: .seconds(due - 1))
        let renewals = Task { await world.store.run() }
        defer { renewals.cancel() }
        try await Task.sleep(for: .milliseconds(650))
        #expect(world.site.fetched.count == 1)
        world.clock.advance(by: .seconds(1))
        #expect(try await eventually { world.site.fetched.count == 2 })
    }

    @Test("the answer of a fetch for an address that the issuer no longer has is dropped")
    func lateAnswer() async throws {
        world.site.answer(F.idpURL, .held)
        #expect(await world.rejection(try idpToken()) == .keysUnavailable)
        let moved = Issuer(
            id: world.idpIssuer.id, name: "idp", values: [F.idp], keys: .jwksURL("https://idp.example.com/new"), algorithms: [.es256])
        world.store.configure([moved])
        world.site.answer(F.idpURL, .set(try TokenTestKey.jwks(F.idpKey)))
        try await Task.sleep(for: .milliseconds(50))
        #expect(status == JWKSStore.Status())
        world.store.configure([world.idpIssuer])
        #expect(status == JWKSStore.Status())
    }

    @Test("a pinned set is never fetched; one that is refused leaves the issuer without keys, and the status says why")
    func pinned() async throws {
        #expect(await world.rejection(try world.token()) == nil)
        #expect(world.store.status[world.googleIssuer.id]?.keyCount == 3)
        let broken = Issuer(id: world.googleIssuer.id, name: "google", values: [F.google], keys: .pinned(jwks: #"{"keys":[]}"#))
        world.store.configure([broken])
        #expect(world.store.status[broken.id]?.lastFailure == "no usable signature key in the set")
        #expect(await world.rejection(try world.token()) == .keysUnavailable)
        #expect(world.site.fetched.isEmpty)
    }
}
