import KeyCore
import Primitives
import TestSupport
import Testing

/// NIST SP 800-186, 3.2.1.3: the order of P-256's base point.
private let order: [UInt8] = Hex.decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551") ?? []

@Suite("ES256 tokens") struct TokenECDSATests {
    typealias F = TokenFixture
    let world: TokenFixture
    init() throws { world = try TokenFixture() }

    private var input: String { Base64.urlEncoded(F.p256.header().utf8) + "." + Base64.urlEncoded(world.claims.json.utf8) }

    @Test("N12 r and s outside 1 … n - 1 are refused, each with the genuine other half")
    func edges() async throws {
        let genuine = try F.p256.privateKey.sign(Array(input.utf8), with: .ecdsa(.sha256, .raw))
        let (r, s) = (Array(genuine[..<32]), Array(genuine[32...]))
        let zero = [UInt8](repeating: 0, count: 32), ones = [UInt8](repeating: 0xFF, count: 32)
        let one = [UInt8](repeating: 0, count: 31) + [1]
        var above = order
        above[31] &+= 1
        #expect(order.count == 32)
        for (r, s) in [
            (zero, zero), (zero, s), (r, zero), (order, order), (order, s), (r, order), (above, s), (r, above), (ones, ones), (ones, s),
            (r, ones), (one, one), (one, s), (r, one), (zero, one), (one, zero), (s, r),
        ] {
            #expect(await world.rejection(input + "." + Base64.urlEncoded(r + s)) == .signature)
        }
        #expect(await world.rejection(input + "." + Base64.urlEncoded(genuine)) == nil)
    }

    @Test("N12 DER instead of raw, other lengths and another curve are refused")
    func forms() async throws {
        let bytes = Array(input.utf8)
        let der = try F.p256.privateKey.sign(bytes, with: .ecdsa(.sha256, .der))
        let raw = try F.p256.privateKey.sign(bytes, with: .ecdsa(.sha256, .raw))
        let p384 = try F.p384.privateKey.sign(bytes, with: .ecdsa(.sha384, .raw))
        for signature in [der, Array(raw.dropLast()), raw + [0], [0] + raw, Array(raw[..<32]), raw + raw, p384, [0x30]] {
            #expect(await world.rejection(input + "." + Base64.urlEncoded(signature)) == .signature)
        }
        #expect(await world.rejection(input + "." + Base64.urlEncoded(raw)) == nil)
    }

    @Test("N12 the key's algorithm decides: the wrong one for key or curve is refused although the kid is right")
    func wrongAlgorithm() async throws {
        for algorithm in SignatureAlgorithm.allCases {
            for key in [F.googleKey, F.p256, F.p384] where key.algorithm != algorithm {
                let header = key.header().replacing(key.algorithm.rawValue, with: algorithm.rawValue)
                #expect(await world.rejection(try key.token(header: header, world.claims.json)) == .unknownKey)
            }
        }
        // What fits the key but not its “alg”: the set binds it.
        let pss = TokenTestKey(F.googleKey, algorithm: .ps256)
        #expect(await world.rejection(try pss.token(world.claims.json)) == .unknownKey)
    }

    @Test("an algorithm outside the issuer's list is refused although its set has such a key")
    func algorithmList() async throws {
        let world = try TokenFixture(algorithms: [.rs256])
        #expect(await world.rejection(try world.token()) == nil)
        let rejection = await world.rejection(try F.p256.token(world.claims.json))
        #expect(rejection == .header("algorithm is not accepted from this issuer"))
    }

    @Test("every accepted algorithm verifies what it signed, and nothing that another one signed")
    func all() async throws {
        let keys = SignatureAlgorithm.allCases.map { algorithm in
            let base = switch algorithm {
            case .es256: F.p256
            case .es384: F.p384
            case .es512: F.p521
            default: F.googleKey
            }
            return TokenTestKey(base, keyID: algorithm.rawValue, algorithm: algorithm)
        }
        let jwks = "{\"keys\":[" + (try keys.map { try $0.jwk() }).joined(separator: ",") + "]}"
        let issuer = Issuer(
            id: try IssuerID.random(), name: "all", values: [F.google], keys: .pinned(jwks: jwks), algorithms: Set(SignatureAlgorithm.allCases))
        world.store.configure([issuer])
        let expectation = TokenExpectation(issuers: [issuer], audiences: [F.audience])
        for key in keys {
            #expect(await world.rejection(try key.token(world.claims.json), expectation) == nil)
            for other in keys where other.keyID != key.keyID && other.privateKey === key.privateKey {
                #expect(await world.rejection(try key.token(header: other.header(), world.claims.json), expectation) == .signature)
            }
        }
    }
}
