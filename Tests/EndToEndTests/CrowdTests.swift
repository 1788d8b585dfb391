import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("A crowd that does nothing")
    struct CrowdTests {
        @Test("5 000 silent connections and 500 that send a byte a second don't disturb a caller: 200 requests, no error")
        func crowd() async throws {
            var configuration = SpawnedConfiguration()
            for name in ["maxConnections", "maxConnectionsPerAddress"] { configuration.limits[name] = "8000" }
            for name in ["handshakeTimeout", "firstRequestTimeout", "headerTimeout"] { configuration.limits[name] = "60s" }
            let demo = try await RunningDemo(configuration)
            let script = try demo.installation.folder.write("crowd.py", CrowdTests.script)
            let crowd = try SpawnedTool.python3.start([script, String(demo.server.port)])
            try await eventually("the crowd stands", within: .seconds(60)) {
                guard crowd.status == nil else { throw SpawnedTimeout("the crowd's script ended: \(crowd.errors)") }
                return crowd.output.contains("standing")
            }
            try await eventually("bytes trickle") { crowd.output.contains("trickled 1") }
            for number in 0..<100 {
                let secret = Array("request \(number)".utf8)
                let blob = try await demo.caller.blob(of: secret)
                #expect(try await demo.caller.unwrap(blob).bytes("plaintext") == secret)
            }
            try await eventually("bytes trickle on") { crowd.output.contains("trickled 3") }
            crowd.signal(SIGUSR1)
            try await eventually("the crowd counts itself") { crowd.output.contains("held") }
            #expect(crowd.output.contains("held 5500 of 5500"), "\(crowd.output)")
            crowd.signal(SIGKILL)
            try await crowd.wait()
            #expect(try await demo.caller.wrap([1]).status == 200)
            #expect(try await demo.server.stop() == 0)
        }

        /// 4 500 connections that only connect, 500 that shake hands and then say nothing, 500 that send one byte of a TLS record a second.
        /// SIGUSR1: tells how many the server hasn't closed.
        private static let script = """
            import resource, select, signal, socket, ssl, sys, time
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            address = ("127.0.0.1", int(sys.argv[1]))
            context = ssl._create_unverified_context()
            silent = [socket.create_connection(address) for _ in range(4500)]
            shaken = [context.wrap_socket(socket.create_connection(address), server_hostname="localhost") for _ in range(500)]
            slow = [socket.create_connection(address) for _ in range(500)]

            def count(*_):
                poll = select.poll()
                for connection in silent + shaken + slow:
                    poll.register(connection, select.POLLRDHUP)
                print("held", 5500 - len(poll.poll(0)), "of 5500", flush=True)

            signal.signal(signal.SIGUSR1, count)
            print("standing", flush=True)
            record = b"\\x16\\x03\\x01\\x02\\x00\\x01"
            for round in range(1, 60):
                for connection in slow:
                    connection.send(record[round - 1:round] or b"\\x00")
                print("trickled", round, flush=True)
                time.sleep(1)
            """
    }
}
