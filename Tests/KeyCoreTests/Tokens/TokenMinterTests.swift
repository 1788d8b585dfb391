import Foundation
import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("libjwt mints, and is a second opinion") struct TokenMinterTests {
    typealias F = TokenFixture
    let world: TokenFixture
    init() throws { world = try TokenFixture() }

    static let known: Set<SignatureAlgorithm> = [.rs256, .rs384, .rs512, .es256, .es384, .es512]
    static func key(_ algorithm: SignatureAlgorithm) -> TokenTestKey {
        let base = switch algorithm {
        case .es256: F.p256
        case .es384: F.p384
        case .es512: F.p521
        default: F.googleKey
        }
        return TokenTestKey(base, keyID: algorithm.rawValue, algorithm: algorithm)
    }

    @Test("what libjwt mints verifies here", arguments: SignatureAlgorithm.allCases)
    func minted(algorithm: SignatureAlgorithm) async throws {
        let key = Self.key(algorithm)
        let world = try TokenFixture(googleKeys: key)
        do {
            let token = try TokenMinter.mint(
                claims: world.claims.json, algorithm: algorithm, keyID: key.keyID, privateKeyPEM: try key.privateKey.pkcs8PEM())
            #expect(Self.known.contains(algorithm))
            #expect(await world.rejection(token) == nil)
        } catch let error as TokenMinter.Failure {
            #expect(!Self.known.contains(algorithm), "\(error)")
        }
    }

    @Test("what we sign libjwt verifies, and nothing that was changed", arguments: known)
    func secondOpinion(algorithm: SignatureAlgorithm) throws {
        let key = Self.key(algorithm)
        let pem = try key.privateKey.publicKey.spkiPEM()
        for number in 0..<20 {
            let token = try key.token(world.claims.with("jti", "\"\(number)\"").json)
            #expect(TokenSecondOpinion.accepts(token, publicKeyPEM: pem))
            #expect(!TokenSecondOpinion.accepts(token, publicKeyPEM: try F.strangerKey.privateKey.publicKey.spkiPEM()))
        }
        let stranger = try TokenTestKey(F.strangerKey, keyID: key.keyID).token(header: key.header(), world.claims.json)
        #expect(!TokenSecondOpinion.accepts(stranger, publicKeyPEM: pem))
    }

    @Test("a key of another type or curve, a public key, none, and claims that are no object are refused")
    func refused() throws {
        func mint(_ claims: String, _ algorithm: SignatureAlgorithm, keyID: String = "k", _ pem: SharedSecret) -> Bool {
            do {
                _ = try TokenMinter.mint(claims: claims, algorithm: algorithm, keyID: keyID, privateKeyPEM: pem.bytes)
                return true
            } catch { return false }
        }
        let rsa = SharedSecret(try F.googleKey.privateKey.pkcs8PEM()), p256 = SharedSecret(try F.p256.privateKey.pkcs8PEM())
        #expect(mint("{}", .rs256, rsa) && mint("{}", .es256, p256))
        #expect(!mint("{}", .es256, rsa) && !mint("{}", .rs256, p256))
        for text in [try F.googleKey.privateKey.publicKey.spkiPEM(), "", "secret"] {
            #expect(!mint("{}", .rs256, SharedSecret(SecretBytes(copying: text.utf8))))
        }
        for claims in ["", "[", "1", "null", "{\"a\":1}\0", "{\"a\":\"\0\"}"] { #expect(!mint(claims, .rs256, rsa), "\(claims.debugDescription)") }
        #expect(!mint("{}", .rs256, keyID: "k\0x", rsa))
    }

    @Test("N3 nothing of ours that decides about tokens knows libjwt: only the minter imports it, and it calls no decoder")
    func separation() throws {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Sources").standardizedFileURL
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var users: [String] = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            if text.contains("import CJWT") { users.append(file.lastPathComponent) }
            for name in ["jwt_decode", "jwt_valid", "jwt_verify"] { #expect(!text.contains(name), "\(file.path)") }
        }
        #expect(users == ["TokenMinter.swift"])
    }
}
