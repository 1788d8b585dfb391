@testable import FrontDoors
import KeyCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Primitives

@Suite("Salesforce callout: who calls") struct CalloutAuthenticationTests {
    private static func signed(_ change: @escaping @Sendable (inout PinnedTokenRules) -> Void = { _ in }) -> SalesforceFixture.Options {
        var options = SalesforceFixture.Options(usesPassword: false)
        options.change = { own in
            var rules = PinnedTokenRules(
                issuer: SalesforceFixture.organization, subject: "consumer-key", audience: "https://keys.example.com/org-1",
                certificates: [.init(keyID: "Signer_1", certificate: try SalesforceOrg.shared.get().certificate("signer"))])
            change(&rules)
            own.authentication.signedToken = rules
        }
        return options
    }

    private static func pinned(withPassword: Bool) -> SalesforceFixture.Options {
        var options = SalesforceFixture.Options(usesPassword: withPassword)
        options.change = { $0.authentication.clientCertificates = [try SalesforceOrg.shared.get().fingerprint("client")] }
        return options
    }

    // MARK: Basic

    @Test("SFC-13 Basic: the right pair gets 200; wrong password, wrong user, none, and what is no Basic get 401 and its challenge")
    func basic() async throws {
        let door = try await SalesforceFixture()
        #expect(await door.status(door.basic) == 200)
        #expect(await door.status("bAsIc" + door.basic.dropFirst(5)) == 200)
        let wrong: [String?] = [
            nil, SalesforceFixture.basic(door.user, door.password + "x"), SalesforceFixture.basic(door.user, String(door.password.dropLast())),
            SalesforceFixture.basic(door.user, ""), SalesforceFixture.basic("org-2", door.password), SalesforceFixture.basic("", door.password),
            "Basic", "Basic ", "Basic !!!", "Basic " + Base64.string(Array(door.password.utf8)), "Bearer \(door.password)", "Digest \(door.basic)",
            "Basic " + String(repeating: "QUFB", count: 4000), "Basic " + Base64.string(Array("\(door.user)::\(door.password)".utf8)),
        ]
        for authorization in wrong {
            let reply = await door.call("/sfdc/org-1/\(SalesforceFixture.identifier)", authorization: authorization)
            #expect(reply.status == 401 || reply.status == 429, "\(authorization ?? "none")")
            guard reply.status == 401 else { continue }
            #expect(reply.header("www-authenticate")?.hasPrefix("Basic ") == true)
            #expect(String(decoding: reply.body, as: UTF8.self) == #"{"error":"unauthorized"}"#)
        }
    }

    @Test("two Authorization fields are none")
    func twoHeaders() async throws {
        let door = try await SalesforceFixture()
        var headers = SalesforceFixture.headers
        headers.add(name: "Authorization", value: door.basic)
        #expect(await door.call("/sfdc/org-1/\(SalesforceFixture.identifier)", authorization: door.basic, headers: headers).status == 401)
    }

    @Test("N33 a password is never compared: digests of passwords that differ in one character share nothing an attacker could learn step by step")
    func constantTime() throws {
        let endpoint = try EndpointID.random()
        let (credential, password) = try BasicCredential.generate(user: "org", at: endpoint, now: Instant(seconds: 0))
        let right = Array("org:\(password)".utf8)
        #expect(BasicCredential.recognise(right, among: [credential], at: endpoint) == credential)
        for index in right.indices {
            var near = right
            near[index] ^= 1
            #expect(BasicCredential.recognise(near, among: [credential], at: endpoint) == nil, "byte \(index)")
        }
        // The whole list is looked at, wherever the right one stands.
        let others = try (0..<3).map { _ in try BasicCredential.generate(user: "org", at: endpoint, now: Instant(seconds: 0)).credential }
        for place in 0...3 {
            var list = others
            list.insert(credential, at: place)
            #expect(BasicCredential.recognise(right, among: list, at: endpoint) == credential)
        }
        #expect(password.utf8.count == 43)
        #expect(try BasicCredential.generate(user: "org", at: endpoint, now: Instant(seconds: 0)).password != password)
    }

