import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("Real clients: curl, openssl s_client, h2load")
    struct ClientTests {
        @Test("curl is answered over HTTP/1.1 and HTTP/2, over TLS 1.2 and 1.3", arguments: ["--http1.1", "--http2"], ["1.2", "1.3"])
        func curl(protocolFlag: String, tls: String) async throws {
            let demo = try await RunningDemo()
            let arguments = try demo.curlArguments(SpawnedCaller.body("plaintext", [1, 2, 3]), method: "wrap")
            let outcome = try await SpawnedTool.curl.run(
                [protocolFlag, "--tlsv\(tls)", "--tls-max", tls, "--write-out", "\n%{http_version} %{http_code}"] + arguments)
            #expect(outcome.status == 0, "\(outcome.text)")
            #expect(outcome.lines.last == "\(protocolFlag == "--http2" ? "2" : "1.1") 200")
        }

        @Test("curl sends two requests over one connection, and a large body after 100-continue")
        func keepAlive() async throws {
            let demo = try await RunningDemo()
            let body = SpawnedCaller.body("plaintext", [UInt8](repeating: 7, count: 60_000))
            let arguments = try demo.curlArguments(body, method: "wrap")
            let outcome = try await SpawnedTool.curl.run(
                ["--http1.1", "--header", "Expect: 100-continue", "--write-out", "%{stderr}%{num_connects} %{http_code}\n"] + arguments
                    + [try #require(arguments.last)])
            #expect(outcome.errors == "1 200\n0 200\n", "\(outcome.errors)")
        }

        @Test("a session is resumed with the ticket of an earlier connection", arguments: ["-tls1_2", "-tls1_3"])
        func resumption(version: String) async throws {
            let demo = try await RunningDemo()
            let session = demo.installation.folder.file("session.pem")
            let first = try await handshake(demo, [version, "-sess_out", session])
            #expect(first.output.contains("New, TLSv1.\(version.suffix(1))"), "\(first.output)")
            #expect(first.output.contains("Verify return code: 0 (ok)"))
            #expect(first.output.contains("HTTP/1.1 200 OK"))
            let second = try await handshake(demo, [version, "-sess_in", session])
            #expect(second.output.contains("Reused, TLSv1.\(version.suffix(1))"), "\(second.output)")
            #expect(second.output.contains("HTTP/1.1 200 OK"))
        }

        @Test("TLS 1.1 is refused with a protocol_version alert (RFC 8996)")
        func oldTLS() async throws {
            let demo = try await RunningDemo()
            let outcome = try await handshake(demo, ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"])
            #expect(outcome.status != 0)
            #expect(outcome.text.contains("alert protocol version"), "\(outcome.text)")
            #expect(!outcome.output.contains("HTTP/1.1"))
        }

        @Test("a client certificate can be asked for, or demanded; one of another authority is refused in both cases")
        func clientCertificates() async throws {
            for isRequired in [false, true] {
                var configuration = SpawnedConfiguration()
                configuration.clientCertificates = "{\(isRequired ? "required" : "optional"): clients.pem}"
                let demo = try await RunningDemo(configuration) { installation in
                    try await ClientTests.makeIdentity("client", installation)
                    try await ClientTests.makeIdentity("stranger", installation)
                    try installation.folder.write("data/clients.pem", installation.folder.text("client.pem"))
                }
                #expect(try await status(demo, identity: nil) == (isRequired ? nil : 200), "required: \(isRequired)")
                #expect(try await status(demo, identity: "client") == 200, "required: \(isRequired)")
                #expect(try await status(demo, identity: "stranger") == nil, "required: \(isRequired)")
            }
        }

        @Test("h2load: 2 000 unwraps over 20 connections, every one answered with 200", arguments: ["h2", "http/1.1"])
        func h2load(applicationProtocol: String) async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: try RandomBytes.generate(32))
            let body = try demo.installation.folder.write("body.json", SpawnedCaller.body("wrappedBlob", blob))
            let outcome = try await SpawnedTool.h2load.run([
                "-n", "2000", "-c", "20", "-m", applicationProtocol == "h2" ? "8" : "1", "--npn-list=\(applicationProtocol)", "-d", body,
                "-H", "Authorization: Bearer \(demo.caller.token)", "-H", "Content-Type: application/json", "\(demo.caller.keyURI):unwrap",
            ])
            #expect(outcome.status == 0, "\(outcome.text)")
            #expect(outcome.output.contains("Application protocol: \(applicationProtocol)"), "\(outcome.output)")
            #expect(outcome.output.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(outcome.output)")
            #expect(outcome.output.contains("status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx"), "\(outcome.output)")
            #expect(try demo.installation.records().count { $0["event"]?.string == "ekm.unwrap" } == 2000, "each is on record")
            #expect(try await demo.installation.run("audit", "verify").status == 0)
        }

        /// One request through s_client, which ends when the server closes.
        private func handshake(_ demo: RunningDemo, _ arguments: [String]) async throws -> SpawnedTool.Outcome {
            try await SpawnedTool.openssl.run(
                [
                    "s_client", "-connect", "127.0.0.1:\(demo.server.port)", "-servername", "localhost", "-CAfile", demo.caller.authority,
                    "-verify_return_error", "-ign_eof",
                ] + arguments,
                input: "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        }

        /// curl's status with a client certificate; nil if there was no answer.
        private func status(_ demo: RunningDemo, identity: String?) async throws -> Int? {
            let folder = demo.installation.folder
            let own = identity.map { ["--cert", folder.file("\($0).pem"), "--key", folder.file("\($0).key")] } ?? []
            let arguments = try demo.curlArguments(SpawnedCaller.body("plaintext", [1]), method: "wrap")
            let outcome = try await SpawnedTool.curl.run(own + ["--output", "/dev/null", "--write-out", "%{http_code}"] + arguments)
            return outcome.status == 0 ? Int(outcome.output) : nil
        }

        private static func makeIdentity(_ name: String, _ installation: SpawnedInstallation) async throws {
            let outcome = try await SpawnedTool.openssl.run([
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=\(name)",
                "-addext", "extendedKeyUsage=clientAuth", "-keyout", installation.folder.file("\(name).key"), "-out",
                installation.folder.file("\(name).pem"),
            ])
            guard outcome.status == 0 else { throw SpawnedTimeout("openssl req: \(outcome.errors)") }
        }
    }
}
