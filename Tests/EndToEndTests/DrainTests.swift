import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("SIGTERM drains")
    struct DrainTests {
        @Test("a request whose body is still coming is answered, nobody new is let in, and the process ends with status 0")
        func requestInFlight() async throws {
            var configuration = SpawnedConfiguration()
            configuration.limits["drainTimeout"] = "20s"
            let demo = try await RunningDemo(configuration)
            let slow = try slowRequest(demo)
            try await eventually("half of the request is sent") { slow.output.contains("half") }
            demo.server.process.signal(SIGTERM)
            try await eventually("nobody new is let in") {
                try await SpawnedTool.curl.run(["--insecure", "--silent", "\(demo.server.url)/healthz"]).status == 7
            }
            #expect(demo.server.process.status == nil, "the request holds it")
            try demo.installation.folder.write("go", "")
            #expect(try await slow.wait(.seconds(15)) == 0, "\(slow.errors)")
            #expect(slow.output.contains("HTTP/1.1 200 OK"), "\(slow.output)")
            #expect(slow.output.contains("wrappedBlob"))
            #expect(slow.output.lowercased().contains("connection: close"))
            #expect(try await demo.server.process.wait(.seconds(25)) == 0)
            try await expectCleanEnd(demo)
            #expect(try demo.installation.records().contains { $0["event"]?.string == "ekm.wrap" && $0["outcome"]?.string == "allowed" })
        }

        @Test("a request that never ends is cut when the drain time is over, and the status is 0 all the same")
        func endlessRequest() async throws {
            var configuration = SpawnedConfiguration()
            configuration.limits["drainTimeout"] = "2s"
            let demo = try await RunningDemo(configuration)
            let slow = try slowRequest(demo)
            try await eventually("half of the request is sent") { slow.output.contains("half") }
            let start = ContinuousClock.now
            #expect(try await demo.server.stop() == 0)
            let time = ContinuousClock.now - start
            #expect(time > .milliseconds(1_900) && time < .seconds(6), "\(time)")
            #expect(demo.server.log.contains("connections cut at the end of the drain time"))
            try await expectCleanEnd(demo)
        }

        @Test("an idle HTTP/1.1 connection doesn't hold the stop", arguments: [SIGTERM, SIGINT])
        func idle(signal: Int32) async throws {
            var configuration = SpawnedConfiguration()
            configuration.limits["drainTimeout"] = "20s"
            let demo = try await RunningDemo(configuration)
            let script = try demo.installation.folder.write("idle.py", DrainTests.idle)
            let idle = try SpawnedTool.python3.start([script, String(demo.server.port)])
            try await eventually("it has been answered once") { idle.output.contains("200") }
            let start = ContinuousClock.now
            demo.server.process.signal(signal)
            #expect(try await demo.server.process.wait() == 0)
            #expect(ContinuousClock.now - start < .seconds(4))
            #expect(try await idle.wait() == 0)
            #expect(idle.output.contains("closed cleanly"), "\(idle.output)\(idle.errors)")
            try await expectCleanEnd(demo)
        }

        private func slowRequest(_ demo: RunningDemo) throws -> SpawnedProcess {
            let folder = demo.installation.folder
            let path = demo.caller.keyURI.split(separator: "/", maxSplits: 2).last.map(String.init) ?? ""
            let body = SpawnedCaller.body("plaintext", [1, 2, 3])
            let head = """
                POST /\(path):wrap HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(demo.caller.token)\r
                Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n
                """
            let request = try folder.write("request", head + body)
            return try SpawnedTool.python3.start([
                try folder.write("slow.py", DrainTests.slow), String(demo.server.port), request, folder.file("go"),
            ])
        }

        private func expectCleanEnd(_ demo: RunningDemo) async throws {
            #expect(!demo.installation.folder.contains("data/server.json"))
            #expect(demo.server.log.contains("stopped"))
            #expect(!demo.server.log.contains(" error "), "\(demo.server.log)")
            #expect(try demo.installation.records().last?["event"]?.string == "journal.checkpoint")
            let verified = try await demo.installation.run("audit", "verify")
            #expect(verified.status == 0, "\(verified.text)")
        }

        /// Sends all but the end of a request, waits for a file, sends the rest, prints the answer.
        private static let slow = """
            import os, socket, ssl, sys, time
            request = open(sys.argv[2], "rb").read()
            context = ssl._create_unverified_context()
            context.set_alpn_protocols(["http/1.1"])
            connection = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="localhost")
            connection.sendall(request[:-40])
            time.sleep(0.3)
            print("half", flush=True)
            while not os.path.exists(sys.argv[3]):
                time.sleep(0.02)
            connection.sendall(request[-40:])
            while part := connection.recv(65536):
                print(part.decode(), flush=True)
            """

        /// One request, then nothing until the server closes.
        private static let idle = """
            import socket, ssl, sys
            context = ssl._create_unverified_context()
            connection = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="localhost",
                                             suppress_ragged_eofs=False)
            connection.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
            print(connection.recv(65536).decode(), flush=True)
            while connection.recv(65536):
                pass
            print("closed cleanly", flush=True)
            """
    }
}
