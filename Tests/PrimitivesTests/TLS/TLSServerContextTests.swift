import Testing

@testable import Primitives

@Suite("TLS identities that can't be used") struct TLSServerContextTests {
    let certificates: TLSTestCertificates

    init() throws { certificates = try TLSTestCertificates.shared.get() }

    private func message(_ identities: [TLSServerIdentity]) -> String? {
        do {
            _ = try TLSServerContext(identities: identities, ticketKeys: TLSTicketKeys())
            return nil
        } catch {
            if case .configuration(let text) = error { return text }
            return "not .configuration: \(error)"
        }
    }

    @Test("what can be used loads: EC and RSA keys, PKCS#8 and the older forms", arguments: ["localhost", "rsa", "sec1", "pkcs1", "self"])
    func good(name: String) throws {
        #expect(message([try certificates.identity(name, for: ["a.test"])]) == nil)
        #expect(message([try certificates.identity(name, for: [], clients: .required(trustPEM: try certificates.pem("root")))]) == nil)
    }

    @Test("a key of another certificate is refused, and the identity named", arguments: [("localhost", "strict"), ("localhost", "rsa"), ("rsa", "localhost")])
    func foreignKey(certificate: String, key: String) throws {
        var identity = try certificates.identity(certificate, for: ["door.test"])
        identity.privateKeyPEM = try certificates.identity(key, for: []).privateKeyPEM
        let good = try certificates.identity("localhost", for: ["localhost"])
        #expect(message([good, identity])?.hasPrefix("private key for door.test does not belong to its certificate") == true)
        identity.serverNames = []
        #expect(message([identity])?.contains("the default name") == true)
    }

    @Test("a text without certificates is refused", arguments: ["", "no PEM", "-----BEGIN CERTIFICATE-----"])
    func noCertificates(pem: String) throws {
        var identity = try certificates.identity("localhost", for: ["door.test"])
        identity.certificatePEM = pem
        #expect(message([identity])?.hasPrefix("certificate for door.test: expected PEM certificates, found") == true)
        identity = try certificates.identity("localhost", for: ["door.test"], clients: .optional(trustPEM: pem))
        #expect(message([identity])?.hasPrefix("client trust for door.test: expected PEM certificates, found") == true)
    }

    @Test("a damaged certificate after good ones is refused, not left out")
    func damagedChain() throws {
        let good = try certificates.pem("localhost")
        let damaged = good + (try certificates.pem("inter")).replacing("MII", with: "MIJ")
        var identity = try certificates.identity("localhost", for: ["door.test"])
        identity.certificatePEM = damaged
        #expect(message([identity])?.contains("found one that can't be read") == true)
        identity = try certificates.identity("localhost", for: ["door.test"], clients: .required(trustPEM: damaged))
        #expect(message([identity])?.hasPrefix("client trust for door.test") == true)
        identity = try certificates.identity("localhost", for: ["door.test"])
        identity.certificatePEM = good + "-----BEGIN CERTIFICATE-----\nMIIB\n"
        #expect(message([identity]) != nil)
    }

    @Test("an encrypted key, a certificate in place of a key, and no key are refused")
    func unreadableKeys() throws {
        let prefix = "private key for door.test: expected an unencrypted PEM private key"
        #expect(message([try certificates.identity("encrypted", for: ["door.test"])])?.hasPrefix(prefix) == true)
        var identity = try certificates.identity("localhost", for: ["door.test"])
        for text in ["", "no PEM", identity.certificatePEM] {
            identity.privateKeyPEM = SharedSecret(SecretBytes(copying: text.utf8))
            #expect(message([identity])?.hasPrefix(prefix) == true)
        }
    }

    @Test("errors hold nothing of a key")
    func noSecrets() throws {
        var identity = try certificates.identity("localhost", for: ["door.test"])
        identity.privateKeyPEM = SharedSecret(SecretBytes(copying: "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n".utf8))
        #expect(message([identity])?.contains("c2VjcmV0") == false)
    }

    @Test("there must be an identity")
    func empty() { #expect(message([]) == "a TLS listener needs at least one certificate") }
}
