import Testing

@testable import Primitives

@Suite("HTTP client") struct HTTPClientTests {
    let server: HTTPTestServer
    let client = HTTPClient()

    init() throws { server = try HTTPTestServer.shared.get() }

    @Test("sends method, headers and body, and nothing that wasn't asked for", arguments: ["POST", "PUT", "DELETE", "PURGE"])
    func sends(method: String) async throws {
        var request = server.request("/echo")
        request.method = method
        request.headers = [HTTPClientHeader("X-One", "1"), HTTPClientHeader("X-Empty", "")]
        request.body = Array("a\0b".utf8)
        let response = try await client.send(request)
        #expect(response.status == 200)
        #expect(
            text(response) == """
                \(method)
                accept: */*
                content-length: 3
                host: localhost:\(server.tls)
                user-agent: holdfast
                x-empty: 
                x-one: 1

                a\0b
                """)
    }

    @Test("sends no body with GET, an empty one with POST; HEAD has none in return")
    func noBody() async throws {
        var request = server.request("/echo")
        #expect(try await !text(client.send(request)).contains("content-length"))
        request.method = "POST"
        #expect(try await text(client.send(request)).contains("content-length: 0\n"))
        request.method = "HEAD"
        let head = try await client.send(request)
        #expect(head.status == 200 && head.body.isEmpty && head.header("content-length") != nil)
    }

    @Test("N14 follows no redirect, and returns all header fields")
    func redirect() async throws {
        let response = try await client.send(server.request("/redirect"))
        #expect(response.status == 302)
        #expect(response.header("location") == "/echo")
        #expect(response.headers.filter { $0.name == "x-twice" }.map(\.value) == ["1", "2"])
        #expect(text(response) == "moved")
    }

    @Test(
        "refuses, without connecting",
        arguments: [
            ("http://localhost:1/", .protocolRefused("http")), ("file:///etc/passwd", .protocolRefused("file")),
            ("ftp://localhost/", .protocolRefused("ftp")), ("gopher://localhost/", .protocolRefused("gopher")),
            ("localhost/", .invalidURL), ("https://", .invalidURL), ("", .invalidURL), ("https://user:pw@localhost/", .invalidURL),
            ("https://local host/", .invalidURL), ("https://localhost/\0", .invalidURL), ("https://localhost:99999/", .invalidURL),
        ] as [(String, HTTPClientError)])
    func refusesURL(url: String, error: HTTPClientError) async {
        await #expect(throws: error) { try await client.send(HTTPClientRequest(url: url)) }
    }

    @Test("speaks to a Unix socket, where neither names are resolved nor addresses allowed or refused")
    func unixSocket() async throws {
        var request = HTTPClientRequest(url: "http://nowhere.invalid/echo")
        request.connection.allowsPlainHTTP = true
        request.connection.addressRule = .publicOnly
        request.connection.unixSocketPath = server.folder.path("plain.sock")
        request.method = "POST"
        request.body = [0x78]
        let response = try await client.send(request)
        #expect(response.status == 200)
        #expect(text(response).contains("host: nowhere.invalid\n"))
        #expect(text(response).hasSuffix("\n\nx"))
    }

    @Test("a Unix socket at which nobody listens, whose path is too long, or that would be behind a proxy, is an error that says so")
    func noUnixSocket() async throws {
        var request = HTTPClientRequest(url: "http://localhost/")
        request.connection.allowsPlainHTTP = true
        request.connection.unixSocketPath = server.folder.path("none.sock")
        await #expect { try await client.send(request) } throws: { error in
            if case HTTPClientError.connect? = error as? HTTPClientError { true } else { false }
        }
        request.connection.unixSocketPath = "/" + String(repeating: "x", count: 107)
        await #expect(throws: HTTPClientError.invalidRequest("the path of a Unix socket has 1 to 107 bytes, this one has 108")) {
            try await client.send(request)
        }
        request.connection.unixSocketPath = server.folder.path("plain.sock")
        request.connection.proxy = HTTPClientProxy(url: "http://127.0.0.1:\(server.proxy)")
        await #expect(throws: HTTPClientError.invalidRequest("a Unix socket is not reached through a proxy")) { try await client.send(request) }
    }

    @Test("N14 speaks plain HTTP only if the connection options say so")
    func plain() async throws {
        var request = HTTPClientRequest(url: "http://localhost:\(server.plain)/size?3")
        await #expect(throws: HTTPClientError.protocolRefused("http")) { try await client.send(request) }
        request.connection.allowsPlainHTTP = true
        #expect(try await text(client.send(request)) == "xxx")
    }

    @Test(
        "refuses headers that would split or misframe the request",
        arguments: [
            ("X-A", "b\r\nX-C: d"), ("X-A", "b\nc"), ("X-A", "b\0"), ("X A", "b"), ("X-A:", "b"), ("", "b"), ("Content-Length", "1"),
            ("transfer-encoding", "chunked"), ("Accept-Encoding", "gzip"),
        ])
    func refusesHeader(name: String, value: String) async {
        var request = server.request("/echo")
        request.headers = [HTTPClientHeader(name, value)]
        await #expect { try await client.send(request) } throws: { if case HTTPClientError.invalidRequest = $0 { true } else { false } }
    }

    @Test("N14 accepts a body of exactly the limit, refuses one byte more, and stops an endless one")
    func bodyLimit() async throws {
        var request = server.request("/size?1000")
        request.maxResponseBytes = 1000
        #expect(try await client.send(request).body.count == 1000)
        request.maxResponseBytes = 999
        await #expect(throws: HTTPClientError.tooLarge(limit: 999)) { try await client.send(request) }
        let endless = server.request("/endless")
        await #expect(throws: HTTPClientError.tooLarge(limit: 256 << 10)) { try await client.send(endless) }
        await #expect(throws: HTTPClientError.tooLarge(limit: 64 << 10)) { try await client.send(server.request("/headers")) }
    }

    @Test("N14 refuses an encoded body, which it hasn't asked for; identity is none", arguments: ["gzip", "identity, br", "zstd"])
    func encoding(name: String) async throws {
        let path = "/encoded?\(name.replacing(", ", with: ","))"
        let refused = name.split(separator: ", ").last.map(String.init) ?? ""
        await #expect(throws: HTTPClientError.encodingRefused(refused)) { try await client.send(server.request(path)) }
        #expect(try await client.send(server.request("/encoded?identity")).body == [0x1F, 0x8B])
        await #expect(throws: HTTPClientError.encodingRefused("gzip")) {
            try await client.send(server.request("/transfer-encoded"))
        }
    }

    @Test("a body that is cut off is an error")
    func cut() async {
        await #expect { try await client.send(server.request("/cut")) } throws: { error in
            if case HTTPClientError.library = error { true } else { false }
        }
    }

    @Test("reuses a connection for equal options only")
    func reuse() async throws {
        let client = HTTPClient(threads: 1)
        var request = server.request("/peer")
        let first = try await client.send(request), second = try await client.send(request)
        #expect(text(first) == text(second))
        #expect([first.timing.reusedConnection, second.timing.reusedConnection] == [false, true])
        #expect(first.timing.secured > .zero && first.timing.total >= first.timing.firstByte)
        request.connection.addressRule = HTTPClientAddressRule { _ in true }
        let third = try await client.send(request)
        #expect(!third.timing.reusedConnection && text(third) != text(first))
    }

    func text(_ response: HTTPClientResponse) -> String { String(decoding: response.body, as: UTF8.self) }
}
