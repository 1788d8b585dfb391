import Testing

@testable import Primitives

@Suite("Key import and export") struct KeyImportTests {
    static let types: [KeyType] = [.rsa(bits: 2048), .ec(.p256), .ec(.p384), .ec(.p521), .ed25519]

    @Test("a key survives every encoding", arguments: types)
    func roundTrip(type: KeyType) throws {
        let key = try PrivateKey.generate(type)
        #expect(key.type == type)
        let fromDER = try PrivateKey(pkcs8DER: try key.pkcs8DER())
        let fromPEM = try PrivateKey(pkcs8PEM: try key.pkcs8PEM(), validation: .ownExport)
        #expect(fromDER.publicKey.isEqual(to: key.publicKey) && fromPEM.publicKey.isEqual(to: key.publicKey))
        #expect(try PublicKey(spkiDER: key.publicKey.spkiDER).type == type)
        #expect(try PublicKey(spkiPEM: key.publicKey.spkiPEM()).spkiDER == key.publicKey.spkiDER)
        if let jwk = try key.publicKey.jwk() {
            #expect(try PublicKey(jwk: jwk).spkiDER == key.publicKey.spkiDER)
        } else {
            #expect(type == .ed25519)
        }
        #expect(try !PrivateKey.generate(type).publicKey.isEqual(to: key.publicKey))
    }