    @Test("a password's digest opens nothing at another endpoint")
    func movedTag() throws {
        let (one, other) = (try EndpointID.random(), try EndpointID.random())
        let (credential, password) = try BasicCredential.generate(user: "org", at: one, now: Instant(seconds: 0))
        let presented = Array("org:\(password)".utf8)
        #expect(BasicCredential.recognise(presented, among: [credential], at: other) == nil)
        #expect(BasicCredential.recognise(presented, among: [credential], at: one) == credential)
    }

    @Test("beyond a rate failures are told to wait, each address for itself; who has the right password is served all the same")
    func rate() async throws {
        let door = try await SalesforceFixture(.init(failures: FailureLimiter(perMinute: 1, burst: 3)))
        let target = "/sfdc/org-1/\(SalesforceFixture.identifier)"
        var statuses: [Int] = []
        for _ in 0..<5 { statuses.append(await door.call(target, authorization: "Basic eDp5").status) }
        #expect(statuses == [401, 401, 401, 429, 429])
        let refused = await door.call(target, authorization: "Basic eDp5")
        #expect(refused.header("retry-after") != nil)
        #expect(await door.call(target, authorization: "Basic eDp5", address: "13.108.0.8").status == 401)
        #expect(await door.status(door.basic) == 200)
    }

    // MARK: Tokens that the org signs

    @Test("SFC-14 JWT: RS256 and RS512 of the pinned certificate are accepted", arguments: ["RS256", "RS512"])
    func signedToken(algorithm: String) async throws {
        let door = try await SalesforceFixture(Self.signed())
        let token = try door.token.withHeader("alg", "\"\(algorithm)\"").signed(by: door.org.signingKey)
        #expect(await door.status("Bearer \(token)") == 200)
        #expect(door.records.last?.principal == "jwt:consumer-key")
    }

