import Foundation
import Glibc
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("The management listener, from outside")
    struct ManagementListenerTests {
        private static let host = "Host: localhost\r\n"
        private static let short = ["listen": "\"127.0.0.1:0\"", "handshakeTimeout": "1s", "headerTimeout": "1s", "bodyTimeout": "1s", "idleTimeout": "1s"]

        /// A running server; its folder goes with this.
        private struct Running {
            let installation: SpawnedInstallation
            let server: SpawnedServer

            init(_ management: [String: String] = ["listen": "\"127.0.0.1:0\""], drainTimeout: String = "1s") async throws {
                var configuration = SpawnedConfiguration()
                configuration.management = management
                configuration.limits = ["drainTimeout": drainTimeout]
                installation = try await .demo(configuration)
                server = try await installation.serve()
            }

            var tls: RawPeer { RawPeer(port: server.managementPort) }
            var local: RawPeer { RawPeer(socket: server.managementSocket) }
            var sockets: Int {
                let folder = "/proc/\(server.process.pid)/fd"
                let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
                return names.count { (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)"))?.hasPrefix("socket:") == true }
            }
        }

        private func get(_ path: String, _ more: String = "") -> String { "GET \(path) HTTP/1.1\r\n\(Self.host)\(more)\r\n" }

        @Test("answers each kind of request with a request id, a date and security headers, and HEAD without a body")
        func answers() async throws {
            let running = try await Running()
            let peer = running.tls
            let head = "HEAD /api/v1/openapi.json HTTP/1.1\r\n\(Self.host)\r\n"
            for (request, status) in [(head, 200), (get("/api/v1/version"), 401), (get("/nothing"), 404)] {
                let outcome = try await peer.run([.send(request)])
                #expect(outcome.statuses == [status])
                #expect(outcome.header("X-Request-Id")?.count == 32)
                #expect(outcome.header("Date")?.hasSuffix(" GMT") == true)
                #expect(outcome.header("Cache-Control") == "no-store")
                #expect(outcome.header("X-Content-Type-Options") == "nosniff")
                #expect(outcome.header("Content-Security-Policy")?.contains("default-src 'none'") == true)
                #expect(outcome.header("Strict-Transport-Security") != nil)
                #expect(outcome.received.hasSuffix("\r\n\r\n") == request.hasPrefix("HEAD"))
                #expect(!outcome.isClosed)
            }
        }

        @Test("answers requests that come in one go in their order")
        func pipelined() async throws {
            let running = try await Running()
            let requests = [get("/healthz"), get("/nothing"), get("/api/v1/version", "Connection: close\r\n"), get("/healthz")]
            let outcome = try await running.tls.run([.send(requests.joined())], read: 3)
            #expect(outcome.statuses == [200, 404, 401])
            #expect(outcome.isClosed)
        }

        @Test(
            "answers what is no HTTP/1.1 request with a problem document, and closes",
            arguments: [
                "\u{0}\u{1}\r\n\r\n", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 40_000))\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "X: a\r\n", count: 200))\r\n",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            ])
        func malformed(request: String) async throws {
            let running = try await Running()
            let outcome = try await running.tls.run([.send(request)], read: 3)
            #expect(outcome.statuses == [400])
            #expect(outcome.header("Content-Type") == "application/problem+json")
            #expect(outcome.header("X-Request-Id")?.count == 32)
            #expect(outcome.isClosed)
        }

        @Test(
            "N36: takes no path but the one in its normal form",
            arguments: [
                "//api/v1/version", "/api//v1/version", "/api/v1/./version", "/api/v1/../v1/version", "/api/v1/%2e%2e/v1/version",
                "/api%2fv1%2fversion", "/api/v1/%76ersion", "/api/v1;x/version", "/api/v1/version;x", "/api/v1/version/", "/api/v1\\version",
                "/api/v1/version%00", "/api/v1/version%0a",
            ])
        func paths(path: String) async throws {
            let running = try await Running()
            let outcome = try await running.local.run([.send(get(path))])
            #expect(outcome.statuses == [400], "\(path): \(outcome.received.prefix(200))")
        }

        @Test("N46: refuses 10 GB in chunks at the limit, keeps its memory, gives its answer, and hangs up")
        func flood() async throws {
            let running = try await Running()
            let before = try residentKilobytes(running.server)
            let request = "POST /api/v1/keys HTTP/1.1\r\n\(Self.host)Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            for (peer, status) in [(running.local, 413), (running.tls, 401)] {
                let outcome = try await peer.run([.send(request), .chunks(megabytes: 10_240)], read: 5)
                #expect(outcome.statuses == [status])
                #expect(outcome.isClosed)
                #expect(outcome.sent < 10 << 30)
            }
            #expect(try residentKilobytes(running.server) < before + 64 << 10)
        }

        @Test("tells a client that waits for it to continue, only once it wants the body")
        func expect() async throws {
            let running = try await Running()
            let body = #"{"name":"asked for"}"#
            let request = """
                POST /api/v1/keys HTTP/1.1\r\n\(Self.host)Content-Type: application/json\r\nExpect: 100-continue\r\n\
                Content-Length: \(body.utf8.count)\r\n\r\n
                """
            let told = try await running.local.run([.send(request), .wait(1), .send(body)])
            #expect(told.statuses == [100, 201])
            let stranger = try await running.tls.run([.send(request)], read: 4)
            #expect(stranger.statuses == [401])
            #expect(stranger.isClosed)
        }

        @Test("N47: cuts who says nothing, sends half a header, half a body, or no handshake, and goes on serving others")
        func slow() async throws {
            let running = try await Running(Self.short)
            let peer = running.tls
            let half = "POST /api/v1/keys HTTP/1.1\r\n\(Self.host)Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            for steps in [[], [.send("GET /api/v1/ver")], [.send("GET / HTTP/1.1\r\nHost: a\r\nX: "), .wait(1), .send("a")], [.send(half)]] as [[RawPeer.Step]] {
                let outcome = try await peer.run(steps, read: 20)
                #expect(outcome.isClosed)
                #expect(outcome.milliseconds >= 900)
            }
            let tcp = try await SpawnedTool.python3.run([
                "-c", "import socket; s = socket.create_connection(('127.0.0.1', \(running.server.managementPort))); s.settimeout(20); s.recv(1)",
            ])
            #expect(tcp.status == 0, "\(tcp.errors)")
            #expect(try await peer.run([.send(get("/healthz"))]).statuses == [200])
        }

        @Test("N47: accepts no more connections than it may, and serves again when they are gone")
        func crowd() async throws {
            let running = try await Running(["listen": "\"127.0.0.1:0\"", "maxConnections": "20", "handshakeTimeout": "2s", "headerTimeout": "1s"])
            let before = running.sockets
            let holding = try SpawnedTool.python3.start([
                "-c", """
                import socket,time
                s = [socket.create_connection(('127.0.0.1', \(running.server.managementPort))) for _ in range(60)]
                print('held', flush=True); time.sleep(90)
                """,
            ])
            try await eventually("they are connected", within: .seconds(20)) { holding.output.contains("held") }
            #expect(running.sockets <= before + 20)
            try await eventually("it serves others again", within: .seconds(60)) {
                try await running.tls.run([.send(get("/healthz"))], read: 3).statuses == [200]
            }
            holding.signal(SIGKILL)
        }

        @Test("speaks HTTP/1.1 only, and says so in the handshake")
        func alpn() async throws {
            let running = try await Running()
            #expect(try await RawPeer(port: running.server.managementPort, alpn: ["h2", "http/1.1"]).run([.send(get("/healthz"))]).alpn == "http/1.1")
            #expect(try await RawPeer(port: running.server.managementPort, alpn: ["h2"]).run([]).error != nil)
        }

        @Test("serves nobody outside the allowed networks")
        func networks() async throws {
            let running = try await Running(["listen": "\"127.0.0.1:0\"", "allowedNetworks": "[\"192.0.2.0/24\"]"])
            let outcome = try await running.tls.run([.send(get("/healthz"))])
            #expect(outcome.statuses == [])
            #expect(outcome.error != nil)
            #expect(try await running.local.run([.send(get("/healthz"))]).statuses == [200])
        }

        @Test("stops at once with idle connections open, and leaves no socket behind")
        func stopIdle() async throws {
            let running = try await Running()
            let idle = try SpawnedTool.python3.start([
                "-c", """
                import socket,ssl,time
                c = ssl._create_unverified_context()
                a = c.wrap_socket(socket.create_connection(('127.0.0.1', \(running.server.managementPort))))
                b = c.wrap_socket(socket.create_connection(('127.0.0.1', \(running.server.managementPort))))
                b.sendall(b'GET /healthz HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'); b.recv(10)
                print('open', flush=True); time.sleep(60)
                """,
            ])
            try await eventually("they are open", within: .seconds(20)) { idle.output.contains("open") }
            #expect(try await running.server.stop() == 0)
            #expect(!FileManager.default.fileExists(atPath: running.server.managementSocket))
            idle.signal(SIGKILL)
        }

        @Test("answers a request that is still coming in when the server is told to stop")
        func stopBusy() async throws {
            let running = try await Running(drainTimeout: "20s")
            let body = #"{"name":"late"}"#
            let head = "POST /api/v1/keys HTTP/1.1\r\n\(Self.host)Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            async let outcome = running.local.run([.send(head), .wait(3), .send(body)], read: 5)
            try await Task.sleep(for: .seconds(1))
            running.server.process.signal(SIGTERM)
            #expect(try await outcome.statuses == [201])
            #expect(try await running.server.process.wait(.seconds(30)) == 0)
        }

        private func residentKilobytes(_ server: SpawnedServer) throws -> Int {
            let status = try String(contentsOfFile: "/proc/\(server.process.pid)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
            return try #require(Int(line.split(separator: " ").dropFirst().first ?? ""))
        }

        @Test("a client certificate signs in whom it is bound to; another of the same authority nobody; one of another authority gets no connection")
        func clientCertificates() async throws {
            var configuration = SpawnedConfiguration()
            configuration.management["certificates"] =
                "[{serverNames: [localhost], certificate: tls/server.pem, privateKey: tls/server.key, clientCertificates: {optional: clients.pem}}]"
            let installation = try await SpawnedInstallation.demo(configuration)
            for (authority, names) in [("ours", ["ann", "bob"]), ("theirs", ["eve"])] { try await Self.makePeople(names, of: authority, installation) }
            try installation.folder.write("data/clients.pem", installation.folder.text("ours.pem"))
            let server = try await installation.serve()
            let fingerprint = try await Self.fingerprint(of: "ann", installation)
            let user = try await local(server, "users", #"{"name":"ann","groups":[]}"#, "-X", "POST")
            let id = try #require(user["id"]?.string, "\(user)")
            #expect(try await local(server, "users/\(id)", #"{"certificates":["\#(fingerprint)"]}"#, "-X", "PATCH")["certificates"]?.array?.count == 1)

            func own(_ name: String?) async throws -> (exit: Int32, answer: JSONValue?) {
                let identity = name.map { ["--cert", installation.folder.file("\($0).pem"), "--key", installation.folder.file("\($0).key")] } ?? []
                let outcome = try await SpawnedTool.curl.run(
                    ["-sS", "--cacert", try installation.demo("caFile")] + identity + ["https://localhost:\(server.managementPort)/api/v1/self"])
                return (outcome.status, try? JSONValue(parsing: Array(outcome.output.utf8)))
            }
            let ann = try await own("ann")
            #expect(ann.answer?["name"] == "user:ann" && ann.answer?["proof"] == "certificate", "\(ann)")
            #expect(try await own("bob").answer?["code"] == "unauthenticated")
            #expect(try await own(nil).answer?["code"] == "unauthenticated")
            let eve = try await own("eve")
            #expect(eve.exit != 0 && eve.answer == nil)
        }

        /// A call over the socket in the data folder.
        private func local(_ server: SpawnedServer, _ path: String, _ body: String, _ more: String...) async throws -> JSONValue {
            let outcome = try await SpawnedTool.curl.run(
                ["-sS", "--unix-socket", server.managementSocket, "-H", "Content-Type: application/json", "-d", body] + more
                    + ["http://localhost/api/v1/\(path)"])
            return try JSONValue(parsing: Array(outcome.output.utf8))
        }

        /// SHA-256 of a certificate, as openssl tells it, in our spelling.
        private static func fingerprint(of name: String, _ installation: SpawnedInstallation) async throws -> String {
            let outcome = try await SpawnedTool.openssl.run(["x509", "-in", installation.folder.file("\(name).pem"), "-noout", "-fingerprint", "-sha256"])
            return String(outcome.output.split(separator: "=").last ?? "").filter(\.isHexDigit).lowercased()
        }

        /// An authority `<authority>.pem` and client certificates of its making.
        private static func makePeople(_ names: [String], of authority: String, _ installation: SpawnedInstallation) async throws {
            func openssl(_ arguments: [String]) async throws {
                let outcome = try await SpawnedTool.openssl.run(arguments)
                guard outcome.status == 0 else { throw SpawnedTimeout("openssl \(arguments): \(outcome.errors)") }
            }
            let file = installation.folder.file
            let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
            try await openssl(new + ["-subj", "/CN=\(authority)", "-keyout", file("\(authority).key"), "-out", file("\(authority).pem")])
            for name in names {
                try await openssl(new + [
                    "-subj", "/CN=\(name)", "-addext", "extendedKeyUsage=clientAuth", "-addext", "basicConstraints=critical,CA:FALSE",
                    "-CA", file("\(authority).pem"), "-CAkey", file("\(authority).key"), "-keyout", file("\(name).key"), "-out", file("\(name).pem"),
                ])
            }
        }
    }
}