    @Test("PEM says what it is, and carries the DER")
    func labels() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let text = String(decoding: try key.pkcs8PEM().exposedCopy(), as: UTF8.self)
        #expect(text.hasPrefix("-----BEGIN PRIVATE KEY-----\n") && text.hasSuffix("-----END PRIVATE KEY-----\n"))
        #expect(try key.publicKey.spkiPEM().hasPrefix("-----BEGIN PUBLIC KEY-----\n"))
        #expect(key.publicKey.spkiSHA256 == Digest.sha256(key.publicKey.spkiDER))
    }

    @Test("generates no RSA key of another size", arguments: [0, 1024, 2047, 2049, 8448, Int(Int32.max) + 1])
    func sizes(bits: Int) {
        #expect(throws: KeyUseError.self) { try PrivateKey.generate(.rsa(bits: bits)) }
    }

    @Test("N13: refuses RSA-1024, and says what was expected")
    func shortModulus() {
        let error = #expect(throws: KeyImportError.self) { try PublicKey(spkiPEM: KeyFixture.rsa1024) }
        #expect(error?.description == "expected an RSA modulus of 2048 to 8192 bits, found 1024")
    }

    @Test("N13: refuses the exponents 1, 3, 65535, an even one, and one above 2^256", arguments: [
        "01", "03", "ffff", "010000", "010002", "01" + String(repeating: "00", count: 31) + "01",
    ])
    func exponents(hex: String) throws {
        let modulus = try PrivateKey.generate(.rsa(bits: 2048)).publicKey.handle.number("n")
        let error = #expect(throws: KeyImportError.self) {
            try PublicKey(jwk: .rsa(n: JWKText.encode(modulus), e: JWKText.encode(Vector.bytes(hex))))
        }
        guard case .unsafe = error else {
            Issue.record("expected .unsafe, found \(String(describing: error))")
            return
        }
    }

    @Test("N13: refuses the exponent 3 in a well-formed SPKI")
    func exponentInSPKI() {
        let error = #expect(throws: KeyImportError.self) { try PublicKey(spkiPEM: KeyFixture.rsaExponent3) }
        #expect(error?.description == "expected an RSA exponent from 65537 to 2^256, found one of 2 bits")
    }

    @Test("N13: refuses an even modulus, a modulus of 2040 bits and one of 8200")
    func moduli() throws {
        let modulus = try PrivateKey.generate(.rsa(bits: 2048)).publicKey.handle.number("n")
        let even = Array(modulus.dropLast()) + [modulus[255] & 0xFE]
        let expected: [([UInt8], String)] = [
            (even, "an odd RSA modulus, found an even one"),
            (Array(modulus.dropFirst().drop { $0 < 0x80 }), "an RSA modulus of 2048 to 8192 bits"),
            ([0x80] + [UInt8](repeating: 0xFF, count: 1024), "an RSA modulus of 2048 to 8192 bits, found 8200"),
        ]
        for (modulus, reason) in expected {
            let error = #expect(throws: KeyImportError.self) {
                try PublicKey(jwk: .rsa(n: JWKText.encode(modulus), e: "AQAB"))
            }
            #expect(error?.description.contains(reason) == true)
        }
    }

    @Test("N13: refuses a modulus with a small factor")
    func smallFactor() {
        // 3 · (2^2047 + 1): odd and long enough.
        let modulus = [0x01, 0x80] + [UInt8](repeating: 0, count: 254) + [0x03]
        #expect(throws: KeyImportError.unsafe(expected: "a public key that passes OpenSSL's consistency check")) {
            try PublicKey(jwk: .rsa(n: JWKText.encode(modulus), e: "AQAB"))
        }
    }

    @Test("N12: refuses curves that are not accepted, or not named", arguments: [KeyFixture.ecExplicit, KeyFixture.secp256k1])
    func curves(pem: String) {
        let error = #expect(throws: KeyImportError.self) { try PublicKey(spkiPEM: pem) }
        guard case .unsupported = error else {
            Issue.record("expected .unsupported, found \(String(describing: error))")
            return
        }
    }

    @Test("N12: refuses a point off its curve, and one of another curve")
    func points() throws {
        let key = try PrivateKey.generate(.ec(.p256)).publicKey
        guard case .ec(_, let x, let y)? = try key.jwk() else {
            Issue.record("expected an EC JWK")
            return
        }
        #expect(throws: KeyImportError.unsafe(expected: "a point on the curve")) {
            try PublicKey(jwk: .ec(crv: "P-256", x: y, y: x))
        }
        #expect(throws: KeyImportError.self) { try PublicKey(jwk: .ec(crv: "P-384", x: x, y: y)) }
        #expect(throws: KeyImportError.self) { try PublicKey(jwk: .ec(crv: "secp256k1", x: x, y: y)) }
        var der = key.spkiDER
        der[der.count - 1] ^= 1
        #expect(throws: KeyImportError.self) { try PublicKey(spkiDER: der) }
        // The point at infinity, as SEC 1 writes it.
        let infinity = Vector.bytes("3019301306072a8648ce3d020106082a8648ce3d03010703020000")
        #expect(throws: KeyImportError.self) { try PublicKey(spkiDER: infinity) }
    }

    @Test("refuses keys bound to RSASSA-PSS by their object identifier")
    func pssOnly() {
        #expect(throws: KeyImportError.unsupported(expected: KeyCheck.acceptedTypes)) {
            try PublicKey(spkiPEM: KeyFixture.rsaPSSOnly)
        }
    }

    @Test("refuses what is not exactly one structure of the expected kind")
    func encodings() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let spki = key.publicKey.spkiDER
        let pkcs8 = try key.pkcs8DER().exposedCopy()
        let pem = try key.publicKey.spkiPEM()
        for der in [[], spki + [0], Array(spki.dropLast()), pkcs8] {
            #expect(throws: KeyImportError.self) { try PublicKey(spkiDER: der) }
        }
        for der in [[], pkcs8 + [0], Array(pkcs8.dropLast()), spki] {
            #expect(throws: KeyImportError.self) { try PrivateKey(pkcs8DER: SecretBytes(copying: der)) }
        }
        for text in ["", "nonsense", pem + pem, pem.replacing("PUBLIC KEY", with: "RSA PUBLIC KEY"), String(pem.dropLast(30))] {
            #expect(throws: KeyImportError.self) { try PublicKey(spkiPEM: text) }
        }
        let secretPEM = String(decoding: try key.pkcs8PEM().exposedCopy(), as: UTF8.self)
        let traditional = secretPEM.replacing("PRIVATE KEY", with: "EC PRIVATE KEY")
        let error = #expect(throws: KeyImportError.self) { try PrivateKey(pkcs8PEM: SecretBytes(copying: traditional.utf8)) }
        #expect(error?.description == "expected PEM with “BEGIN PRIVATE KEY”, found “BEGIN EC PRIVATE KEY”")
    }

    @Test("full validation refuses a private key whose halves don't belong together")
    func halves() throws {
        var der = try PrivateKey.generate(.ec(.p256)).pkcs8DER().exposedCopy()
        der[36 + 31] ^= 1  // the last byte of the private scalar; the public point stands behind it
        #expect(throws: KeyImportError.unsafe(expected: "a private key whose numbers belong together")) {
            try PrivateKey(pkcs8DER: SecretBytes(copying: der))
        }
    }
}
