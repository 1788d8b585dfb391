import Foundation
import Testing
import TestSupport

extension EndToEnd {
    @Suite("The management API, as its OpenAPI document describes it")
    struct ConformanceTests {
        /// Where `make test` installs what Tests/Peers/requirements.txt names.
        private static var python: String {
            let root = URL(fileURLWithPath: RawPeer.folder).deletingLastPathComponent().deletingLastPathComponent()
            return root.appendingPathComponent(".build/conformance/bin/python").path
        }

        @Test(
            "gives no 5xx and no undeclared answer to whatever Schemathesis makes of its document, which is valid OpenAPI 3.1",
            .enabled(if: FileManager.default.isExecutableFile(atPath: python), "Schemathesis is not installed: `make conformance` does it"))
        func schemathesis() async throws {
            let installation = try await SpawnedInstallation.demo()
            let server = try await installation.serve()
            let file = installation.folder.file("one-time")
            try await installation.succeed("user", "reset-password", "admin", "--out", file)
            let arguments = [
                Self.python, RawPeer.folder + "/api_conformance.py", server.managementURL, try installation.demo("caFile"), "admin", file,
                "100", "15",
            ]
            let outcome = try await SpawnedTool.sh.run(["-c", "exec \"$@\"", "sh"] + arguments, timeout: .seconds(220))
            #expect(outcome.status == 0, "\(outcome.text.suffix(12_000))")
            #expect(outcome.output.contains("a valid OpenAPI 3.1"))
            #expect(outcome.output.contains("user:admin is still let in"), "it was signed in to the end")
            #expect(server.process.status == nil, "the server still runs")
        }
    }
}
