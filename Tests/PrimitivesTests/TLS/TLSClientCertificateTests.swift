import Testing

@testable import Primitives

@Suite("TLS client certificates") struct TLSClientCertificateTests {
    let certificates: TLSTestCertificates

    init() throws { certificates = try TLSTestCertificates.shared.get() }

    /// What a client sees that shows `client` to a server with these demands: the answer or the alert.
    private func outcome(
        _ clients: TLSServerIdentity.ClientCertificates, _ version: String, client: String?
    ) async throws -> (text: String, der: [UInt8]?) {
        try await TLSTestServer.run([certificates.identity("localhost", for: ["localhost"], clients: clients)]) { server in
            var command = Command(["openssl", "s_client", "-connect", server.address, "-servername", "localhost", "-ign_eof", version])
            if let client { command.line += ["-cert", "\(client).pem", "-key", "\(client).key"] }
            command.input = "who\n"
            command.folder = certificates.path("")
            let result = try await command.run()
            if server.handshakes.isEmpty { #expect(await server.waits(for: "TLS handshake failed")) }
            return (result.description, server.handshakes.first?.clientCertificateDER)
        }
    }

    @Test("none: no certificate is asked for, and one that a client has is not shown", arguments: TLSResumptionTests.versions)
    func none(version: String) async throws {
        let outcome = try await outcome(.none, version, client: "client")
        #expect(outcome.text.contains("no client certificate"))
        #expect(outcome.text.contains("No client certificate CA names sent"))
        #expect(outcome.der == nil)
    }

    @Test("optional: served without one, known with a trusted one, refused with any other", arguments: TLSResumptionTests.versions)
    func optional(version: String) async throws {
        let trust = TLSServerIdentity.ClientCertificates.optional(trustPEM: try certificates.pem("root"))
        let without = try await outcome(trust, version, client: nil)
        #expect(without.text.contains("no client certificate\n") && without.der == nil)
        let with = try await outcome(trust, version, client: "client")
        #expect(with.text.contains(" a client certificate\n"))
        #expect(with.text.contains("Acceptable client certificate CA names\nCN = root"))
        #expect(with.der == (try certificates.der("client")))
        let unknown = try await outcome(trust, version, client: "stranger")
        #expect(unknown.text.contains("alert unknown ca") && !unknown.text.contains("client certificate\n"))
    }

    @Test("required: refused without one, with an unknown one, with an expired one", arguments: TLSResumptionTests.versions)
    func required(version: String) async throws {
        let trust = TLSServerIdentity.ClientCertificates.required(trustPEM: try certificates.pem("root"))
        let with = try await outcome(trust, version, client: "client")
        #expect(with.text.contains(" a client certificate\n"))
        #expect(with.der == (try certificates.der("client")))
        let without = try await outcome(trust, version, client: nil)
        #expect(without.text.contains(version == "-tls1_3" ? "alert certificate required" : "alert handshake failure"), "\(without.text)")
        #expect(try await outcome(trust, version, client: "stranger").text.contains("alert unknown ca"))
        #expect(try await outcome(trust, version, client: "expired").text.contains("alert certificate expired"))
        #expect(try await outcome(trust, version, client: "pinned").text.contains("alert unknown ca"))
    }

    @Test("a pinned leaf that signed itself is accepted, another with the same name is not", arguments: TLSResumptionTests.versions)
    func pinned(version: String) async throws {
        let trust = TLSServerIdentity.ClientCertificates.required(trustPEM: try certificates.pem("pinned"))
        #expect(try await outcome(trust, version, client: "pinned").der == (try certificates.der("pinned")))
        let impostor = try await outcome(trust, version, client: "impostor")
        #expect(impostor.der == nil && !impostor.text.contains("client certificate\n"))
        #expect(try await outcome(trust, version, client: "client").text.contains("alert unknown ca"))
    }

    @Test("several authorities and pinned leaves may stand in one file", arguments: ["client", "stranger", "pinned"])
    func several(client: String) async throws {
        let trust = ["root", "other", "pinned"].map { (try? certificates.pem($0)) ?? "" }.joined(separator: "\nbetween them, words\n")
        #expect(try await outcome(.required(trustPEM: trust), "-tls1_3", client: client).der == (try certificates.der(client)))
    }

    @Test("an authority's leaf may be pinned without its authority")
    func pinnedIssuedLeaf() async throws {
        let trust = TLSServerIdentity.ClientCertificates.required(trustPEM: try certificates.pem("client"))
        #expect(try await outcome(trust, "-tls1_3", client: "client").der == (try certificates.der("client")))
        #expect(try await outcome(trust, "-tls1_3", client: "stranger").text.contains("alert unknown ca"))
    }
}
