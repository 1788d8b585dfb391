import Testing

@testable import Primitives

@Suite("TLS handshake with openssl") struct TLSHandshakeTests {
    let certificates: TLSTestCertificates

    init() throws { certificates = try TLSTestCertificates.shared.get() }

    private func identities() throws -> [TLSServerIdentity] {
        [
            try certificates.identity("localhost", for: ["localhost"]), try certificates.identity("rsa", for: ["rsa.test", "also.test"]),
            try certificates.identity("wild", for: ["*.wild.test"]), try certificates.identity("strict", for: ["exact.wild.test"]),
        ]
    }

    @Test("speaks TLS 1.2 and 1.3 and says what was agreed", arguments: [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
    func versions(option: String, version: String) async throws {
        try await TLSTestServer.run(identities()) { server in
            let result = try await server.openssl(option, input: "who\n")
            #expect(result.output.contains("New, \(version), Cipher is"), "\(result)")
            #expect(result.output.contains("\(version) - localhost no client certificate"), "\(result)")
            #expect(result.output.contains("Verification: OK"))
            #expect(server.handshakes == [
                TLSHandshake(applicationProtocol: nil, serverName: "localhost", version: version, isResumed: false, clientCertificateDER: nil)
            ])
        }
    }

    @Test("takes the ciphers of RFC 9325", arguments: [
        ("localhost", "ECDHE-ECDSA-AES128-GCM-SHA256"), ("localhost", "ECDHE-ECDSA-AES256-GCM-SHA384"), ("localhost", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("rsa.test", "ECDHE-RSA-AES128-GCM-SHA256"), ("rsa.test", "ECDHE-RSA-AES256-GCM-SHA384"), ("rsa.test", "ECDHE-RSA-CHACHA20-POLY1305"),
        ("localhost", "TLS_AES_128_GCM_SHA256"), ("localhost", "TLS_AES_256_GCM_SHA384"), ("localhost", "TLS_CHACHA20_POLY1305_SHA256"),
    ])
    func ciphers(name: String, cipher: String) async throws {
        try await TLSTestServer.run(identities()) { server in
            let options = cipher.hasPrefix("TLS_") ? ["-tls1_3", "-ciphersuites"] : ["-tls1_2", "-cipher"]
            let result = try await server.openssl(options[0], options[1], cipher, name: name)
            #expect(result.status == 0 && result.output.contains("Cipher is \(cipher)\n"), "\(result)")
        }
    }

    @Test("refuses old versions and ciphers without forward secrecy or AEAD", arguments: [
        (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "protocol version"), (["-tls1", "-cipher", "ALL:@SECLEVEL=0"], "protocol version"),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"], "handshake failure"), (["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA"], "handshake failure"),
        (["-tls1_2", "-cipher", "AES128-GCM-SHA256"], "handshake failure"), (["-tls1_2", "-cipher", "AES256-SHA"], "handshake failure"),
        (["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"], "handshake failure"), (["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"], "handshake failure"),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM"], "handshake failure"), (["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"], "handshake failure"),
        (["-tls1_3", "-groups", "P-521"], "handshake failure"), (["-tls1_2", "-groups", "P-521"], "handshake failure"),
    ])
    func refusals(options: [String], alert: String) async throws {
        try await TLSTestServer.run(identities()) { server in
            for name in ["localhost", "rsa.test"] {
                var command = Command(["openssl", "s_client", "-connect", server.address, "-servername", name] + options)
                command.folder = certificates.path("")
                let result = try await command.run()
                #expect(result.status != 0, "\(result)")
                #expect(result.errors.contains("alert \(alert)"), "\(result)")
            }
            #expect(await server.waits(for: "TLS handshake failed"))
            #expect(server.handshakes.isEmpty)
        }
    }

    @Test("agrees on a group that needs a second hello (HelloRetryRequest)", arguments: ["X25519", "P-256", "P-384", "P-521:P-256", "X448:P-384"])
    func groups(list: String) async throws {
        try await TLSTestServer.run(identities()) { server in
            let result = try await server.openssl("-tls1_3", "-groups", list, name: "rsa.test", input: "who\n")
            #expect(result.output.contains("TLSv1.3 - rsa.test no client"), "\(result)")
        }
    }

    @Test("prefers h2, takes http/1.1, also without a protocol", arguments: [
        ("h2,http/1.1", "h2"), ("http/1.1,h2", "h2"), ("http/1.1", "http/1.1"), ("h2", "h2"), ("spdy/3,http/1.1", "http/1.1"), (nil, nil),
    ])
    func applicationProtocols(offer: String?, expected: String?) async throws {
        try await TLSTestServer.run(identities()) { server in
            for version in ["-tls1_2", "-tls1_3"] {
                let result = if let offer { try await server.openssl(version, "-alpn", offer) } else { try await server.openssl(version) }
                #expect(result.status == 0, "\(result)")
                #expect(result.output.contains(expected.map { "ALPN protocol: \($0)\n" } ?? "No ALPN negotiated"), "\(result)")
            }
            #expect(server.handshakes.map(\.applicationProtocol) == [expected, expected])
        }
    }

    @Test("refuses protocols it doesn't speak with no_application_protocol (RFC 7301, 3.2)", arguments: ["spdy/3", "h3", "H2", "http/1.0,acme-tls/1"])
    func unknownProtocols(offer: String) async throws {
        try await TLSTestServer.run(identities()) { server in
            for version in ["-tls1_2", "-tls1_3"] {
                let result = try await server.openssl(version, "-alpn", offer)
                #expect(result.errors.contains("alert no application protocol"), "\(result)")
            }
            #expect(server.handshakes.isEmpty)
        }
    }

    @Test("the server name chooses the identity; no name or an unknown one gets the first", arguments: [
        ("localhost", "localhost"), ("LOCALHOST", "localhost"), ("rsa.test", "rsa"), ("also.test", "rsa"), ("Also.Test", "rsa"),
        ("a.wild.test", "wild"), ("exact.wild.test", "strict"), ("a.b.wild.test", "localhost"), ("wild.test", "localhost"), ("xwild.test", "localhost"),
        ("unknown.test", "localhost"), ("*.wild.test", "wild"), (nil, "localhost"),
    ])
    func serverNames(name: String?, subject: String) async throws {
        try await TLSTestServer.run(identities()) { server in
            for version in ["-tls1_2", "-tls1_3"] {
                let result = try await server.openssl(version, name: name)
                #expect(result.output.contains("subject=CN = \(subject)\n"), "\(result)")
                #expect(result.output.contains("Verification: OK"), "the intermediate comes along")
            }
            #expect(server.handshakes.map(\.serverName) == [name?.lowercased(), name?.lowercased()])
        }
    }

    @Test("refuses renegotiation and offers no early data")
    func noRenegotiation() async throws {
        try await TLSTestServer.run(identities()) { server in
            let renegotiation = try await server.openssl("-tls1_2", input: "")
            #expect(renegotiation.status == 0)
            var command = Command(["openssl", "s_client", "-connect", server.address, "-tls1_2", "-servername", "localhost"])
            command.input = "R\n"
            let result = try await command.run()
            #expect(result.description.contains("RENEGOTIATING"), "\(result)")
            #expect(result.description.contains("no renegotiation"), "\(result)")
            let early = try await server.openssl("-tls1_3", input: "who\n")
            #expect(early.output.contains("Max Early Data: 0"), "\(early)")
        }
    }

    @Test("a leaf that signed itself is accepted by a client that pins just this leaf")
    func pinnedLeaf() async throws {
        try await TLSTestServer.run([certificates.identity("self", for: ["self.test"])]) { server in
            for name in ["self.test", "127.0.0.1"] {
                let check = name == "127.0.0.1" ? "-verify_ip" : "-verify_hostname"
                let result = try await server.openssl("-partial_chain", check, name, name: "self.test", input: "who\n", trust: "self")
                #expect(result.output.contains("Verification: OK") && result.output.contains("no client certificate"), "\(result)")
            }
            #expect(try await server.openssl("-partial_chain", name: "self.test").status != 0, "who trusts another root refuses it")
            try await server.python(
                """
                made = ssl.create_default_context(cafile="self.pem")
                made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
                print(connect(made, "self.test").getpeercert()["subject"], connect(made, "127.0.0.1").version())
                """, prints: "((('commonName', 'self'),),) TLSv1.3")
        }
    }
}
