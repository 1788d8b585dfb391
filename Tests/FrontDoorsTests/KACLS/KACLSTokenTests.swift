import KeyCore
import Synchronization
import TestSupport
import Testing

@testable import Primitives

@Suite("KACLS tokens") struct KACLSTokenTests {
    @Test("CSE-26 N10 kacls_url must be this endpoint; host case, default port and a last slash don't matter")
    func url() async throws {
        try await withSite { (site) async throws in
            for (url, status) in [
                (site.url, 200), (site.url + "/", 200), (site.url.replacing("ekm.example.com", with: "EKM.Example.com"), 200),
                (site.url.replacing("https", with: "HTTPS"), 200), (site.url + "/x", 403), (site.url.replacing("hq", with: "HQ"), 403),
                (site.url.replacing("ekm.", with: "evil."), 403), (site.url.replacing("https", with: "http"), 403), ("", 403),
                (site.url + "?", 403), (site.url.replacing("https://", with: "https://x@"), 403),
            ] {
                #expect(try await site.wrap([1], try site.authorization().with("kacls_url", .string(url))).status == status, "\(url)")
            }
            #expect(try await site.wrap([1], try site.authorization().with("kacls_url", nil)).status == 403)
        }
    }

    @Test("CSE-27 N9 the audience of the authorization token", arguments: [
        ("cse-authorization", 200), (["cse-authorization"], 200), (["x", "cse-authorization"], 200), ("x", 401), (["x"], 401), ([], 401), ("", 401),
        ("CSE-authorization", 401), ("cse-authorization ", 401), (7, 401), (nil, 401), (["cse-authorization", 7], 401), ("web-client", 401),
    ] as [(JSONValue?, Int)])
    func authorizationAudience(audience: JSONValue?, status: Int) async throws {
        try await withSite { (site) async throws in
            #expect(try await site.wrap([1], try site.authorization().with("aud", audience)).status == status)
        }
    }

    @Test("CSE-74 N9 each application's audience is accepted if it is configured for that provider, as text or in a list", arguments: [
        ("web-client", 200), ("drive-ios", 200), (["drive-ios", "x"], 200), ("gmail-ios", 401), ("admin-client", 401), ("cse-authorization", 401), (nil, 401),
    ] as [(JSONValue?, Int)])
    func authenticationAudience(audience: JSONValue?, status: Int) async throws {
        try await withSite { (site) async throws in
            #expect(try await site.wrap([1], nil, try site.authentication().with("aud", audience)).status == status)
        }
    }

    @Test("CSE-28 an unknown issuer is 401, and nothing is fetched")
    func unknownIssuer() async throws {
        try await withSite { (site) async throws in
            let keys = try KACLSTestKeys.shared.get()
            for issuer in ["https://evil.example", "", "gsuitecse-tokenissuer-drive@system.gserviceaccount.com\u{0}"] {
                let token = try site.authentication().with("iss", .string(issuer)).signed(by: keys.stranger)
                #expect(try await site.wrap([1], nil, token).status == 401)
                #expect(try await site.wrap([1], token).status == 401)
            }
            #expect(site.visited.urls.withLock { $0 }.isEmpty)
        }
    }

    @Test("CSE-29 N8 a key of one issuer signs nothing for another")
    func confusion() async throws {
        try await withSite { (site) async throws in
            let keys = try KACLSTestKeys.shared.get()
            for key in [keys.idp, keys.admins, keys.guests, keys.stranger] {
                #expect(try await site.wrap([1], try site.authorization().signed(by: key)).status == 401)
                let kid = try site.authorization().signed(by: TokenTestKey(key, keyID: "g1"))
                #expect(try await site.wrap([1], kid).status == 401)
            }
            #expect(try await site.wrap([1], nil, try site.authentication().signed(by: keys.google)).status == 401)
            #expect(try await site.wrap([1], nil, try site.authentication().signed(by: keys.admins)).status == 401)
        }
    }

