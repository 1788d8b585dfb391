import Primitives
import Testing

@Suite("Digests, MAC, key derivation") struct DigestTests {
    @Test("digests “abc” as FIPS 180-4 does", arguments: [
        (HashFunction.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (.sha384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"),
        (
            .sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
    ])
    func abc(function: HashFunction, expected: String) {
        let digest = Digest.hash(Array("abc".utf8), with: function)
        #expect(Vector.hex(digest) == expected)
        #expect(digest.count == function.digestBytes)
    }

    @Test("the digest of pieces is the digest of the whole, whatever the pieces are", arguments: HashFunction.allCases)
    func pieces(function: HashFunction) {
        let whole = [UInt8](0...255)
        var digest = Digest(function)
        digest.update([])
        digest.update(Array(whole[..<3]))
        digest.update(whole[3..<100])
        digest.update(SecretBytes(copying: whole[100...]))
        #expect(digest.finish() == Digest.hash(whole, with: function))
        #expect(Digest.hash([9] + whole, with: function) != Digest.hash(whole, with: function))
        #expect(Digest.hash(([9] + whole).dropFirst(), with: function) == Digest.hash(whole, with: function))
    }

    @Test("the short names are the functions, and nothing has a digest too")
    func names() {
        #expect(Digest.sha256([]) == Vector.bytes("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
        #expect(Digest.sha384([1]) == Digest.hash([1], with: .sha384))
        #expect(Digest.sha512([1]) == Digest.hash([1], with: .sha512))
    }

    @Test("authenticates RFC 4231's test case 2, and knows a wrong or truncated tag", arguments: [
        (HashFunction.sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (.sha384, "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"),
        (
            .sha512,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        ),
    ])
    func hmac(function: HashFunction, expected: String) throws {
        let key = SecretBytes(copying: "Jefe".utf8)
        let message = Array("what do ya want for nothing?".utf8)
        let tag = try HMAC.authenticate(message, key: key, with: function)
        #expect(Vector.hex(tag) == expected)
        let verdicts = (
            try HMAC.isValid(tag, for: message, key: key, with: function),
            try HMAC.isValid(tag.dropLast(), for: message, key: key, with: function),
            try HMAC.isValid(tag, for: message + [0], key: key, with: function),
            try HMAC.isValid(tag, for: message, key: SecretBytes(copying: "jefe".utf8), with: function)
        )
        #expect(verdicts == (true, false, false, false))
    }

    @Test("an empty key and an empty message have a tag")
    func emptyHMAC() throws {
        let tag = try HMAC.authenticate([], key: SecretBytes(copying: []), with: .sha256)
        #expect(Vector.hex(tag) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test("derives RFC 5869's test cases 1 and 3, step by step and at once")
    func hkdf() throws {
        let secret = SecretBytes(copying: [UInt8](repeating: 0x0B, count: 22))
        let salt = [UInt8](0...12)
        let info = [UInt8](0xF0...0xF9)
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        let pseudorandomKey = try HKDF.extract(secret, salt: salt, with: .sha256)
        let extracted = pseudorandomKey.exposedCopy()
        #expect(Vector.hex(extracted) == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
        let expanded = try HKDF.expand(pseudorandomKey, info: info, count: 42, with: .sha256).exposedCopy()
        #expect(Vector.hex(expanded) == expected)
        let derived = try HKDF.derive(secret, salt: salt, info: info, count: 42, with: .sha256).exposedCopy()
        #expect(Vector.hex(derived) == expected)
        let bare = try HKDF.derive(secret, salt: [], info: [], count: 42, with: .sha256).exposedCopy()
        #expect(Vector.hex(bare) == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
    }

    @Test("HKDF refuses more than 255 digests")
    func hkdfTooLong() {
        #expect(throws: OpenSSLError.self) {
            _ = try HKDF.derive(SecretBytes(copying: [1]), salt: [], info: [], count: 255 * 32 + 1, with: .sha256).count
        }
    }

    @Test("derives RFC 7914's test vectors", arguments: [
        (
            "", "", UInt64(16), UInt32(1), UInt32(1),
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
        ),
        (
            "password", "NaCl", 1024, 8, 16,
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        ),
    ])
    func scrypt(passphrase: String, salt: String, n: UInt64, r: UInt32, p: UInt32, expected: String) throws {
        let key = try Scrypt.derive(
            SecretBytes(copying: passphrase.utf8), salt: Array(salt.utf8), n: n, r: r, p: p, count: 64)
        let bytes = key.exposedCopy()
        #expect(Vector.hex(bytes) == expected)
    }

    @Test("scrypt refuses a cost that is no power of two, and more memory than allowed")
    func scryptLimits() {
        #expect(throws: OpenSSLError.self) {
            _ = try Scrypt.derive(SecretBytes(copying: [1]), salt: [1], n: 1000, r: 8, p: 1, count: 32).count
        }
        #expect(throws: OpenSSLError.self) {
            _ = try Scrypt.derive(
                SecretBytes(copying: [1]), salt: [1], n: 1 << 14, r: 8, p: 1, count: 32, maxMemoryBytes: 1 << 20
            ).count
        }
    }

    @Test("random bytes have the size asked for and differ")
    func random() throws {
        #expect(try RandomBytes.generate(0).isEmpty)
        #expect(try RandomBytes.generate(33).count == 33)
        #expect(try RandomBytes.generate(32) != RandomBytes.generate(32))
    }
}
