import Primitives
import Testing

@Suite("RSAES-OAEP") struct OAEPTests {
    let key: PrivateKey

    init() throws { key = try PrivateKey.generate(.rsa(bits: 2048)) }

    @Test("decrypts what was encrypted, for every pair of hashes, with and without label", arguments: HashFunction.allCases)
    func roundTrip(hash: HashFunction) throws {
        let secret = [UInt8](0..<32)
        for mgf1Hash in HashFunction.allCases {
            for label in [[], Array("label".utf8)] {
                let oaep = OAEP(hash, mgf1Hash: mgf1Hash, label: label)
                let ciphertext = try key.publicKey.encrypt(SecretBytes(copying: secret), with: oaep)
                #expect(ciphertext.count == 256)
                #expect(try key.decrypt(ciphertext, with: oaep).exposedCopy() == secret)
            }
        }
    }

    @Test("refuses another label, hash, MGF1 hash, key, size or bit, always with the same error")
    func refusals() throws {
        let oaep = OAEP(.sha256, label: [1])
        let ciphertext = try key.publicKey.encrypt(SecretBytes(copying: [1, 2, 3]), with: oaep)
        for other in [OAEP(.sha256), OAEP(.sha256, label: [2]), OAEP(.sha1, label: [1]), OAEP(.sha256, mgf1Hash: .sha1, label: [1])] {
            #expect(throws: KeyUseError.undecryptable) { _ = try key.decrypt(ciphertext, with: other).count }
        }
        var changed = ciphertext
        changed[255] ^= 1
        for bytes in [changed, [0] + ciphertext, Array(ciphertext.dropLast()), []] {
            #expect(throws: KeyUseError.undecryptable) { _ = try key.decrypt(bytes, with: oaep).count }
        }
        let stranger = try PrivateKey.generate(.rsa(bits: 2048))
        #expect(throws: KeyUseError.undecryptable) { _ = try stranger.decrypt(ciphertext, with: oaep).count }
    }

    @Test("takes plaintexts from nothing to the limit, and says the limit")
    func limit() throws {
        for count in [0, 190] {
            let ciphertext = try key.publicKey.encrypt(SecretBytes(copying: [UInt8](repeating: 5, count: count)), with: OAEP(.sha256))
            #expect(try key.decrypt(ciphertext, with: OAEP(.sha256)).count == count)
        }
        #expect(throws: KeyUseError.malformed(expected: "at most 190 bytes for RSA-2048, found 191")) {
            try key.publicKey.encrypt(SecretBytes(copying: [UInt8](repeating: 5, count: 191)), with: OAEP(.sha256))
        }
    }

    @Test("refuses a ciphertext whose leading zero was dropped, though it is the same number")
    func droppedZero() throws {
        var ciphertext: [UInt8]
        repeat { ciphertext = try key.publicKey.encrypt(SecretBytes(copying: [1]), with: OAEP(.sha256)) } while ciphertext[0] != 0
        #expect(try key.decrypt(ciphertext, with: OAEP(.sha256)).count == 1)
        #expect(throws: KeyUseError.undecryptable) { _ = try key.decrypt(Array(ciphertext.dropFirst()), with: OAEP(.sha256)).count }
    }

    @Test("is not for EC keys")
    func unsuitable() throws {
        let ec = try PrivateKey.generate(.ec(.p256))
        #expect(throws: KeyUseError.self) { try ec.publicKey.encrypt(SecretBytes(copying: [1]), with: OAEP(.sha256)) }
        #expect(throws: KeyUseError.self) { _ = try ec.decrypt([1], with: OAEP(.sha256)).count }
    }
}