    @Test("CSE-30 alg none, and HS256 over the public key, are 401")
    func algorithms() async throws {
        try await withSite { (site) async throws in
            let keys = try KACLSTestKeys.shared.get()
            let claims = Base64.urlEncoded(JSONValue.object(try site.authentication().claims).json)
            let none = Base64.urlEncoded(Array(#"{"alg":"none"}"#.utf8)) + "." + claims + "."
            let input = Base64.urlEncoded(Array(#"{"alg":"HS256","kid":"i1"}"#.utf8)) + "." + claims
            let secret = SecretBytes(copying: try keys.idp.privateKey.publicKey.spkiPEM().utf8)
            let hs = input + "." + Base64.urlEncoded(try HMAC.authenticate(Array(input.utf8), key: secret, with: .sha256))
            for text in [none, hs, "", "a.b.c", "..", input] {
                let reply = try await site.call("wrap", [
                    ("key", "AQ=="), ("authorization", .string(try site.authorization().text)), ("authentication", .string(text)),
                ])
                #expect(reply.status == 401, "\(text.prefix(20))")
            }
        }
    }

    @Test("CSE-31 N11 times: the edges of the skew, and what is missing", arguments: [
        ("exp", -59, 200), ("exp", -61, 401), ("exp", nil, 401), ("iat", 59, 200), ("iat", 61, 401), ("iat", nil, 401), ("nbf", 59, 200),
        ("nbf", 61, 401), ("exp", 250_000_000_000, 401), ("exp", -1_790_000_001, 401),
    ] as [(String, Int64?, Int)])
    func times(claim: String, offset: Int64?, status: Int) async throws {
        try await withSite { (site) async throws in
            let value = offset.map { JSONValue.integer(site.folder.clock.now.seconds + $0) }
            #expect(try await site.wrap([1], nil, try site.authentication().with(claim, value)).status == status)
            #expect(try await site.wrap([1], try site.authorization().with(claim, value)).status == status)
        }
    }

    @Test("N11 an endpoint's own skew counts, also for a token that another endpoint has seen")
    func ownSkew() async throws {
        try await withSite(options: { options, _ in options.clockSkew = .seconds(0) }) { (site) async throws in
            let early = try site.authentication().with("iat", .integer(site.folder.clock.now.seconds + 30))
            #expect(try await site.wrap([1], nil, early).status == 401)
            let key = try await site.folder.keys.create(name: "lax", purpose: .wrap, algorithm: .aes256, source: EKMTestKeySource.embedded)
            try await site.addEndpoint("lax", path: "v0/kacls/lax", key: key.id) { options, _ in options.clockSkew = .seconds(300) }
            let authorization = try site.authorization().with("kacls_url", .string(site.url.replacing("hq", with: "lax"))).text
            let reply = try await site.send("/v0/kacls/lax/wrap", body: JSONValue.object([
                (name: "key", value: "AQ=="), (name: "authorization", value: .string(authorization)),
                (name: "authentication", value: .string(try early.text)),
            ]).json)
            #expect(reply.status == 200)
            #expect(try await site.wrap([1], nil, early).status == 401)
        }
    }

    @Test("CSE-32 times as integer, float and digits in quotes; nothing else", arguments: [
        ("integer", 200), ("float", 200), ("digits", 200), ("word", 401), ("list", 401), ("negative", 401), ("empty", 401),
    ])
    func timeForms(form: String, status: Int) async throws {
        try await withSite { (site) async throws in
            let end = site.folder.clock.now.seconds + 600
            let value: JSONValue = switch form {
            case "integer": .integer(end)
            case "float": .real(Double(end) + 0.5)
            case "digits": .string("\(end)")
            case "word": .string("soon")
            case "list": .array([.integer(end)])
            case "negative": .string("-\(end)")
            default: .string("")
            }
            #expect(try await site.wrap([1], try site.authorization().with("exp", value)).status == status)
            #expect(try await site.wrap([1], nil, try site.authentication().with("exp", value)).status == status)
        }
    }

    @Test("CSE-33 an identity provider's token may lack kid, Google's may not; an unknown kid is 401")
    func kid() async throws {
        try await withSite { (site) async throws in
            #expect(try await site.wrap([1], nil, try site.authentication().header(#"{"alg":"RS256"}"#)).status == 200)
            #expect(try await site.wrap([1], try site.authorization().header(#"{"alg":"RS256"}"#)).status == 401)
            #expect(try await site.wrap([1], nil, try site.authentication().header(#"{"alg":"RS256","kid":"?"}"#)).status == 401)
        }
    }

    @Test("CSE-33 a provider that must name its keys is held to it")
    func requiredKid() async throws {
        try await withSite(options: { options, _ in options.identityProviders[0].requiresKeyID = true }) { (site) async throws in
            #expect(try await site.wrap([1], nil, try site.authentication().header(#"{"alg":"RS256"}"#)).status == 401)
            #expect(try await site.wrap().status == 200)
        }
    }

    @Test("CSE-35 CSE-37 e-mail addresses: the letters A to Z fold, nothing else does", arguments: [
        ("Ann@Example.com", 200), ("ANN@EXAMPLE.COM", 200), ("ann@example.com", 200), ("bob@example.com", 403), ("a.nn@example.com", 403),
        ("ann+x@example.com", 403), ("ann@example.com ", 403), ("аnn@example.com", 403), ("ann@example.com.evil.example", 403),
    ])
    func users(email: String, status: Int) async throws {
        try await withSite { (site) async throws in
            #expect(try await site.wrap([1], nil, try site.authentication(email)).status == status)
        }
    }

    @Test("CSE-36 where there is google_email, it alone is compared")
    func googleEmail() async throws {
        try await withSite { (site) async throws in
            let primary = try site.authentication("ann.smith@corp.example")
            #expect(try await site.wrap([1], nil, primary.with("google_email", "Ann@example.com")).status == 200)
            #expect(try await site.wrap([1], nil, try site.authentication().with("google_email", "bob@example.com")).status == 403)
            #expect(try await site.wrap([1], nil, primary.with("email", nil).with("google_email", "ann@example.com")).status == 200)
            #expect(try await site.wrap([1], nil, try site.authentication().with("email", nil)).status == 401)
        }
    }

    @Test("CSE-36 an issuer's domains hold for the address that counts: google_email where there is one")
    func googleEmailOfAnotherDomain() async throws {
        try await withSite { (site) async throws in
            var change = IssuerChange()
            change.claims = Issuer.ClaimRules()
            change.claims?.allowedEmailSuffixes = ["@partner.example"]
            _ = try await site.folder.issuers.update(try #require(site.issuers["idp"]).id, change)
            try await site.reload()
            let partner = try site.authentication("ann@partner.example")
            #expect(try await site.wrap([1], nil, partner.with("google_email", "ann@example.com")).status == 401)
            #expect(try await site.wrap([1], nil, try site.authentication("ann@example.com")).status == 401)
            change.claims?.allowedEmailSuffixes = ["@Example.com"]
            _ = try await site.folder.issuers.update(try #require(site.issuers["idp"]).id, change)
            try await site.reload()
            #expect(try await site.wrap([1], nil, partner.with("google_email", "ann@example.com")).status == 200)
            let only = partner.with("email", nil).with("sub", nil).with("google_email", "ann@example.com")
            #expect(try await site.wrap([1], nil, only).status == 200)
        }
    }

    @Test("claims that Google sends without a value are as good as missing")
    func emptyClaims() async throws {
        try await withSite { (site) async throws in
            let authorization = try site.authorization().with("delegated_to", "").with("kacls_owner_domain", "").with("email_type", "")
            #expect(try await site.wrap([1], authorization, try site.authentication().with("google_email", "")).status == 200)
        }
    }

    @Test("a provider that must have verified its addresses is held to it")
    func requiredVerification() async throws {
        try await withSite(options: { options, _ in options.identityProviders[0].requiresVerifiedEmail = true }) { (site) async throws in
            #expect(try await site.wrap([1], nil, try site.authentication().with("email_verified", nil)).status == 401)
            #expect(try await site.wrap([1], nil, try site.authentication().with("email_verified", true)).status == 200)
        }
    }

    @Test("an address that the provider has not verified is nobody's")
    func unverified() async throws {
        try await withSite { (site) async throws in
            for (value, status) in [(JSONValue.bool(false), 401), (.string("false"), 401), (.null, 401), (.string("true"), 200), (nil, 200)] as [(JSONValue?, Int)] {
                #expect(try await site.wrap([1], nil, try site.authentication().with("email_verified", value)).status == status)
            }
        }
    }

    @Test("N10 the two tokens can't stand for each other")
    func swapped() async throws {
        try await withSite { (site) async throws in
            #expect(try await site.wrap([1], try site.authentication(), try site.authorization()).status == 401)
            #expect(try await site.wrap([1], try site.authorization(), try site.authorization()).status == 401)
            #expect(try await site.wrap([1], try site.authentication(), try site.authentication()).status == 401)
        }
    }

    @Test("CSE-38 CSE-39 guests: off, on, and only with a provider of their own", arguments: [
        (false, false, [403, 403, 200, 403, 200]), (true, false, [200, 200, 200, 403, 200]), (true, true, [403, 200, 200, 403, 200]),
    ])
    func guests(isAllowed: Bool, ownProvider: Bool, expected: [Int]) async throws {
        try await withSite(options: { options, parts in
            (options.allowsGuests, options.requiresGuestProvider) = (isAllowed, ownProvider)
            var guests = KACLSOptions.IdentityProvider(issuer: try #require(parts.issuers["guests"]).id, audiences: ["guest-client"])
            (guests.vouchesForUsers, guests.vouchesForGuests) = (false, true)
            options.identityProviders.append(guests)
        }) { (site) async throws in
            let key = try KACLSTestKeys.shared.get().guests
            func guest(_ email: String) throws -> KACLSTestToken {
                try site.authentication(email).signed(by: key).with("iss", "https://guests.example.com").with("aud", "guest-client")
            }
            let visitor = "eve@guest.example"
            var statuses = [
                try await site.wrap([1], try site.authorization(email: visitor).with("email_type", "google-visitor"), try site.authentication(visitor)).status,
                try await site.wrap([1], try site.authorization(email: visitor).with("email_type", "customer-idp"), try guest(visitor)).status,
                try await site.wrap([1], try site.authorization().with("email_type", nil)).status,
            ]
            // The guests' provider vouches for nobody of the house.
            statuses.append(try await site.wrap([1], nil, try guest("ann@example.com")).status)
            statuses.append(try await site.wrap([1], try site.authorization().with("email_type", "")).status)
            #expect(statuses == expected)
            #expect(try await site.wrap([1], try site.authorization().with("email_type", "martian")).status == 403)
        }
    }

    @Test("CSE-40 kacls_owner_domain: another's is 403, ours or none is fine", arguments: [
        ("example.com", 200), ("EXAMPLE.com", 200), ("example.org", 403), ("sub.example.com", 403), ("", 200), (nil, 200),
    ])
    func ownerDomain(domain: String?, status: Int) async throws {
        try await withSite { (site) async throws in
            let token = try site.authorization().with("kacls_owner_domain", domain.map { .string($0) })
            #expect(try await site.wrap([1], token).status == status)
        }
    }

    @Test("N12 an ES256 token with r and s of zero, or of another curve, is nobody's")
    func ecdsa() async throws {
        try await withSite { (site) async throws in
            let claims = Base64.urlEncoded(JSONValue.object(try site.authentication().claims).json)
            let input = Base64.urlEncoded(Array(#"{"alg":"ES256","kid":"i1"}"#.utf8)) + "." + claims
            let reply = try await site.call("wrap", [
                ("key", "AQ=="), ("authorization", .string(try site.authorization().text)),
                ("authentication", .string(input + "." + Base64.urlEncoded([UInt8](repeating: 0, count: 64)))),
            ])
            #expect(reply.status == 401)
        }
    }

    @Test("a provider may sign with any of the nine algorithms that it is configured with, ES512 among them", arguments: [
        SignatureAlgorithm.es256, .es384, .es512, .ps512,
    ])
    func algorithms(algorithm: SignatureAlgorithm) async throws {
        try await withSite { (site) async throws in
            let key = try TokenTestKey("e1", algorithm)
            var change = IssuerChange()
            (change.keys, change.algorithms) = (.pinned(jwks: try TokenTestKey.jwks(key)), [algorithm])
            _ = try await site.folder.issuers.update(try #require(site.issuers["idp"]).id, change)
            try await site.reload()
            #expect(try await site.wrap([1], nil, try site.authentication().signed(by: key)).status == 200)
            #expect(try await site.wrap([1], nil, try site.authentication()).status == 401)
        }
    }

    @Test("CSE-34 D the shapes of Drive's, Meet's, Calendar's tokens as they were recorded", arguments: [GoogleCSEIssuer.drive, .meet, .calendar])
    func shapes(issuer: GoogleCSEIssuer) async throws {
        try await withSite { (site) async throws in
            let resource = issuer == .drive ? KACLSSite.resource : "//googleapis.com/\(issuer.rawValue)/abc-defg-hij"
            // As recorded: perimeter_id empty, nbf five minutes before iat, the page's origin in the nonce, azp and hd.
            let now = site.folder.clock.now.seconds
            let authentication = try site.authentication().with("azp", "web-client").with("hd", "example.com")
                .with("nonce", "k3j4:https://client-side-encryption.google.com").with("nbf", .integer(now - 300)).with("jti", "0f1e")
            let reply = try await site.wrap(KACLSSite.tinkKey, try site.authorization("writer", issuer: issuer, resource: resource), authentication)
            #expect(reply.status == 200)
            #expect(site.audit.records.last?.proofs.last == "0f1e")
        }
    }

    @Test("Google's issuers are built in, with their addresses, until an entry of the table takes the place of one")
    func builtIn() async throws {
        try await withSite(options: { options, _ in options.googleIssuers = Set(GoogleCSEIssuer.allCases) }) { (site) async throws in
            #expect(try await site.wrap().status == 200)
            let endpoint = try await site.folder.endpoints.snapshot()
            #expect(endpoint.keyHolders.count == endpoint.issuers.count)
        }
        let own = GoogleCSEIssuer.drive.issuer
        #expect(own.keys == .jwksURL("https://www.googleapis.com/service_accounts/v1/jwk/gsuitecse-tokenissuer-drive@system.gserviceaccount.com"))
        #expect(own.id == GoogleCSEIssuer.drive.issuer.id)
    }
}

extension EKMTestKeySource {
    /// A source that simply works.
    static var embedded: FakeKeySource { FakeKeySource() }
}
