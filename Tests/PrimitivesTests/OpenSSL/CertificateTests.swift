import Primitives
import Testing

@Suite("Certificates") struct CertificateTests {
    @Test("reads every field of a certificate")
    func fields() throws {
        let certificate = try #require(try Certificate.chain(pem: KeyFixture.certificate).first)
        #expect(certificate.subject == #"CN=kms.example.com,O=M\C3\BCller\, S\C3\B6hne,C=CH"#)
        #expect(certificate.issuer == certificate.subject)
        #expect(certificate.dnsNames == ["kms.example.com", "*.ekm.example.com"])
        #expect(certificate.ipAddresses == ["192.0.2.7", "2001:db8::1"])
        #expect(certificate.emailAddresses == ["ops@example.com"])
        #expect(certificate.notBefore == 1_795_489_147)
        #expect(certificate.notAfter == 2_110_849_147)
        #expect(certificate.serialNumber == "ab12")
        #expect(
            Vector.hex(certificate.sha256Fingerprint) == "9299e430e80655b10315b68b2d2309eb0436aa836504e42aacdbc13182f147c0")
        #expect(Vector.hex(certificate.spkiSHA256) == "5a7a78cca4a0f420d9bc62bb669c3c2759e39f723d3ae10dcbe0f0815a07ecd4")
        #expect(try certificate.publicKey().type == .ec(.p256))
        #expect(try certificate.publicKey().spkiDER == certificate.spkiDER)
    }

    @Test("knows its private key from another")
    func matches() throws {
        let certificate = try #require(try Certificate.chain(pem: KeyFixture.certificate).first)
        #expect(certificate.matches(try PrivateKey(pkcs8DER: SecretBytes(copying: KeyFixture.p256PKCS8))))
        #expect(!certificate.matches(try PrivateKey.generate(.ec(.p256))))
        #expect(!certificate.matches(try PrivateKey.generate(.rsa(bits: 2048))))
    }

    @Test("reads a chain in its order, with text between")
    func chain() throws {
        let chain = try Certificate.chain(
            pem: "the leaf\n" + KeyFixture.certificate + "\n\nits issuer\n" + KeyFixture.certificateOfWeakKey + "\n")
        #expect(chain.map(\.subject) == [#"CN=kms.example.com,O=M\C3\BCller\, S\C3\B6hne,C=CH"#, "CN=weak"])
        #expect(chain[1].dnsNames.isEmpty)
        #expect(try Certificate(der: chain[0].der) == chain[0])
    }

    @Test("reads a certificate whose key is not acceptable, and refuses the key")
    func weakKey() throws {
        let certificate = try #require(try Certificate.chain(pem: KeyFixture.certificateOfWeakKey).first)
        #expect(throws: KeyImportError.unsafe(expected: "an RSA modulus of 2048 to 8192 bits, found 1024")) {
            try certificate.publicKey()
        }
    }

    @Test("refuses a name with a NUL inside")
    func hiddenNUL() {
        #expect(throws: Certificate.Failure.malformed(expected: "visible ASCII in the names of subjectAltName")) {
            try Certificate.chain(pem: KeyFixture.certificateWithNUL)
        }
    }

    @Test("refuses what is not certificates only")
    func malformed() throws {
        let der = try #require(try Certificate.chain(pem: KeyFixture.certificate).first).der
        for bytes in [[], der + [0], Array(der.dropLast())] {
            #expect(throws: Certificate.Failure.self) { try Certificate(der: bytes) }
        }
        for pem in ["", "nothing", KeyFixture.rsa1024, KeyFixture.certificate + "\n" + KeyFixture.rsa1024] {
            #expect(throws: Certificate.Failure.self) { try Certificate.chain(pem: pem) }
        }
    }
}
