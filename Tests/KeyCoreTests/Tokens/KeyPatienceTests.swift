import Primitives
import TestSupport
import Testing

@testable import KeyCore

@Suite("Keys that an issuer has just changed") struct KeyPatienceTests {
    typealias F = TokenFixture
    private static let forger = TokenTestKey(F.googleKey, keyID: "forger")
    let world: TokenFixture
    /// Accepts tokens without `kid`.
    let lenient: TokenExpectation

    init() throws {
        var timing = JWKSTiming()
        timing.longPatience = .milliseconds(300)
        world = try TokenFixture(timing: timing)
        var rules = Issuer.ClaimRules()
        rules.allowsMissingKeyID = true
        let issuer = Issuer(
            id: world.idpIssuer.id, name: "idp", values: [F.idp], keys: world.idpIssuer.keys, algorithms: world.idpIssuer.algorithms, claims: rules)
        lenient = TokenExpectation(issuers: [issuer], audiences: [F.audience])
    }

    /// A token without `kid`; `number` makes it another one.
    private func anonymous(_ key: TokenTestKey, _ number: Int = 0) throws -> String {
        try key.token(header: #"{"alg":"RS256"}"#, world.claims(issuer: F.idp).with("jti", "\(number)").json)
    }

    /// The provider has the key `idp-1`, which we know, and then another one instead.
    private func rotate() async throws {
        #expect(await world.rejection(try anonymous(F.idpKey), lenient) == nil)
        world.site.answer(F.idpURL, .set(try TokenTestKey.jwks(F.strangerKey)))
    }

    @Test("CSE-33 a token without kid by a key that is new causes one fetch, and passes")
    func rotation() async throws {
        try await rotate()
        world.clock.advance(by: .seconds(31))
        #expect(await world.rejection(try anonymous(F.strangerKey), lenient, patience: .long) == nil)
        #expect(world.site.fetched.count == 2)
        #expect(await world.rejection(try anonymous(F.idpKey), lenient, patience: .long) == .signature)
    }

    @Test("CSE-33 N16 tokens without kid by nobody's key cause no more than one fetch in a cool-down, and are refused for their signature")
    func flood() async throws {
        try await rotate()
        for number in 0..<50 {
            #expect(await world.rejection(try anonymous(Self.forger, number), lenient, patience: .long) == .signature)
        }
        #expect(world.site.fetched.count == 1)
        world.clock.advance(by: .seconds(31))
        for number in 0..<50 {
            #expect(await world.rejection(try anonymous(Self.forger, number), lenient, patience: .long) == .signature)
        }
        #expect(world.site.fetched.count == 2)
    }

    @Test("where the caller can't wait, a token without kid causes no fetch")
    func brief() async throws {
        try await rotate()
        world.clock.advance(by: .seconds(31))
        #expect(await world.rejection(try anonymous(F.strangerKey), lenient) == .signature)
        #expect(world.site.fetched.count == 1)
    }

    @Test("while the keys are being fetched nobody is refused for an unknown key, where the caller can wait", .timeLimit(.minutes(2)))
    func running() async throws {
        try await rotate()
        world.clock.advance(by: .seconds(31))
        world.site.answer(F.idpURL, .held)
        let named = try F.strangerKey.token(world.claims(issuer: F.idp).json)
        let start = MonotonicClock.nanoseconds
        #expect(await world.rejection(named, lenient, patience: .long) == .keysUnavailable)
        #expect(MonotonicClock.nanoseconds - start > 250_000_000)
        #expect(await world.rejection(try anonymous(F.strangerKey), lenient, patience: .long) == .keysUnavailable)
        #expect(await world.rejection(named, lenient) == .unknownKey)
        #expect(await world.rejection(try anonymous(F.idpKey), lenient, patience: .long) == nil)
        world.site.answer(F.idpURL, .set(try TokenTestKey.jwks(F.strangerKey)))
        #expect(try await eventually { world.store.status[world.idpIssuer.id]?.fetchedAt == world.clock.now })
        #expect(await world.rejection(named, lenient, patience: .long) == nil)
        #expect(world.site.fetched.count == 2)
    }

    @Test("EKM-22 the patience of Cloud EKM is 80 ms, that of Workspace a second")
    func defaults() {
        #expect(JWKSTiming().patience == .milliseconds(80) && JWKSTiming().longPatience == .seconds(1))
    }
}
