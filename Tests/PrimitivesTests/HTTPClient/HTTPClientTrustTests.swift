import Testing

@testable import Primitives

@Suite("HTTP client trust and route") struct HTTPClientTrustTests {
    let server: HTTPTestServer
    let client = HTTPClient()

    init() throws { server = try HTTPTestServer.shared.get() }

    @Test("refuses a server of an unknown authority, whether the bundle is the system's, a file or in memory")
    func unknownAuthority() async throws {
        let bundles: [HTTPClientTrust] = [
            .system, .file(server.folder.path("other.pem")), .pem(try server.contents("other.pem")),
        ]
        for trust in bundles {
            var request = server.request("/size?1")
            request.connection.trust = trust
            await #expect(performing: { try await client.send(request) }, throws: isTLS)
        }
        var request = server.request("/size?1")
        request.connection.trust = .pem(try server.contents("ca.pem"))
        #expect(try await client.send(request).status == 200)
    }

    @Test("refuses a certificate for another name, and TLS 1.1")
    func wrongName() async {
        var request = server.request("/size?1", host: "elsewhere.test")
        request.connection.addressOverrides = [
            HTTPClientAddressOverride(host: "elsewhere.test", port: server.tls, addresses: ["127.0.0.1"])
        ]
        await #expect(performing: { try await client.send(request) }, throws: isTLS)
        let old = server.request("/size?1", port: server.oldTLS)
        await #expect(performing: { try await client.send(old) }, throws: isTLS)
    }

    @Test("shows its certificate from files or memory, and gets no response where one is demanded in vain")
    func clientCertificate() async throws {
        var request = server.request("/subject", port: server.clientTLS)
        await #expect(performing: { try await client.send(request) }, throws: isTLSOrLost)
        let key = SharedSecret(SecretBytes(copying: try server.contents("client.key")))
        let certificates: [HTTPClientCertificate] = [
            .files(certificate: server.folder.path("client.pem"), key: server.folder.path("client.key")),
            .pem(certificate: try server.contents("client.pem"), key: key),
        ]
        for certificate in certificates {
            request.connection.clientCertificate = certificate
            #expect(try await String(decoding: client.send(request).body, as: UTF8.self) == "{'commonName': 'client'}")
        }
        request.connection.clientCertificate = .files(
            certificate: server.folder.path("other.pem"), key: server.folder.path("other.key"))
        await #expect(performing: { try await client.send(request) }, throws: isTLSOrLost)
    }

