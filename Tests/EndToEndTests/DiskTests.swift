import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("A disk that takes no more")
    struct DiskTests {
        @Test("the journal can't grow: 503 and never 403 or 404, readyz 503, no crash; with room again it serves by itself")
        func fileSizeLimit() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [7, 7])
            for _ in 0..<20 { #expect(try await demo.caller.unwrap(blob).status == 200) }
            let size = demo.installation.folder.bytes(try #require(demo.installation.segments.last)).count
            try await limit(demo.server, to: "\(size + 100)")
            for _ in 0..<10 {
                let answer = try await demo.caller.unwrap(blob)
                #expect(answer.status == 503)
                #expect(answer.bytes("plaintext") == nil, "no record, no key")
                #expect(try await demo.caller.wrap([1]).status == 503)
            }
            #expect(try await demo.caller.get("readyz").status == 503)
            #expect(try await demo.caller.get("healthz").status == 200)
            #expect(demo.server.process.status == nil)
            try await eventually("the log says so", within: .seconds(2)) { demo.server.log.contains("audit journal in trouble") }

            try await limit(demo.server, to: "-1")
            #expect(try await demo.caller.unwrap(blob).bytes("plaintext") == [7, 7])
            try await eventually("it is ready again", within: .seconds(2)) { try await demo.caller.get("readyz").status == 200 }
            let verified = try await demo.installation.run("audit", "verify")
            #expect(verified.status == 0, "\(verified.text)")
        }

        @Test("killed while the disk is full and started again with room, it unwraps the old blobs and its journal is intact")
        func crashWhileFull() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [9])
            for _ in 0..<20 { _ = try await demo.caller.unwrap(blob) }
            let size = demo.installation.folder.bytes(try #require(demo.installation.segments.last)).count
            try await limit(demo.server, to: "\(size + 200)")
            for _ in 0..<5 { #expect(try await demo.caller.unwrap(blob).status == 503) }
            try await demo.server.crash()

            let server = try await demo.installation.serve()
            #expect(try await demo.installation.caller().unwrap(blob).bytes("plaintext") == [9])
            #expect(try await server.stop() == 0)
            let verified = try await demo.installation.run("audit", "verify")
            #expect(verified.status == 0, "\(verified.text)")
        }

        @Test("a full disk at the start is told in a sentence, and a command that can't write its record says so")
        func fullAtStart() async throws {
            let installation = try await SpawnedInstallation.demo()
            let program = try SpawnedInstallation.program
            for command in ["serve", "token mint"] {
                let outcome = try await SpawnedTool.sh.run(
                    ["-c", "(ulimit -f 0; exec \"\(program)\" \(command) --data \"\(installation.data)\" 2>&1) | cat"], timeout: .seconds(20))
                #expect(outcome.output.contains("Error: "), "\(command): \(outcome.text)")
                #expect(!outcome.output.contains("eyJ"), "no token without a record")
            }
            let server = try await installation.serve()
            #expect(try await installation.caller().wrap([1]).status == 200)
            #expect(try await server.stop() == 0)
        }

        /// RLIMIT_FSIZE of the running server: beyond it a write fails (EFBIG), as it does (ENOSPC) on a full disk.
        private func limit(_ server: SpawnedServer, to bytes: String) async throws {
            let script = "import resource as r, sys; r.prlimit(int(sys.argv[1]), r.RLIMIT_FSIZE, (int(sys.argv[2]), -1))"
            let outcome = try await SpawnedTool.python3.run(["-c", script, String(server.process.pid), bytes])
            guard outcome.status == 0 else { throw SpawnedTimeout("prlimit: \(outcome.errors)") }
        }
    }
}