    @Test("SFC-14 JWT: 401 for whatever is not exactly as agreed", arguments: [
        ("iss", #""00D000000000002""#), ("iss", nil), ("sub", #""consumer-Key""#), ("sub", nil), ("aud", #""https://keys.example.com/org-2""#),
        ("aud", nil), ("aud", "[]"), ("exp", nil), ("exp", "\"soon\""), ("exp", "past"), ("exp", "far"), ("nbf", "future"), ("iat", "future"),
    ])
    func claims(name: String, value: String?) async throws {
        let door = try await SalesforceFixture(Self.signed())
        let now = door.clock.now.seconds
        let words = ["past": "\(now - 11)", "far": "\(now + 901)", "future": "\(now + 12)"]
        let token = try door.token.with(name, value.map { words[$0] ?? $0 }).signed(by: door.org.signingKey)
        let reply = await door.call("/sfdc/org-1/\(SalesforceFixture.identifier)", authorization: "Bearer \(token)")
        #expect(reply.status == 401)
        #expect(reply.header("www-authenticate")?.hasPrefix("Bearer ") == true)
    }

    @Test("SFC-14 JWT: within the skew, and with several audiences, it is fine")
    func tolerated() async throws {
        let door = try await SalesforceFixture(Self.signed())
        let now = door.clock.now.seconds
        let edge = door.token.with("exp", "\(now - 8)").with("iat", "\(now - 128)").with("nbf", "\(now + 8)")
            .with("aud", #"["x","https://keys.example.com/org-1"]"#)
        let token = try edge.signed(by: door.org.signingKey)
        #expect(await door.status("Bearer \(token)") == 200)
    }

    @Test("SFC-14 JWT: a wrong signature, an unknown kid, none, alg none, and HS256 with the public key as secret get 401")
    func forgeries() async throws {
        let door = try await SalesforceFixture(Self.signed())
        let good = try door.token.signed(by: door.org.signingKey)
        let none = door.token.withHeader("alg", #""none""#).signedText
        let hmac = door.token.withHeader("alg", #""HS256""#).signedText
        let certificate = SecretBytes(copying: Array(try door.org.pem("signer").utf8))
        let mac = Base64.urlEncoded(try HMAC.authenticate(Array(hmac.utf8), key: certificate, with: .sha256))
        var flipped = Array(good.utf8)
        flipped[good.utf8.count - 20] ^= 1
        let forged = [
            try door.token.signed(by: door.org.strangerKey), String(decoding: flipped, as: UTF8.self), none + ".", none + "." + "AAAA", "\(hmac).\(mac)",
            try door.token.withHeader("kid", #""Signer_2""#).signed(by: door.org.signingKey),
            try door.token.withHeader("kid", nil).signed(by: door.org.signingKey),
            try door.token.withHeader("alg", #""RS384""#).signed(by: door.org.signingKey),
            try door.token.withHeader("crit", #"["exp"]"#).signed(by: door.org.signingKey), good + ".x", "", ".", "..",
        ]
        for token in forged { #expect(await door.status("Bearer \(token)") == 401, "\(token.prefix(40))") }
        #expect(await door.status("Bearer \(good)") == 200)
    }

    @Test("a token that is refused gets 401 whatever the rate and the reason, for 401 is what has Salesforce make a new one")
    func refusedToken() async throws {
        var options = Self.signed()
        options.failures = FailureLimiter(perMinute: 1, burst: 1)
        let door = try await SalesforceFixture(options)
        let old = try door.token.with("exp", "\(door.clock.now.seconds - 60)").signed(by: door.org.signingKey)
        let forged = try door.token.signed(by: door.org.strangerKey)
        let other = try door.token.with("iss", #""00D000000000002""#).signed(by: door.org.signingKey)
        for _ in 0..<3 {
            for token in [old, forged, other, "x"] { #expect(await door.status("Bearer \(token)") == 401) }
        }
        #expect(await door.status(nil) == 401)
        #expect(await door.status(nil) == 429, "no credentials are none that could be renewed")
    }

    @Test("SFC-15 OAuth: whatever is wrong with an access token, however often, the answer is 401: 429 would have Salesforce keep it and lose its key")
    func refusedAccessTokens() async throws {
        let door = try await Self.accessToken(failures: FailureLimiter(perMinute: 1, burst: 1))
        let token = try Self.access(door, ["sub": #""org-2-client""#]).signed(by: try EKMTestIssuer.google.get())
        let without = try Self.access(door, ["scope": nil]).signed(by: try EKMTestIssuer.google.get())
        for _ in 0..<4 {
            for text in [token, without, "x"] { #expect(await door.call("/sfdc/oauth/k1", authorization: "Bearer \(text)").status == 401) }
        }
    }

    @Test("failures at one endpoint are never counted at another, however many there are")
    func separateFailures() throws {
        let limiter = FailureLimiter(perMinute: 1, burst: 1)
        for _ in 0..<1000 {
            let endpoint = try EndpointID.random()
            #expect(limiter.admit(endpoint, "13.108.0.7", now: 1))
            #expect(!limiter.admit(endpoint, "13.108.0.7", now: 1))
        }
    }

    // MARK: Access tokens

    private static func accessToken(
        subjects: [String] = ["org-1-client"], failures: FailureLimiter = FailureLimiter(),
        refusals: RefusalLimiter = RefusalLimiter(perSecond: 1_000_000, burst: 1_000_000)
    ) async throws -> SalesforceFixture {
        let door = try await SalesforceFixture(.init(failures: failures, refusals: refusals))
        var claims = Issuer.ClaimRules()
        claims.requiresVerifiedEmail = false
        let issuer = Issuer(
            id: try IssuerID.random(), name: "idp", values: ["https://idp.example.com"], keys: .jwksURL("https://idp.example.com/jwks"),
            claims: claims)
        try await door.issuers.create(issuer)
        var own = CacheOnlyOptions(organization: SalesforceFixture.organization, certificates: [try door.org.certificate("byok")])
        own.authentication.accessToken = AccessTokenRules(subjects: subjects)
        let policy = try await door.policies.find("org-1").id
        let key = try await door.keys.create(name: "oauth", purpose: .cacheOnly, algorithm: .aes256, source: door.source)
        var draft = EndpointDraft(name: "oauth", hostnames: ["keys.example.com"], keyID: key.id, policyID: policy, issuers: [issuer.id])
        (draft.door, draft.path, draft.salesforce) = (.salesforce, "sfdc/oauth", own)
        let endpoint = try await door.endpoints.create(draft)
        _ = try await door.add("k1", of: 1, of: key.id, at: endpoint)
        try await door.reload()
        return door
    }

    private static func access(_ door: SalesforceFixture, _ changes: [String: String?] = [:]) -> EKMTestToken {
        EKMTestToken(now: door.clock.now).with([
            "iss": #""https://idp.example.com""#, "aud": #""https://keys.example.com""#, "sub": #""org-1-client""#, "email": String?.none,
            "email_verified": String?.none, "scope": #""openid cckm_sfdc_cacheonly_key""#,
        ]).with(changes)
    }

    @Test("SFC-15 OAuth: a token of the issuer with the scope gets 200; without the scope, of another subject, issuer or audience, or expired: 401")
    func oauth() async throws {
        let door = try await Self.accessToken()
        let google = try EKMTestIssuer.google.get()
        func status(_ changes: [String: String?], by issuer: EKMTestIssuer? = nil) async throws -> Int {
            await door.call("/sfdc/oauth/k1", authorization: "Bearer \(try Self.access(door, changes).signed(by: issuer ?? google))").status
        }
        #expect(try await status([:]) == 200)
        #expect(door.records.last?.principal == "oauth:org-1-client")
        #expect(try await status(["scope": nil, "scp": #"["a","cckm_sfdc_cacheonly_key"]"#]) == 200)
        #expect(try await status(["scope": nil]) == 401)
        #expect(try await status(["scope": #""cckm_sfdc_cacheonly_key2 x""#]) == 401)
        #expect(try await status(["sub": #""org-2-client""#]) == 401)
        #expect(try await status(["iss": #""https://other.example.com""#]) == 401)
        #expect(try await status(["aud": #""https://elsewhere.example.com""#]) == 401)
        #expect(try await status(["exp": "\(door.clock.now.seconds - 3600)", "iat": "\(door.clock.now.seconds - 7200)"]) == 401)
        #expect(try await status([:], by: try EKMTestIssuer.stranger.get()) == 401)
    }

    @Test("SFC-15 OAuth: an unknown kid has the issuer's keys fetched once more, and the new key is accepted")
    func rotation() async throws {
        let door = try await Self.accessToken()
        let (google, next) = (try EKMTestIssuer.google.get(), try EKMTestIssuer.googleNext.get())
        let held = try Self.access(door).signed(by: google)
        #expect(await door.call("/sfdc/oauth/k1", authorization: "Bearer \(held)").status == 200)
        let before = door.jwksHost.fetches
        door.jwksHost.serve(try EKMTestIssuer.jwks([google, next]))
        door.clock.advance(by: .seconds(60))
        let token = try Self.access(door).withHeader(["kid": #""\#(next.keyID)""#]).signed(by: next)
        #expect(await door.call("/sfdc/oauth/k1", authorization: "Bearer \(token)").status == 200)
        #expect(door.jwksHost.fetches == before + 1)
    }

    @Test("OAuth: where the issuer's keys were never to be had the fault is ours: 503")
    func keysAway() async throws {
        let door = try await Self.accessToken()
        door.jwksHost.serve(nil)
        let token = try Self.access(door).signed(by: try EKMTestIssuer.google.get())
        #expect(await door.call("/sfdc/oauth/k1", authorization: "Bearer \(token)").status == 503)
    }

    @Test("OAuth: a key that isn't at hand is no reason for a refusal while the issuer doesn't answer: 503 until it does")
    func rotationUnseen() async throws {
        let door = try await Self.accessToken()
        let (google, next) = (try EKMTestIssuer.google.get(), try EKMTestIssuer.googleNext.get())
        let held = try Self.access(door).signed(by: google)
        #expect(await door.call("/sfdc/oauth/k1", authorization: "Bearer \(held)").status == 200)
        func status() async throws -> Int {
            let token = try Self.access(door).withHeader(["kid": #""\#(next.keyID)""#]).signed(by: next)
            return await door.call("/sfdc/oauth/k1", authorization: "Bearer \(token)").status
        }
        #expect(try await status() == 401, "the set was fetched just now, and has no such key")
        door.clock.advance(by: .seconds(60))
        door.jwksHost.serve(nil)
        #expect(try await status() == 503, "the fetch failed")
        #expect(try await status() == 503, "within the cool-down there is none")
        #expect(door.records.last?.cause == "issuer-keys-unavailable" && door.records.last?.outcome == .failed)
        #expect(await door.call("/sfdc/oauth/k1", authorization: "Bearer \(held)").status == 200)
        door.jwksHost.serve(try EKMTestIssuer.jwks([google, next]))
        door.clock.advance(by: .seconds(60))
        #expect(try await status() == 200)
    }

    @Test("SFC-29 a failure of ours is on record however many refusals of strangers there are")
    func failuresRecorded() async throws {
        let door = try await Self.accessToken(refusals: RefusalLimiter(perSecond: 1, burst: 1))
        for _ in 0..<20 { #expect([401, 429].contains(await door.call("/sfdc/oauth/k1", authorization: nil).status)) }
        #expect(door.records.count < 20)
        door.jwksHost.serve(nil)
        let token = try Self.access(door).signed(by: try EKMTestIssuer.google.get())
        #expect(await door.call("/sfdc/oauth/k1", authorization: "Bearer \(token)").status == 503)
        #expect(door.records.last?.status == 503)
    }

    // MARK: Client certificates

    @Test("SFC-16 mutual TLS alone: the pinned certificate gets 200, another or none 401")
    func clientCertificate() async throws {
        let door = try await SalesforceFixture(Self.pinned(withPassword: false))
        let (pinned, other) = (try door.org.certificate("client").der, try door.org.certificate("other-client").der)
        #expect(await door.status(nil, tls: SalesforceFixture.tls(client: pinned)) == 200)
        let fingerprint = try door.org.fingerprint("client")
        #expect(door.records.last?.principal == "mtls:\(fingerprint)")
        #expect(await door.status(nil, tls: SalesforceFixture.tls(client: other)) == 401)
        #expect(await door.status(nil) == 401)
    }

    @Test("SFC-16 mutual TLS with a password: both are needed")
    func combined() async throws {
        let door = try await SalesforceFixture(Self.pinned(withPassword: true))
        let pinned = SalesforceFixture.tls(client: try door.org.certificate("client").der)
        #expect(await door.status(door.basic, tls: pinned) == 200)
        #expect(await door.status(nil, tls: pinned) == 401)
        #expect(await door.status(door.basic) == 401)
        #expect(await door.status(SalesforceFixture.basic(door.user, "x"), tls: pinned) == 401)
    }

    @Test("SFC-29 a client certificate that was shown beside a password is on record too")
    func combinedRecord() async throws {
        let door = try await SalesforceFixture(Self.pinned(withPassword: true))
        #expect(await door.status(door.basic, tls: SalesforceFixture.tls(client: try door.org.certificate("client").der)) == 200)
        let record = try #require(door.records.last)
        #expect(record.principal == "basic:org-1")
        #expect(record.proofs == ["mtls:\(try door.org.fingerprint("client"))"])
    }

    @Test("SFC-16 without a client certificate it is 401, whatever the host: 421 is for who shows one", arguments: ["other.example.com", nil])
    func absentCertificate(serverName: String?) async throws {
        let door = try await SalesforceFixture(Self.pinned(withPassword: false))
        #expect(await door.status(nil, tls: SalesforceFixture.tls(serverName: serverName)) == 401)
    }

    @Test("where client certificates count, a request for another host than the handshake's gets 421", arguments: [
        "other.example.com", nil,
    ])
    func misdirected(serverName: String?) async throws {
        let door = try await SalesforceFixture(Self.pinned(withPassword: false))
        let tls = SalesforceFixture.tls(serverName: serverName, client: try door.org.certificate("client").der)
        #expect(await door.status(nil, tls: tls) == 421)
        #expect(door.records.last?.cause == "sni-host")
    }

    @Test("a password and a signed token at one endpoint: either will do, as while an org changes from one to the other")
    func either() async throws {
        var options = Self.signed()
        options.usesPassword = true
        let door = try await SalesforceFixture(options)
        #expect(await door.status(door.basic) == 200)
        let token = try door.token.signed(by: door.org.signingKey)
        #expect(await door.status("Bearer \(token)") == 200)
    }

    // MARK: Between orgs

    @Test("SFC-17 an endpoint without any authentication can't be saved, nor one with OAuth and no issuer or subject")
    func none() async throws {
        await #expect(throws: StoreError.self) { try await SalesforceFixture(.init(usesPassword: false)) }
        for subjects in [["someone"], []] {
            var options = SalesforceFixture.Options(usesPassword: false)
            options.change = { $0.authentication.accessToken = AccessTokenRules(subjects: subjects) }
            await #expect(throws: StoreError.self) { try await SalesforceFixture(options) }
        }
    }

    @Test("SFC-18 N45 N52 one org's password gets 404 for another's identifier at its own endpoint, and 401 at the other's")
    func otherOrg() async throws {
        let door = try await SalesforceFixture()
        let other = try await door.addOrg("org-2", identifier: "theirs")
        let theirs = SalesforceFixture.basic("org-2", other.password)
        #expect(await door.call("/sfdc/org-2/theirs", authorization: theirs).status == 200)
        #expect(await door.call("/sfdc/org-1/theirs", authorization: door.basic).status == 404)
        #expect(await door.call("/sfdc/org-2/theirs", authorization: door.basic).status == 401)
        #expect(await door.call("/sfdc/org-1/\(SalesforceFixture.identifier)", authorization: theirs).status == 401)
        #expect(await door.call("/sfdc/org-2/theirs", authorization: SalesforceFixture.basic("org-2", door.password)).status == 401)
    }

    @Test("what the policy does not permit does not exist: 404")
    func policy() async throws {
        let policy = SalesforceFixture.openPolicy.replacing("basic:*", with: "basic:org-9")
        let door = try await SalesforceFixture(.init(policy: policy))
        #expect(await door.status(door.basic) == 404)
        #expect(door.records.last?.cause == "policy-principal")
    }

    @Test("SFC-19 whatever it is in the policy that does not permit it, the answer is that of an identifier that isn't there", arguments: [
        "networks: [192.0.2.0/24]", "operations: [fetchKey]\n    resources: [other]", "effect: deny",
    ])
    func policyReasons(condition: String) async throws {
        let name = condition.prefix { $0 != ":" }
        let lines = SalesforceFixture.openPolicy.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.contains("\(name):") ? "    " + condition : String(line)
        }
        let policy = lines.joined(separator: "\n") + (lines.contains("    " + condition) ? "" : "\n    " + condition)
        let door = try await SalesforceFixture(.init(policy: policy))
        let refused = await door.callout()
        #expect(door.records.last?.cause?.hasPrefix("policy-") == true, "\(door.records.last?.cause ?? "-")")
        let absent = await door.callout("unknown")
        #expect(refused.status == 404 && refused.body == absent.body && refused.headers.map(\.name) == absent.headers.map(\.name))
    }
}