    @Test("an address override replaces name resolution, and the certificate must still name the host")
    func addressOverride() async throws {
        var request = server.request("/size?4", host: "service.test")
        await #expect { try await client.send(request) } throws: { if case HTTPClientError.resolve = $0 { true } else { false } }
        request.connection.addressOverrides = [
            HTTPClientAddressOverride(host: "service.test", port: server.tls, addresses: ["127.0.0.1"])
        ]
        #expect(try await client.send(request).body.count == 4)
        request.connection.addressOverrides = [
            HTTPClientAddressOverride(host: "service.test", port: server.tls, addresses: ["localhost"])
        ]
        await #expect(throws: HTTPClientError.invalidRequest("an address override is malformed")) {
            try await client.send(request)
        }
    }

    @Test("N18 refuses addresses that the rule refuses, whatever name or override led there", arguments: ["127.0.0.1", "service.test"])
    func addressRule(host: String) async throws {
        var request = server.request("/size?1", host: host)
        request.connection.addressOverrides = [
            HTTPClientAddressOverride(host: "service.test", port: server.tls, addresses: ["127.0.0.1"])
        ]
        #expect(try await client.send(request).status == 200)
        request.connection.addressRule = .publicOnly
        let loopback = try #require(HTTPClientAddress("127.0.0.1"))
        await #expect(throws: HTTPClientError.addressRefused(loopback)) { try await client.send(request) }
    }

    @Test("nobody listening is a connect error")
    func nobody() async {
        await #expect { try await client.send(server.request("/", port: 1)) } throws: { error in
            if case HTTPClientError.connect = error { true } else { false }
        }
    }

    @Test("goes through the proxy with its password, but not for the hosts excepted; without the password it is a connect error")
    func proxy() async throws {
        var request = server.request("/size?5", host: "service.test")  // only the proxy can find this host
        var proxy = HTTPClientProxy(url: "http://127.0.0.1:\(server.proxy)")
        request.connection.proxy = proxy
        await #expect { try await client.send(request) } throws: { if case HTTPClientError.connect = $0 { true } else { false } }
        proxy.user = "user"
        proxy.password = SharedSecret(SecretBytes(copying: "secret".utf8))
        request.connection.proxy = proxy
        let response = try await client.send(request)
        #expect(response.body.count == 5 && response.header("x-proxy") == nil)
        proxy.except = [".test"]
        request.connection.proxy = proxy
        await #expect { try await client.send(request) } throws: { if case HTTPClientError.resolve = $0 { true } else { false } }
    }

    @Test("N18 through a proxy, what is known to be at a refused address is not asked for, however it is written; what isn't known is the proxy's to judge", arguments: [
        ("127.0.0.1", true), ("[::1]", true), ("2130706433", true), ("0x7f.1", true), ("127.0.0.1.", true), ("[::ffff:127.0.0.1]", true),
        ("localhost", true), ("LOCALHOST", true), ("private.test", true), ("both.test", true), ("service.test", false),
    ])
    func proxiedRule(host: String, isRefused: Bool) async throws {
        var request = server.request("/size?5", host: host)
        var proxy = HTTPClientProxy(url: "http://127.0.0.1:\(server.proxy)")
        (proxy.user, proxy.password) = ("user", SharedSecret(SecretBytes(copying: "secret".utf8)))
        request.connection.proxy = proxy
        request.connection.addressRule = .publicOnly
        request.connection.addressOverrides = [
            HTTPClientAddressOverride(host: "private.test", port: server.tls, addresses: ["10.1.2.3"]),
            HTTPClientAddressOverride(host: "both.test", port: server.tls, addresses: ["8.8.8.8", "192.168.1.1"]),
        ]
        guard isRefused else {
            #expect(try await client.send(request).status == 200)
            return
        }
        await #expect { try await client.send(request) } throws: { if case HTTPClientError.addressRefused = $0 { true } else { false } }
    }

    /// With TLS 1.3 the server's refusal comes after the handshake, and may be lost when it closes the connection at once.
    private let isTLSOrLost: @Sendable (any Error) -> Bool = { error in
        switch error as? HTTPClientError {
        case .tls, .library(code: 55, _), .library(code: 56, _): true
        default: false
        }
    }

    private let isTLS: @Sendable (any Error) -> Bool = { if case HTTPClientError.tls = $0 { true } else { false } }
}

@Suite("HTTP client addresses") struct HTTPClientAddressTests {
    @Test(
        "are public only if the IANA registries say so",
        arguments: [
            ("8.8.8.8", true), ("1.1.1.1", true), ("172.32.0.1", true), ("100.128.0.1", true), ("2606:4700::1111", true),
            ("64:ff9b::808:808", true), ("127.0.0.1", false), ("10.1.2.3", false), ("172.16.0.1", false), ("172.31.255.255", false),
            ("192.168.1.1", false), ("169.254.169.254", false), ("100.64.0.1", false), ("0.0.0.0", false), ("224.0.0.1", false),
            ("255.255.255.255", false), ("198.18.0.1", false), ("::", false), ("::1", false), ("fe80::1", false), ("fd00:ec2::254", false),
            ("ff02::1", false), ("2001:db8::1", false), ("::ffff:127.0.0.1", false), ("::ffff:8.8.8.8", true),
            ("64:ff9b::7f00:1", false), ("2002:7f00:1::", false), ("::7f00:1", false),
        ])
    func isPublic(text: String, expected: Bool) throws {
        #expect(try #require(HTTPClientAddress(text)).isPublic == expected)
    }

    @Test("N18 are parsed strictly", arguments: ["", "localhost", "127.1", "0x7f.0.0.1", "1.2.3.4.5", "[1.2.3.4]", "fe80::1%eth0", "1.2.3.4/8"])
    func strict(text: String) { #expect(HTTPClientAddress(text) == nil) }

    @Test(
        "and names are excepted from the proxy",
        arguments: [
            ("api.example.com", "example.com", false), ("api.example.com", ".EXAMPLE.com", false), ("example.com", ".example.com", false),
            ("badexample.com", "example.com", true), ("10.2.3.4", "10.0.0.0/8", false), ("11.2.3.4", "10.0.0.0/8", true),
            ("[fd00::1]", "fd00::/8", false), ("[::1]", "::1", false), ("host", "*", false), ("host", "", true), ("10.2.3.4", "2.3.4", true),
        ])
    func proxyExceptions(host: String, entry: String, applies: Bool) {
        var proxy = HTTPClientProxy(url: "http://proxy")
        proxy.except = [entry]
        #expect(proxy.applies(to: host) == applies)
    }
}
