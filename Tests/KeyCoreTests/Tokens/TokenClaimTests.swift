import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("The claims of tokens") struct TokenClaimTests {
    typealias F = TokenFixture
    let world: TokenFixture
    init() throws { world = try TokenFixture() }

    @Test("N9 the audience table", arguments: [
        (#""https://ekm.example.com""#, true), (#"["https://ekm.example.com"]"#, true),
        (#"["https://other.example","https://ekm.example.com"]"#, true), (#""https://other.example""#, false),
        (#"["https://other.example"]"#, false), ("[]", false), (nil, false), ("null", false), (#""""#, false), ("7", false),
        (#"["https://ekm.example.com",7]"#, false), (#"{"aud":"https://ekm.example.com"}"#, false),
    ])
    func audience(value: String?, isAccepted: Bool) async throws {
        #expect(try await world.rejection(of: "aud", value) == (isAccepted ? nil : .audience))
    }

    @Test("EKM-17 the audience is https:// and a host name of ours, exactly: no port, no path, no bare name, no other spelling", arguments: [
        "ekm.example.com", "http://ekm.example.com", "https://ekm.example.com:443", "https://ekm.example.com:8443", "https://ekm.example.com/",
        "https://ekm.example.com/v0", "https://EKM.example.com", "https://ekm.example.com.", "https://ekm.example.co", "https://xekm.example.com",
        "https://ekm.example.com ", " https://ekm.example.com", "https://ekm.example.com\\u0000", "https://e\\u212am.example.com", "https://user@ekm.example.com",
        "https://evil.example?https://ekm.example.com", "https://evil.example#https://ekm.example.com",
    ])
    func audienceSpelling(value: String) async throws {
        #expect(try await world.rejection(of: "aud", "\"\(value)\"") == .audience)
    }

    @Test("an audience is compared byte for byte, not by Unicode's equivalence")
    func exactAudience() async throws {
        let kelvin = TokenExpectation(issuers: [world.googleIssuer], audiences: ["https://K.example"])
        #expect("https://K.example" == "https://\u{212A}.example")  // what Swift thinks of it
        #expect(await world.rejection(try F.googleKey.token(world.claims(audience: "https://\u{212A}.example").json), kelvin) == .audience)
        #expect(await world.rejection(try F.googleKey.token(world.claims(audience: "https://K.example").json), kelvin) == nil)
        let many = "[" + (0..<17).map { _ in "\"\(F.audience)\"" }.joined(separator: ",") + "]"
        #expect(try await world.rejection(of: "aud", many) == .audience)
    }

    @Test("N10 a token for another endpoint of ours is refused, also after it was accepted there")
    func otherEndpoint() async throws {
        let here = world.expectation
        let there = TokenExpectation(issuers: [world.googleIssuer], audiences: ["https://ekm2.example.com"])
        let elsewhere = TokenExpectation(issuers: [world.idpIssuer], audiences: [F.audience])
        let token = try world.token()
        #expect(await world.rejection(token, there) == .audience)
        #expect(await world.rejection(token, elsewhere) == .issuer)
        #expect(await world.rejection(token, here) == nil)
        #expect(await world.rejection(token, there) == .audience)
        #expect(await world.rejection(token, elsewhere) == .issuer)
        #expect(await world.rejection(token, here) == nil)
        #expect(await world.rejection(token, TokenExpectation(issuers: [world.googleIssuer], audiences: [])) == .audience)
        #expect(await world.rejection(token, TokenExpectation(issuers: [], audiences: [F.audience])) == .issuer)
    }

    enum Verdict: Sendable { case accepted, expired, time }

    @Test("N11 EKM-18 times, relative to now, with 60 s of skew", arguments: [
        ("exp", -59, Verdict.accepted), ("exp", -60, .expired), ("exp", -61, .expired), ("exp", 1, .accepted), ("exp", 86_400, .accepted),
        ("exp", 86_401, .time), ("exp", 864_000, .time), ("nbf", 59, .accepted), ("nbf", 60, .accepted), ("nbf", 61, .time), ("nbf", -864_000, .accepted),
        ("iat", 59, .accepted), ("iat", 60, .accepted), ("iat", 61, .time), ("iat", 120, .time), ("iat", -59, .accepted),
        ("iat", -82_800, .accepted), ("iat", -82_801, .time),
    ])
    func times(claim: String, offset: Int64, verdict: Verdict) async throws {
        let rejection = try await world.rejection(of: claim, "\(world.clock.now.seconds + offset)")
        switch (verdict, rejection) {
        case (.accepted, nil), (.expired, .expired), (.time, .time): break
        default: Issue.record("\(claim) \(offset): \(String(describing: rejection))")
        }
    }

    @Test("N11 a time that is no number of seconds is refused", arguments: ["exp", "nbf", "iat"], [
        #""1790003600""#, "-1", "-1790003600", "null", "true", "[]", "{}", #""""#, "1e400", "9e18", "99999999999999999999", "-0.5", "1e10",
    ])
    func oddTimes(claim: String, value: String) async throws {
        let rejection = try await world.rejection(of: claim, value)
        if case .time = rejection {} else if case .malformed = rejection {} else { Issue.record("\(claim) \(value): \(String(describing: rejection))") }
    }

    @Test("N11 year 9999 and the largest integer are not accepted as an expiry, with iat and without", arguments: ["253402300799", "9223372036854775807"])
    func farFuture(value: String) async throws {
        #expect(try await world.rejection(of: "exp", value) == .time("lifetime is longer than accepted"))
        let claims = world.claims.with("iat", nil).with("exp", value)
        #expect(await world.rejection(try F.googleKey.token(claims.json)) == .time("lifetime is longer than accepted"))
    }

    @Test("N11 a fraction of a second counts; exp is obligatory, nbf and iat are not")
    func fractionsAndAbsence() async throws {
        let now = world.clock.now.seconds
        #expect(try await world.rejection(of: "exp", "\(now - 60).5") == nil)
        #expect(try await world.rejection(of: "exp", "\(now - 61).5") == .expired)
        #expect(try await world.rejection(of: "exp", "\(now + 5)e0") == nil)
        #expect(try await world.rejection(of: "iat", "\(now + 60).5") == .time("issued in the future"))
        #expect(try await world.rejection(of: "exp", nil) == .expired)
        #expect(try await world.rejection(of: "exp", "0") == .expired)
        #expect(try await world.rejection(of: "iat", nil) == nil)
        #expect(try await world.rejection(of: "iat", "0") == .time("lifetime is longer than accepted"))
    }

    @Test("N11 EKM-36 a token from the cache expires with its skew, to the second")
    func expiryInCache() async throws {
        let token = try world.token()
        for (advance, expected): (Int64, TokenRejection?) in [(0, nil), (3600, nil), (59, nil), (1, .expired), (100_000, .expired)] {
            world.clock.advance(by: .seconds(advance))
            #expect(await world.rejection(token) == expected)
        }
        #expect(world.verifier.counts.verifications == 1)
    }

    @Test("EKM-16 both of Google's values of iss pass; any other is refused", arguments: [
        (#""https://accounts.google.com""#, true), (#""accounts.google.com""#, true), (#""https://accounts.google.com/""#, false),
        (#""http://accounts.google.com""#, false), (#""https://accounts.google.com.evil.example""#, false), (#""ACCOUNTS.GOOGLE.COM""#, false),
        (#""https://evil.example""#, false), (#""""#, false), ("null", false), (nil, false), (#"["accounts.google.com"]"#, false), ("1", false),
        (#""accounts.google.com ""#, false), (#""accounts.goog\u212ae.com""#, false), (#""accounts.google.com\u0000""#, false),
    ])
    func issuers(value: String?, isAccepted: Bool) async throws {
        #expect(try await world.rejection(of: "iss", value) == (isAccepted ? nil : .issuer))
    }

    @Test("EKM-19 an e-mail address must be there and verified", arguments: [
        ("email_verified", "true", nil), ("email_verified", #""true""#, nil), ("email_verified", "false", "email_verified"),
        ("email_verified", nil, "email_verified"), ("email_verified", #""false""#, "email_verified"), ("email_verified", #""TRUE""#, "email_verified"),
        ("email_verified", "1", "email_verified"), ("email_verified", "null", "email_verified"), ("email_verified", "[true]", "email_verified"),
        ("email", nil, "email"), ("email", "null", "email"), ("email", #""""#, "email"), ("email", #"["a@b"]"#, "email"), ("email", "1", "email"),
    ] as [(String, String?, String?)])
    func verifiedEmail(claim: String, value: String?, refusedClaim: String?) async throws {
        #expect(try await world.rejection(of: claim, value) == refusedClaim.map(TokenRejection.claim))
    }

    @Test("the verified token says who, from whom, for whom and until when; letters of the address are folded")
    func contents() async throws {
        let claims = world.claims.with("email", #""Service-123456789012@GCP-sa-ekms.iam.gserviceaccount.com""#)
        let token = try await world.verifier.verify(Array(try F.googleKey.token(claims.json).utf8), expecting: world.expectation)
        #expect(token.issuer == world.googleIssuer.id)
        #expect((token.principal, token.email, token.subject) == (F.email, F.email, "104000000000000000001"))
        #expect(token.audiences == [F.audience])
        #expect(token.issuedAt == world.clock.now)
        #expect(token.expiresAt == world.clock.now + .seconds(3600))
    }
}

@Suite("The rules of issuers") struct IssuerRuleTests {
    typealias F = TokenFixture

    /// The principal of a token with these claims, or the claim by which it is refused.
    private func principal(_ rules: Issuer.ClaimRules, _ change: (TokenClaims) -> TokenClaims) async throws -> String {
        let world = try TokenFixture()
        let issuer = Issuer(
            id: world.googleIssuer.id, name: "google", values: [F.google], keys: world.googleIssuer.keys,
            algorithms: world.googleIssuer.algorithms, claims: rules)
        let expectation = TokenExpectation(issuers: [issuer], audiences: [F.audience])
        do {
            let token = try F.googleKey.token(change(world.claims).json)
            return try await world.verifier.verify(Array(token.utf8), expecting: expectation).principal
        } catch let error as TokenRejection {
            return error.code + (error == .claim("sub") ? " sub" : "")
        }
    }

    @Test("allowed suffixes hold whether or not the address must be verified", arguments: [true, false])
    func suffixes(requiresVerified: Bool) async throws {
        var rules = Issuer.ClaimRules()
        rules.requiresVerifiedEmail = requiresVerified
        rules.allowedEmailSuffixes = ["@GCP-sa-ekms.iam.gserviceaccount.com", "@example.com"]
        #expect(try await principal(rules) { $0 } == F.email)
        #expect(try await principal(rules) { $0.with("email", #""a@EXAMPLE.com""#) } == "a@example.com")
        for email in ["a@example.com.evil.example", "a@evil-example.com", "a@sub.example.com", "a@example.co", "@evil.example", "example.com"] {
            #expect(try await principal(rules) { $0.with("email", "\"\(email)\"") } == "token-claim")
        }
        #expect(try await principal(rules) { $0.with("email", nil) } == "token-claim")
        rules.allowedEmailSuffixes = ["@\u{E9}.example"]
        #expect(try await principal(rules) { $0.with("email", "\"a@e\u{301}.example\"") } == "token-claim")
    }

    @Test("an address that the issuer has not verified is nobody's name, even where a verified one isn't demanded")
    func unverified() async throws {
        var rules = Issuer.ClaimRules()
        rules.requiresVerifiedEmail = false
        #expect(try await principal(rules) { $0 } == F.email)
        #expect(try await principal(rules) { $0.with("email_verified", nil) } == F.email)
        for value in ["false", #""false""#, "null", "0"] {
            #expect(try await principal(rules) { $0.with("email_verified", value) } == "104000000000000000001")
        }
        #expect(try await principal(rules) { $0.with("email", nil) } == "104000000000000000001")
        #expect(try await principal(rules) { $0.with("email", #""""#) } == "104000000000000000001")
    }

    @Test("a token that names nobody is refused")
    func nobody() async throws {
        var rules = Issuer.ClaimRules()
        rules.requiresVerifiedEmail = false
        for subject in [nil, #""""#] {
            #expect(try await principal(rules) { $0.with("email", nil).with("sub", subject) } == "token-claim sub")
            #expect(try await principal(rules) { $0.with("email_verified", "false").with("sub", subject) } == "token-claim sub")
        }
        #expect(try await principal(Issuer.ClaimRules()) { $0.with("sub", nil) } == F.email)
        #expect(try await principal(Issuer.ClaimRules()) { $0.with("sub", "7") } == "token-claim sub")
        #expect(try await principal(Issuer.ClaimRules()) { $0.with("sub", "\"" + String(repeating: "s", count: 513) + "\"") } == "token-claim sub")
    }

    @Test("a shorter lifetime can be demanded")
    func lifetime() async throws {
        var rules = Issuer.ClaimRules()
        rules.maxLifetime = .seconds(3599)
        #expect(try await principal(rules) { $0 } == "token-time")
        rules.maxLifetime = .seconds(3600)
        #expect(try await principal(rules) { $0 } == F.email)
    }

    @Test("a token without kid is tried against the keys of its algorithm only where the issuer's rules say so")
    func missingKeyID() async throws {
        var rules = Issuer.ClaimRules()
        let world = try TokenFixture()
        for allowed in [false, true] {
            rules.allowsMissingKeyID = allowed
            let issuer = Issuer(
                id: world.googleIssuer.id, name: "google", values: [F.google], keys: world.googleIssuer.keys,
                algorithms: world.googleIssuer.algorithms, claims: rules)
            let expectation = TokenExpectation(issuers: [issuer], audiences: [F.audience])
            for key in [F.googleKey, F.p256] {
                let token = try key.token(header: #"{"alg":"\#(key.algorithm.rawValue)"}"#, world.claims.json)
                #expect(await world.rejection(token, expectation) == (allowed ? nil : .header("kid is missing")))
            }
            let foreign = try F.strangerKey.token(header: #"{"alg":"RS256"}"#, world.claims.json)
            #expect(await world.rejection(foreign, expectation) == (allowed ? .signature : .header("kid is missing")))
        }
    }
}
