import Primitives
import Testing

@Suite("Certificates that we make ourselves") struct CertificateDraftTests {
    @Test("a self-signed one names its hosts and addresses, is valid for its days, belongs to its key, and no listener refuses it", arguments: [
        KeyType.ec(.p256), .rsa(bits: 2048),
    ])
    func selfSigned(type: KeyType) throws {
        let key = try PrivateKey.generate(type)
        let names = ["ekm.example.com", "*.example.org", "192.0.2.7", "2001:db8::1"]
        let pem = try CertificateDraft(names: names).selfSigned(with: key, now: 1_790_000_000, days: 397)
        let leaf = try #require(try Certificate.chain(pem: pem).first)
        #expect(leaf.subject == "CN=ekm.example.com")
        #expect(leaf.issuer == leaf.subject)
        #expect(leaf.dnsNames == ["ekm.example.com", "*.example.org"])
        #expect(leaf.ipAddresses == ["192.0.2.7", "2001:db8::1"])
        #expect(leaf.notAfter == 1_790_000_000 + 397 * 86_400)
        #expect(leaf.notBefore < 1_790_000_000)
        #expect(leaf.matches(key))
        #expect(leaf.pem == pem)
        _ = try TLSServerContext(
            identities: [TLSServerIdentity(serverNames: ["ekm.example.com"], certificatePEM: pem, privateKeyPEM: SharedSecret(try key.pkcs8PEM()))],
            ticketKeys: TLSTicketKeys())
    }

    @Test("two for one key have serial numbers of their own")
    func serialNumbers() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let draft = try CertificateDraft(names: ["a"])
        let leaves = try (0..<2).map { _ in try Certificate.chain(pem: try draft.selfSigned(with: key, now: 0, days: 1))[0] }
        #expect(leaves[0].serialNumber != leaves[1].serialNumber)
    }

    @Test("a request is PKCS #10 in PEM")
    func request() throws {
        let pem = try CertificateDraft(names: ["ekm.example.com"]).request(with: try PrivateKey.generate(.ec(.p256)))
        #expect(pem.hasPrefix("-----BEGIN CERTIFICATE REQUEST-----\n"))
    }

    @Test("names that would become other extensions, or none, are refused", arguments: [
        [], [""], ["a b"], ["a,DNS:evil.example"], ["a\nb"], ["a;b"], ["é.example"], [String(repeating: "a", count: 254)],
    ])
    func names(names: [String]) { #expect(throws: KeyUseError.self) { try CertificateDraft(names: names) } }
}
