import Testing

@testable import Primitives

@Suite("Signatures") struct SignatureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let type: KeyType
        let scheme: SignatureScheme
        var testDescription: String { "\(type) \(scheme)" }
    }

    static let cases: [Case] = [
        Case(type: .rsa(bits: 2048), scheme: .rsaPKCS1(.sha256)), Case(type: .rsa(bits: 2048), scheme: .rsaPKCS1(.sha512)),
        Case(type: .rsa(bits: 2048), scheme: .rsaPSS(.sha384)),
        Case(type: .rsa(bits: 2048), scheme: .rsaPSS(.sha256, mgf1: .sha1, saltBytes: 0)),
        Case(type: .ec(.p256), scheme: .ecdsa(.sha256, .der)), Case(type: .ec(.p256), scheme: .ecdsa(.sha256, .raw)),
        Case(type: .ec(.p384), scheme: .ecdsa(.sha384, .raw)), Case(type: .ec(.p521), scheme: .ecdsa(.sha512, .raw)),
        Case(type: .ec(.p521), scheme: .ecdsa(.sha256, .der)), Case(type: .ed25519, scheme: .ed25519),
    ]

    @Test("verifies what was signed, and nothing else", arguments: cases)
    func roundTrip(signed: Case) throws {
        let key = try PrivateKey.generate(signed.type)
        let data = Array("an audit checkpoint".utf8)
        let signature = try key.sign(data, with: signed.scheme)
        #expect(try key.publicKey.verify(signature, over: data, with: signed.scheme))
        #expect(try !key.publicKey.verify(signature, over: data + [0], with: signed.scheme))
        #expect(try !key.publicKey.verify(signature + [0], over: data, with: signed.scheme))
        #expect(try !key.publicKey.verify(signature.dropLast(), over: data, with: signed.scheme))
        #expect(try !key.publicKey.verify([], over: data, with: signed.scheme))
        for index in stride(from: 0, to: signature.count, by: 7) {
            var changed = signature
            changed[index] ^= 0x10
            #expect(try !key.publicKey.verify(changed, over: data, with: signed.scheme))
        }
        #expect(try !PrivateKey.generate(signed.type).publicKey.verify(signature, over: data, with: signed.scheme))
    }

    @Test("a signature over the digest is one over the data, and the other way round", arguments: cases)
    func digests(signed: Case) throws {
        let key = try PrivateKey.generate(signed.type)
        let data = Array("data".utf8)
        guard let hash = signed.scheme.hash else {
            #expect(throws: KeyUseError.self) { try key.sign(digest: Digest.sha512(data), with: signed.scheme) }
            #expect(throws: KeyUseError.self) { try key.publicKey.verify([], digest: Digest.sha512(data), with: signed.scheme) }
            return
        }
        let digest = Digest.hash(data, with: hash)
        #expect(try key.publicKey.verify(key.sign(digest: digest, with: signed.scheme), over: data, with: signed.scheme))
        #expect(try key.publicKey.verify(key.sign(data, with: signed.scheme), digest: digest, with: signed.scheme))
        #expect(throws: KeyUseError.self) { try key.sign(digest: digest.dropLast(), with: signed.scheme) }
        #expect(throws: KeyUseError.self) { try key.publicKey.verify([], digest: digest + [0], with: signed.scheme) }
    }

    @Test("PSS accepts the salt length and hashes it was told, no others")
    func pssOptions() throws {
        let key = try PrivateKey.generate(.rsa(bits: 2048))
        let signature = try key.sign([1], with: .rsaPSS(.sha256, mgf1: .sha256, saltBytes: 20))
        #expect(try key.publicKey.verify(signature, over: [1], with: .rsaPSS(.sha256, mgf1: .sha256, saltBytes: 20)))
        let others: [SignatureScheme] = [
            .rsaPSS(.sha256), .rsaPSS(.sha256, mgf1: .sha1, saltBytes: 20), .rsaPSS(.sha384, mgf1: .sha256, saltBytes: 20),
            .rsaPSS(.sha256, mgf1: .sha256, saltBytes: 0), .rsaPSS(.sha256, mgf1: .sha256, saltBytes: 21), .rsaPKCS1(.sha256),
        ]
        for scheme in others { #expect(try !key.publicKey.verify(signature, over: [1], with: scheme)) }
    }

    @Test("a scheme for another type of key, SHA-1 and a negative salt are unsuitable")
    func unsuitable() throws {
        let ec = try PrivateKey.generate(.ec(.p256))
        let rsa = try PrivateKey.generate(.rsa(bits: 2048))
        let refused: [(PrivateKey, SignatureScheme)] = [
            (ec, .rsaPKCS1(.sha256)), (ec, .rsaPSS(.sha256)), (ec, .ed25519), (rsa, .ecdsa(.sha256, .raw)), (rsa, .ed25519),
            (rsa, .rsaPKCS1(.sha1)), (ec, .ecdsa(.sha1, .der)), (rsa, .rsaPSS(.sha256, mgf1: .sha256, saltBytes: -1)),
        ]
        for (key, scheme) in refused {
            #expect(throws: KeyUseError.self) { try key.sign([1], with: scheme) }
            #expect(throws: KeyUseError.self) { try key.publicKey.verify([1], over: [1], with: scheme) }
        }
    }

    @Test("makes RFC 8032's second Ed25519 signature")
    func ed25519() throws {
        let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
        let key = try PrivateKey(pkcs8DER: Vector.secret("302e020100300506032b657004220420" + seed))
        let expected =
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        #expect(Vector.hex(try key.sign([0x72], with: .ed25519)) == expected)
        let publicPart = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        #expect(Vector.hex(key.publicKey.spkiDER) == "302a300506032b6570032100" + publicPart)
    }
}
