import FrontDoors
import KeyCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Primitives

@Suite("Google EKM tokens") struct EKMTokenTests {
    private let google: EKMTestIssuer
    private let stranger: EKMTestIssuer

    init() throws {
        google = try EKMTestIssuer.google.get()
        stranger = try EKMTestIssuer.stranger.get()
    }

    @Test("EKM-14 no Authorization, another scheme, several headers, or no JWT: 401 code 16")
    func authorization() async throws {
        let ekm = try await EKMFixture()
        let good = try ekm.token.signed(by: google)
        let body = #"{"plaintext":"ZGVr"}"#
        var replies = [try await ekm.call("\(ekm.path):wrap", body, token: nil)]
        for scheme in ["Basic", "Bearer ", "Token", "", "Bearer:", "bearerr"] { replies.append(try await ekm.call("\(ekm.path):wrap", body, token: good, scheme: scheme)) }
        for token in ["", "x", "a.b", "a.b.c", "..", good + ".", good + ".x", "." + good, good + " x", good + ",x", "\(good), Bearer \(good)", String(repeating: "a", count: 20_000), good.replacing(".", with: "=."), good + "=", "\t" + good] {
            replies.append(try await ekm.call("\(ekm.path):wrap", body, token: token))
        }
        for reply in replies {
            #expect(reply.status == 401 && reply.code == 16, "\(String(decoding: reply.body, as: UTF8.self))")
            #expect(reply.header("www-authenticate") == "Bearer")
        }
        for scheme in ["Bearer", "bearer", "BEARER"] { #expect(try await ekm.call("\(ekm.path):wrap", body, token: good, scheme: scheme).status == 200) }
    }

    @Test("EKM-14 two Authorization headers are one too many, whichever is good")
    func twoHeaders() async throws {
        let ekm = try await EKMFixture()
        let good = "Bearer " + (try ekm.token.signed(by: google))
        for values in [[good, good], [good, "Bearer x"], ["Basic eDp4", good]] {
            var headers: HTTPHeaders = [:]
            for value in values { headers.add(name: "Authorization", value: value) }
            let request = HTTPRequest(
                method: .POST, target: "/\(ekm.path):wrap", headers: headers, body: Array(#"{"plaintext":"ZGVr"}"#.utf8), remoteAddress: "-", requestID: "r",
                receivedAt: ekm.clock.now, receivedNanoseconds: 0,
                tls: TLSHandshake(applicationProtocol: nil, serverName: nil, version: "TLSv1.3", isResumed: false, clientCertificateDER: nil))
            let path = try #require(RequestPath(target: request.target))
            #expect(await ekm.door.respond(to: request, path: path).status == 401)
        }
    }

    @Test("EKM-15 alg none, HS256 with the public key, another alg, wrong or missing kid, broken signature: 401")
    func signatures() async throws {
        let ekm = try await EKMFixture()
        #expect(try await ekm.status(ekm.token) == 200)
        for alg in [#""none""#, #""None""#, #""nOnE""#, #""HS256""#, #""RS384""#, #""PS256""#, #""ES256""#, #""""#, "null", "5", #"["RS256"]"#, nil] as [String?] {
            #expect(try await ekm.status(ekm.token.withHeader(["alg": alg])) == 401, "\(alg ?? "absent")")
        }
        for kid in [#""google-2""#, #""""#, "null", "1", #""../google-1""#, #""GOOGLE-1""#, #""google-1 ""#, nil] as [String?] {
            #expect(try await ekm.status(ekm.token.withHeader(["kid": kid])) == 401, "\(kid ?? "absent")")
        }
        #expect(try await ekm.status(ekm.token.withHeader(["crit": #"["exp"]"#])) == 401)
        #expect(try await ekm.status(ekm.token, by: stranger) == 401)
        let unsigned = ekm.token.withHeader(["alg": #""none""#]).signedText + "."
        let good = try ekm.token.signed(by: google)
        let hmac = ekm.token.withHeader(["alg": #""HS256""#]).signedText
        let pem = Array(try google.key.publicKey.spkiPEM().utf8)
        let mac = Base64.urlEncoded(try HMAC.authenticate(Array(hmac.utf8), key: SecretBytes(copying: pem), with: .sha256))
        let other = try ekm.token.with(["sub": #""7""#]).signed(by: google).split(separator: ".")[2]
        for text in [unsigned, "\(hmac).\(mac)", String(good.dropLast(2)), ekm.token.signedText + "." + other, ekm.token.signedText + ".AAAA"] {
            #expect(try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: text).status == 401)
        }
    }

    @Test("EKM-15 a jwk, jku or x5u header is not believed, and nobody is asked for it")
    func embeddedKeys() async throws {
        let ekm = try await EKMFixture()
        #expect(try await ekm.status(ekm.token) == 200)
        let fetches = ekm.jwksHost.fetches
        for extra in [["jwk": try stranger.jwk(keyID: "google-1")], ["jku": #""https://evil.example/jwks""#], ["x5u": #""https://evil.example/x""#]] {
            #expect(try await ekm.status(ekm.token.withHeader(extra.mapValues { $0 }), by: stranger) == 401)
        }
        #expect(ekm.jwksHost.fetches == fetches)
    }

    @Test("EKM-16 both of Google's issuers pass, any other is refused with 401", arguments: [
        (#""https://accounts.google.com""#, 200), (#""accounts.google.com""#, 200), (#""http://accounts.google.com""#, 401), (#""https://accounts.google.com/""#, 401),
        (#""https://accounts.google.com.evil.example""#, 401), (#""https://ACCOUNTS.google.com""#, 401), (#""evil.example""#, 401), (#""""#, 401),
        (#"["https://accounts.google.com"]"#, 401), ("null", 401), (nil, 401),
    ] as [(String?, Int)])
    func issuers(value: String?, status: Int) async throws {
        let ekm = try await EKMFixture()
        #expect(try await ekm.status(ekm.token.with(["iss": value])) == status)
    }

    @Test("EKM-17 aud is https:// and the host name, whatever the port; anything else is refused with 401", arguments: [
        (#""https://ekm.example.com""#, 200), (#"["https://other.example","https://ekm.example.com"]"#, 200), (#""https://ekm.example.com:8443""#, 401),
        (#""https://other.example.com""#, 401), (#""ekm.example.com""#, 401), (#""https://ekm.example.com/""#, 401), (#""https://ekm.example.com/v0/x""#, 401),
        (#""http://ekm.example.com""#, 401), (#""https://EKM.example.com""#, 401), (#""https://ekm.example.com.""#, 401), (#"["https://other.example"]"#, 401),
        ("[]", 401), (#"["https://ekm.example.com",5]"#, 401), (#"{"a":"https://ekm.example.com"}"#, 401), (#""""#, 401), (nil, 401),
    ] as [(String?, Int)])
    func audiences(value: String?, status: Int) async throws {
        let ekm = try await EKMFixture()
        #expect(try await ekm.status(ekm.token.with(["aud": value])) == status)
    }

    @Test("EKM-18 expired by 61 s fails, by 59 s passes; iat or nbf 120 s ahead fails; odd times fail", arguments: [
        (["exp": -61], 401), (["exp": -60], 401), (["exp": -59], 200), (["iat": 120], 401), (["iat": 61], 401), (["iat": 59], 200), (["nbf": 120], 401), (["nbf": 59], 200),
        (["exp": 25 * 3600], 401), (["exp": 23 * 3600], 200), (["iat": -26 * 3600], 401),
    ] as [([String: Int64], Int)])
    func times(offsets: [String: Int64], status: Int) async throws {
        let ekm = try await EKMFixture()
        let changes = offsets.mapValues { String?.some("\(ekm.clock.now.seconds + $0)") }
        var token = ekm.token
        if offsets["exp"].map({ $0 < 0 }) == true { token = token.with(["iat": "\(ekm.clock.now.seconds - 3600)"]) }
        #expect(try await ekm.status(token.with(changes)) == status)
    }

    @Test("EKM-18 exp that is missing, text, negative or monstrous is refused", arguments: [nil, #""1767272400""#, "-1", "0", "1e300", "null", "true", "99999999999999999999"])
    func oddExpiry(value: String?) async throws {
        let ekm = try await EKMFixture()
        #expect(try await ekm.status(ekm.token.with(["exp": value])) == 401)
    }

    @Test("EKM-19 email_verified false or absent gives 401; an e-mail outside the clients gives 403 code 7")
    func email() async throws {
        let ekm = try await EKMFixture()
        for (claim, value, status) in [
            ("email_verified", "false", 401), ("email_verified", nil, 401), ("email_verified", "1", 401), ("email_verified", #""false""#, 401),
            ("email_verified", #""true""#, 200), ("email", nil, 401), ("email", #""""#, 401), ("email", "5", 401), ("email", #""other@example.com""#, 403),
        ] as [(String, String?, Int)] {
            #expect(try await ekm.status(ekm.token.with([claim: value])) == status, "\(claim) \(value ?? "absent")")
        }
        let reply = try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: try ekm.token.with(["email": #""other@example.com""#]).signed(by: google))
        #expect(reply.code == 7 && ekm.audit.records.last?.cause == "policy-principal")
    }

    @Test("EKM-20 look-alikes of gcp-sa-ekms.iam.gserviceaccount.com are refused", arguments: [
        "\(EKMTestToken.client).example.com", "x\(EKMTestToken.client)", "service-1234567890123@gcp-sa-ekms.iam.gserviceaccount.com",
        "service-123456789012@sub.gcp-sa-ekms.iam.gserviceaccount.com", "service-123456789012@gcp-sa-ekms-iam.gserviceaccount.com",
        "service-123456789012@gcp-sa-e\u{212A}ms.iam.gserviceaccount.com", "\(EKMTestToken.client) ", "\(EKMTestToken.client).", "evil@x@gcp-sa-ekms.iam.gserviceaccount.com",
    ])
    func lookalikes(email: String) async throws {
        let ekm = try await EKMFixture()
        #expect(try await ekm.status(ekm.token.with(["email": #""\#(email)""#])) == 403)
    }

    @Test("EKM-21 with JWKS down, tokens pass by a cached set, and without one the answer is 503 code 14")
    func jwksDown() async throws {
        let cached = try await EKMFixture()
        #expect(try await cached.status(cached.token) == 200)
        cached.jwksHost.serve(nil)
        cached.clock.advance(by: .seconds(2 * 3600))
        #expect(try await cached.status(cached.token) == 200)
        var options = EKMFixture.Options()
        options.jwks = .some(nil)
        let cold = try await EKMFixture(options)
        for _ in 0..<3 {
            let reply = try await cold.call("wrap", #"{"plaintext":"ZGVr"}"#)
            #expect(reply.status == 503 && reply.code == 14 && reply.header("retry-after") == "1")
        }
        #expect(cold.audit.records.last?.outcome == .failed)
        cold.jwksHost.serve(try EKMTestIssuer.jwks([google]))
        cold.clock.advance(by: .seconds(31))
        #expect(try await cold.status(cold.token) == 200, "it recovers by itself")
    }

    @Test("EKM-22 a new kid causes at most one refresh in the interval, however many tokens carry it; a rotated key is found")
    func newKeyID() async throws {
        let ekm = try await EKMFixture()
        #expect(try await ekm.status(ekm.token) == 200)
        let next = try EKMTestIssuer.googleNext.get()
        ekm.clock.advance(by: .seconds(60))
        let before = ekm.jwksHost.fetches
        for number in 0..<200 { #expect(try await ekm.status(EKMTestToken(now: ekm.clock.now, keyID: "kid-\(number)")) == 401) }
        #expect(ekm.jwksHost.fetches == before + 1)
        ekm.jwksHost.serve(try EKMTestIssuer.jwks([google, next]))
        #expect(try await ekm.status(EKMTestToken(now: ekm.clock.now, keyID: "google-2"), by: next) == 401, "within the interval")
        ekm.clock.advance(by: .seconds(31))
        #expect(try await ekm.status(EKMTestToken(now: ekm.clock.now, keyID: "google-2"), by: next) == 200)
        #expect(ekm.jwksHost.fetches == before + 2)
    }

    @Test("EKM-36 10,000 requests with one token cause one RSA verification; after exp it is refused")
    func cached() async throws {
        let ekm = try await EKMFixture()
        let token = try ekm.token.signed(by: google)
        for _ in 0..<10_000 { #expect(try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: token).status == 200) }
        #expect(ekm.tokens.counts.verifications == 1 && ekm.tokens.counts.cacheHits == 9_999 && ekm.tokens.counts.rejections == 0)
        ekm.clock.advance(by: .seconds(3600 + 59))
        #expect(try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: token).status == 200)
        ekm.clock.advance(by: .seconds(2))
        #expect(try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: token).status == 401)
    }

    @Test("a token that libjwt minted is as good")
    func minted() async throws {
        let ekm = try await EKMFixture()
        let claims = ekm.token.claims.map { #""\#($0.key)":\#($0.value)"# }.joined(separator: ",")
        let token = try TokenMinter.mint(claims: "{\(claims)}", algorithm: .rs256, keyID: "google-1", privateKeyPEM: try google.key.pkcs8PEM())
        #expect(try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: token).status == 200)
    }
}
