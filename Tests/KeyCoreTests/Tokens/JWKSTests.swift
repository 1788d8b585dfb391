import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("JWK Sets") struct JWKSTests {
    typealias F = TokenFixture
    static let all = Set(SignatureAlgorithm.allCases)

    /// The usable keys of a set, as `kid/alg`; or the failure's description.
    private func entries(_ text: String, _ algorithms: Set<SignatureAlgorithm> = all) -> [String] {
        do {
            return try JWKS(parsing: Array(text.utf8), algorithms: algorithms).entries.map { "\($0.keyID ?? "-")/\($0.algorithm.rawValue)" }
        } catch {
            return ["\(error)"]
        }
    }

    private func set(_ keys: String...) -> String { "{\"keys\":[" + keys.joined(separator: ",") + "]}" }

    @Test("a key is bound to its alg; without one it serves the issuer's algorithms of its type and curve")
    func binding() throws {
        #expect(entries(set(try F.googleKey.jwk())) == ["google-1/RS256"])
        let bare = try F.googleKey.jwk().replacing(#","alg":"RS256""#, with: "")
        #expect(entries(set(bare)) == ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"].map { "google-1/\($0)" })
        #expect(entries(set(bare), [.rs256, .es256]) == ["google-1/RS256"])
        let ec = try F.p384.jwk().replacing(#","alg":"ES384""#, with: "")
        #expect(entries(set(ec)) == ["p384/ES384"])
        #expect(entries(set(try F.p521.jwk().replacing(#","alg":"ES512""#, with: ""))) == ["p521/ES512"])
        #expect(entries(set(ec), [.es256]) == ["no usable signature key in the set"])
    }

    @Test("keys for other uses, of other types and curves are skipped")
    func skipped() throws {
        let good = try F.googleKey.jwk()
        let others = [
            good.replacing("\"sig\"", with: "\"enc\""), good.replacing("\"sig\"", with: "7"), good.replacing("RS256", with: "RSA-OAEP"),
            good.dropLast() + #","key_ops":["encrypt"]}"#, good.dropLast() + #","key_ops":"verify"}"#, #"{"kty":"oct","k":"AAAA","kid":"h"}"#,
            #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"ed"}"#, #"{"kty":7}"#, "{}", "7", "null",
            #"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA","kid":"k1"}"#,
        ]
        for other in others {
            #expect(entries(set(other, good)) == ["google-1/RS256"])
            #expect(entries(set(other)) == ["no usable signature key in the set"])
        }
    }

    @Test("N13 a set with a key that must not be trusted is refused as a whole")
    func unsafe() throws {
        let good = try F.googleKey.jwk()
        guard case .rsa(let n, let e) = try #require(try F.googleKey.privateKey.publicKey.jwk()),
            case .ec(_, let x, let y) = try #require(try F.p256.privateKey.publicKey.jwk())
        else { return }
        func rsa(_ n: String, _ e: String) -> String { #"{"kty":"RSA","kid":"bad","alg":"RS256","n":"\#(n)","e":"\#(e)"}"# }
        func ec(_ crv: String, _ x: String, _ y: String) -> String { #"{"kty":"EC","kid":"bad","crv":"\#(crv)","x":"\#(x)","y":"\#(y)"}"# }
        func ones(_ count: Int, last: UInt8 = 0xFF) -> String { Base64.urlEncoded([UInt8](repeating: 0xFF, count: count - 1) + [last]) }
        let zero = Base64.urlEncoded([UInt8](repeating: 0, count: 32))
        let bad = [
            rsa(ones(128), e), rsa(ones(255), e), rsa(ones(1025), e), rsa(n, "AQ"), rsa(n, "Aw"), rsa(n, "BA"), rsa(n, "AQAA"), rsa(n, ""), rsa("", e),
            rsa("AA", e), rsa(ones(256, last: 0xFE), e), rsa("AAAA" + n, e), rsa(n + "=", e), rsa(n.replacing("_", with: "/"), e + " "),
            rsa(n, ones(33)), ec("P-256", x, x), ec("P-256", zero, zero), ec("P-256", x, String(y.dropLast(2))), ec("P-384", x, y), ec("P-256", y, x),
            #"{"kty":"RSA","kid":"bad","n":"\#(n)"}"#, #"{"kty":"EC","kid":"bad","crv":"P-256","x":"\#(x)"}"#,
            good.dropLast() + #","d":"AQAB"}"#,
        ]
        for key in bad {
            #expect(entries(set(good, key)).first?.contains("is not acceptable") == true, "\(key)")
            #expect(entries(set(key, good)).first?.contains("is not acceptable") == true)
        }
    }

    @Test("what is no JWK Set is refused", arguments: [
        "", "{", "null", "[]", "{}", #"{"keys":{}}"#, #"{"keys":null}"#, #"{"keys":[]"#, #"{"keys":[],"keys":[]}"#, "<html>", "\u{FEFF}{\"keys\":[]}",
        #"{"keys":[[[[[[[[[[1]]]]]]]]]]}"#, #"{"Keys":[]}"#,
    ])
    func garbage(text: String) { #expect(entries(text).first?.hasPrefix("not a JWK Set") == true) }

    @Test("an empty set, more than 64 keys, more than 256 KiB, and a kid that is no text are refused")
    func limits() throws {
        let key = try F.p256.jwk()
        #expect(entries(#"{"keys":[]}"#) == ["no usable signature key in the set"])
        #expect(entries(set(key) + String(repeating: " ", count: 256 << 10)) == ["not a JWK Set: larger than 262144 bytes"])
        #expect(entries("{\"keys\":[" + [String](repeating: "{}", count: 65).joined(separator: ",") + "]}") == ["not a JWK Set: more than 64 keys"])
        #expect(entries("{\"keys\":[" + [String](repeating: key, count: 64).joined(separator: ",") + "]}").count == 64)
        for keyID in ["7", "null", #""""#, #"["p256"]"#, "\"" + String(repeating: "k", count: 513) + "\""] {
            #expect(entries(set(key.replacing("\"p256\"", with: keyID))) == ["not a JWK Set: a “kid” is no text of 1 to 512 bytes"])
        }
    }
}
