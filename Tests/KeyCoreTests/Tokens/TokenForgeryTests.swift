import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("Forged tokens") struct TokenForgeryTests {
    typealias F = TokenFixture
    let world: TokenFixture
    init() throws { world = try TokenFixture() }

    @Test("N1 a token keyed with any text of the public key as HMAC secret is refused, as HS256 and everything like it", arguments: [
        "HS256", "HS384", "HS512", "hs256", "HS256 ", "HMAC",
    ])
    func keyConfusion(algorithm: String) async throws {
        for key in [F.googleKey, F.p256, F.p384] {
            let publicKey = key.privateKey.publicKey
            let pem = try publicKey.spkiPEM()
            let members = try #require(try publicKey.jwk()).members
            let bare = "{" + members.map { "\"\($0.name)\":\"\($0.value)\"" }.joined(separator: ",") + "}"
            let sorted = "{" + members.sorted { $0.name < $1.name }.map { "\"\($0.name)\":\"\($0.value)\"" }.joined(separator: ",") + "}"
            let texts = [
                pem, String(pem.dropLast()), pem.replacing("\n", with: ""), pem.replacing("\n", with: "\r\n"), pem + "\0", bare, sorted,
                try key.jwk(), try TokenTestKey.jwks(key), "",
            ] + members.map(\.value)
            let input = Base64.urlEncoded(key.header().replacing(key.algorithm.rawValue, with: algorithm).utf8) + "."
                + Base64.urlEncoded(world.claims.json.utf8)
            for secret in texts.map({ Array($0.utf8) }) + [publicKey.spkiDER] {
                let tag = try HMAC.authenticate(Array(input.utf8), key: SecretBytes(copying: secret), with: .sha256)
                let rejection = await world.rejection(input + "." + Base64.urlEncoded(tag))
                #expect(rejection?.isHeader == true)
                // The same tag where the key's own algorithm is named.
                let honest = Base64.urlEncoded(key.header().utf8) + "." + Base64.urlEncoded(world.claims.json.utf8)
                #expect(await world.rejection(honest + "." + Base64.urlEncoded(tag)) == .signature)
            }
        }
    }

    @Test("N2 alg none in any spelling, missing, or of another type is refused, with a signature and without", arguments: [
        #""none""#, #""None""#, #""nOnE""#, #""NONE""#, #"" none""#, #""none ""#, #""""#, "null", "0", "true", "[]", #"["RS256"]"#, "{}",
        #""rs256""#, #""RS256\u0000""#, #""RS1""#, #""EdDSA""#, #""ES256K""#, #""ES521""#, #""RSA-OAEP""#,
    ])
    func none(algorithm: String) async throws {
        let header = #"{"alg":\#(algorithm),"kid":"google-1"}"#
        let input = Base64.urlEncoded(header.utf8) + "." + Base64.urlEncoded(world.claims.json.utf8)
        let signed = try F.googleKey.signed(input)
        for token in [input, input + ".", input + ".AA", signed] {
            let rejection = await world.rejection(token)
            #expect(rejection?.isHeader == true || rejection?.isMalformed == true)
        }
        #expect(world.verifier.counts.verifications == 0)
    }

    @Test("N2 a header without alg, and an honest header with an empty or short signature, are refused")
    func noSignature() async throws {
        let input = Base64.urlEncoded(F.googleKey.header().utf8) + "." + Base64.urlEncoded(world.claims.json.utf8)
        #expect(await world.rejection(input + ".") == .malformed("empty segment"))
        #expect(await world.rejection(input + ".AAAA") == .signature)
        let genuine = try F.googleKey.privateKey.sign(Array(input.utf8), with: F.googleKey.algorithm.scheme)
        #expect(await world.rejection(input + "." + Base64.urlEncoded(genuine.dropLast())) == .signature)
        #expect(await world.rejection(input + "." + Base64.urlEncoded([0] + genuine)) == .signature)
        #expect(await world.rejection(input + "." + Base64.urlEncoded(genuine + [0])) == .signature)
        #expect(await world.rejection(try F.googleKey.token(header: #"{"kid":"google-1"}"#, world.claims.json))?.isHeader == true)
        #expect(await world.rejection(input + "." + Base64.urlEncoded(genuine)) == nil)
    }

    @Test("N3 where the key look-up fails nothing is verified without a key: unknown issuer, unknown kid, keys never fetched")
    func noKey() async throws {
        let token = try world.token()
        let stranger = Issuer(id: try IssuerID.random(), name: "x", values: [F.google], keys: .jwksURL("https://x.example/jwks"))
        let expectation = TokenExpectation(issuers: [stranger], audiences: [F.audience])
        #expect(await world.rejection(token, expectation) == .keysUnavailable)
        world.store.configure([stranger])
        #expect(await world.rejection(token, expectation) == .keysUnavailable)
        world.store.configure([])
        #expect(await world.rejection(token) == .keysUnavailable)
        #expect(world.verifier.counts.verifications == 0)
    }

    @Test("N4 a text that is not the canonical form is refused, also where it is what was signed; it never gets a cache entry")
    func canonical() async throws {
        let token = try world.token()
        var parts = token.split(separator: ".").map(String.init)
        var texts = ["=", "==", "\n", "\r\n", " ", "!", "#", "%", "\0", "é", "."].map { token + $0 }
        texts += [" ", "\n", "\u{FEFF}", "Bearer "].map { $0 + token }
        for index in 0..<3 {
            for junk in ["=", " ", "\n", "\t", "*", "A=", "~"] {
                var changed = parts
                changed[index] += junk
                texts.append(changed.joined(separator: "."))
                changed[index] = junk + parts[index]
                texts.append(changed.joined(separator: "."))
            }
        }
        texts.append(parts.map { $0.replacing("-", with: "+").replacing("_", with: "/") }.joined(separator: "."))
        parts[2] = Self.withSpareBits(parts[2])
        texts.append(parts.joined(separator: "."))
        for text in texts where text != token { #expect(await world.rejection(text) != nil) }
        #expect(world.verifier.counts.verifications == 0)
        #expect(await world.rejection(token) == nil)
        #expect(world.verifier.counts.verifications == 1)
        #expect(world.verifier.counts.cacheHits == 0)
    }

    @Test("N4 a genuine signature over a header or payload with spare bits, padding or the other alphabet does not help")
    func signedNonCanonical() async throws {
        let header = Base64.urlEncoded((F.googleKey.header() + "   ").prefix(50).utf8)
        var claims = world.claims.json
        while claims.utf8.count % 3 == 0 { claims += " " }
        let payload = Base64.urlEncoded(claims.utf8)
        let inputs = [
            Self.withSpareBits(header) + "." + payload, header + "." + Self.withSpareBits(payload), header + "=." + payload,
            header + "." + payload + "=", header + "." + payload + "==", header + " ." + payload, header + "\n." + payload,
        ]
        for input in inputs where !input.hasPrefix(header + "." + payload + ".") {
            #expect(await world.rejection(try F.googleKey.signed(input))?.isMalformed == true)
        }
        #expect(await world.rejection(try F.googleKey.signed(header + "." + payload)) == nil)
    }

    /// The text whose last character has another value in the bits that no byte uses; with one more character if all are used.
    private static func withSpareBits(_ text: String) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        guard text.utf8.count % 4 != 0, let last = text.last, let value = alphabet.firstIndex(of: last) else { return text + "A" }
        return text.dropLast() + String(alphabet[value ^ 1])
    }

    @Test("N6 a key in the header (jwk, x5c) or its address (jku, x5u) is ignored, and nothing is fetched from there", arguments: [
        "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "all",
    ])
    func embeddedKeys(name: String) async throws {
        let members = [
            "jwk": try F.strangerKey.jwk(), "jku": #""https://evil.example/jwks""#, "x5u": #""https://evil.example/cert""#,
            "x5c": #"["MIIB"]"#, "x5t": #""AAAA""#, "x5t#S256": #""AAAA""#,
        ]
        let more = members.filter { name == "all" || $0.key == name }.map { ",\"\($0.key)\":\($0.value)" }.joined()
        world.site.answer("https://evil.example/jwks", .set(try TokenTestKey.jwks(F.strangerKey)))
        for keyID in ["google-1", "stranger"] {
            let header = #"{"alg":"RS256","kid":"\#(keyID)"\#(more)}"#
            let rejection = await world.rejection(try F.strangerKey.token(header: header, world.claims.json))
            #expect(rejection == (keyID == "google-1" ? .signature : .unknownKey))
            let fromIdp = try F.strangerKey.token(header: header, world.claims(issuer: F.idp).json)
            #expect(await world.rejection(fromIdp) == .unknownKey)
        }
        #expect(Set(world.site.fetched).subtracting([F.idpURL]).isEmpty)
        #expect(await world.rejection(try F.googleKey.token(header: F.googleKey.header(more: more), world.claims.json)) == nil)
    }

    @Test("N17 an address that only a token names is never asked: only those of configured issuers are")
    func unknownIssuer() async throws {
        world.site.answer("https://evil.example/.well-known/jwks.json", .set(try TokenTestKey.jwks(F.strangerKey)))
        for issuer in ["https://evil.example", "https://169.254.169.254", "http://localhost", "file:///etc/passwd"] {
            let token = try F.strangerKey.token(header: F.strangerKey.header(), world.claims(issuer: issuer).json)
            #expect(await world.rejection(token) == .issuer)
        }
        #expect(!world.site.fetched.contains { $0.contains("evil") || $0.contains("169.254") })
    }

    @Test("N6 crit is refused, whatever it lists", arguments: [#"["exp"]"#, "[]", "null", #"["b64"]"#, #""exp""#, "true"])
    func critical(value: String) async throws {
        let token = try F.googleKey.token(header: F.googleKey.header(more: #","crit":\#(value),"b64":true"#), world.claims.json)
        #expect(await world.rejection(token) == .header("critical extensions are not supported"))
    }

    @Test("N7 a kid is compared as it stands and is nothing else: path, SQL, URL, NUL, case, space, look-alike", arguments: [
        "../../keys/K-1", "/dev/null", "K-1' OR '1'='1", "K-1;--", "https://evil.example/K-1", "K-1\\u0000", "\\u0000", "K-1 ", " K-1", "k-1",
        "K-1\\n", "\\u212a-1", "K-", "K-11", "*", "%", "K\\u002d1x", "file:///etc/passwd", "$(id)", "null",
    ])
    func keyIDs(keyID: String) async throws {
        let key = TokenTestKey(F.googleKey, keyID: "K-1")
        let world = try TokenFixture(googleKeys: key)
        #expect(await world.rejection(try key.token(header: #"{"alg":"RS256","kid":"\#(keyID)"}"#, world.claims.json)) == .unknownKey)
        #expect(await world.rejection(try key.token(header: #"{"alg":"RS256","kid":"K\u002d1"}"#, world.claims.json)) == nil)
        #expect(world.site.fetched.isEmpty)
    }

    @Test("N7 a kid that is missing, empty, no text, or longer than 512 bytes is refused", arguments: [
        nil, #""""#, "1", "null", #"["google-1"]"#, #"{"a":1}"#, "\"" + String(repeating: "k", count: 513) + "\"",
        "\"" + String(repeating: "k", count: 64 << 10) + "\"",
    ])
    func noKeyID(value: String?) async throws {
        let header = #"{"alg":"RS256"\#(value.map { ",\"kid\":" + $0 } ?? "")}"#
        let rejection = await world.rejection(try F.googleKey.token(header: header, world.claims.json))
        #expect(rejection?.isHeader == true || rejection?.isMalformed == true)
        #expect(world.verifier.counts.verifications == 0)
    }

    @Test("N8 a token that claims one issuer and is signed with a key of another is refused, also under the first one's kid")
    func crossIssuer() async throws {
        #expect(await world.rejection(try F.idpKey.token(world.claims(issuer: F.idp).json)) == nil)
        #expect(await world.rejection(try F.idpKey.token(world.claims.json)) == .unknownKey)
        let disguised = TokenTestKey(F.idpKey, keyID: F.googleKey.keyID)
        #expect(await world.rejection(try disguised.token(world.claims.json)) == .signature)
        #expect(await world.rejection(try F.googleKey.token(world.claims(issuer: F.idp).json)) == .unknownKey)
        // The identity provider even publishes its key under Google's kid.
        world.site.answer(F.idpURL, .set(try TokenTestKey.jwks(F.idpKey, disguised)))
        world.clock.advance(by: .seconds(31))
        #expect(await world.rejection(try disguised.token(world.claims(issuer: F.idp).json)) == nil)
        #expect(await world.rejection(try disguised.token(world.claims.json)) == .signature)
    }

    @Test("N8 a value of iss that two issuers claim is accepted from neither")
    func disputedIssuer() async throws {
        let twin = Issuer(
            id: try IssuerID.random(), name: "twin", values: [F.google], keys: .pinned(jwks: try TokenTestKey.jwks(F.strangerKey)))
        world.store.configure([world.googleIssuer, twin])
        for issuers in [[world.googleIssuer, twin], [twin, world.googleIssuer]] {
            let both = TokenExpectation(issuers: issuers, audiences: [F.audience])
            #expect(await world.rejection(try world.token(), both) == .issuer)
            #expect(await world.rejection(try F.strangerKey.token(world.claims.json), both) == .issuer)
            #expect(await world.rejection(try F.googleKey.token(world.claims(issuer: "accounts.google.com").json), both) == nil)
        }
        // The same issuer twice, as when several endpoints share it, is no dispute.
        let shared = TokenExpectation(issuers: [world.googleIssuer, world.googleIssuer], audiences: [F.audience])
        #expect(await world.rejection(try world.token(), shared) == nil)
    }
}
