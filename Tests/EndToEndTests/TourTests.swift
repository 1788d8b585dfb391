import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("The tour: from an empty folder to a key that survives a crash")
    struct TourTests {
        @Test("what init made serves as it is: doctor is content, curl wraps and unwraps, and after kill -9 the old blob still opens")
        func tour() async throws {
            let installation = try await SpawnedInstallation.demo(nil)
            let server = try await installation.serve()
            let doctor = try await installation.run("doctor")
            #expect(doctor.status == 0, "\(doctor.text)")
            let secret = try RandomBytes.generate(32)
            let blob = try await curl("wrap", "plaintext", secret, answer: "wrappedBlob", installation)
            #expect(blob.starts(with: [0x48, 0x46, 0x01]))
            #expect(keyVersion(of: blob) == 1)
            #expect(try await curl("unwrap", "wrappedBlob", blob, answer: "plaintext", installation) == secret)

            try await server.crash()
            #expect(installation.folder.contains("data/server.json"), "nobody could clean up")
            let again = try await installation.serve()
            #expect(try await curl("unwrap", "wrappedBlob", blob, answer: "plaintext", installation) == secret)
            #expect(try await again.stop() == 0)
        }

        @Test("doctor names each thing it looked at, and what to do about the one that is wrong")
        func doctor() async throws {
            let demo = try await RunningDemo()
            let well = try await demo.installation.run("doctor")
            #expect(well.status == 0, "\(well.text)")
            for check in [
                "configuration", "database and root key", "disk", "locked memory", "clock", "certificates", "audit journal", "server runs",
                "management API", "management socket", "endpoint", "token", "TLS and readiness", "wrap", "unwrap",
            ] {
                #expect(well.lines.contains { $0.hasPrefix("ok    \(check) ") }, "\(check): \(well.output)")
            }
            #expect(well.lines.last == "All is well.")
            #expect(!well.output.contains("eyJ"), "doctor prints no token")

            try await demo.server.stop()
            let stopped = try await demo.installation.run("doctor")
            #expect(stopped.status == 1)
            #expect(stopped.output.contains("no server runs on this data folder: start it with holdfast serve --data \(demo.installation.data)"))
            #expect(stopped.lines.last == "1 of 8 checks failed.")
        }

        @Test("doctor notices a server that is gone without saying goodbye")
        func doctorAfterCrash() async throws {
            let demo = try await RunningDemo()
            try await demo.server.crash()
            let doctor = try await demo.installation.run("doctor")
            #expect(doctor.status == 1)
            #expect(doctor.output.contains("is gone without saying goodbye"))
        }

        @Test("the tour of README.md, run as it stands: sign in, key, issuer, policy, endpoint, call, pause, audit, back up, wipe, restore, and the old blob opens")
        func readme() async throws {
            let (told, errors, _) = try await TourTests.run("## A tour in ten minutes")
            let lines = told.split(separator: "\n").map(String.init)
            #expect(lines.filter { $0 == #"{"plaintext":"c2VjcmV0"}"# }.count == 2, "before and after: \(told)\(errors)")
            for sentence in [
                "Signed in as admin", "The password is changed", "user:admin", "policy.yaml: valid", "disk is paused", "disk is active",
                "ekm.unwrap  refused", "intact", "disk.backup: ", "Signed out.",
            ] {
                #expect(told.contains(sentence), "\(sentence): \(told)\(errors)")
            }
            #expect(lines.contains { $0.contains(#""code":7,"#) } && lines.contains { $0.contains(#""code":14,"#) }, "\(told)")
        }

        @Test("the Workspace administrator's tour of README.md, run as it stands: endpoint, check, wrap, refusal, rotation, a mail key, archive and back")
        func workspace() async throws {
            let (told, errors, folder) = try await TourTests.run("### A tour for a Workspace administrator")
            let lines = told.split(separator: "\n").map(String.init)
            #expect(lines.count { $0 == #"{"key":"c2VjcmV0"}"# } == 3, "\(told)\(errors)\(folder.text("work/workspace/log.txt").suffix(2000))")
            #expect(lines.count { $0.contains(#""code":403"#) } == 2, "\(told)")
            #expect(!told.contains("FAILED") && told.contains("preflight.methods"), "\(told)")
            for sentence in ["For the Admin console", "1 of 1 keys are in wrapped", "ann@lab.invalid.wrap", "hq is archived", "hq is active", "kacls.unwrap"] {
                #expect(told.contains(sentence), "\(sentence): \(told)\(errors)")
            }
        }

        @Test("the Salesforce administrator's tour of README.md, run as it stands: endpoint, kid, callout check, refusal, rotation, kill switch, log")
        func salesforce() async throws {
            let (told, errors, folder) = try await TourTests.run("### A tour for a Salesforce administrator")
            let lines = told.split(separator: "\n").map(String.init)
            let log = folder.text("work/salesforce/log.txt").suffix(2000)
            #expect(lines.count { $0.hasPrefix("SUCCESS  a key of 256 bits") } == 4, "\(told)\(errors)\(log)")
            let keys = lines.filter { $0.hasPrefix("SHA-256 of the key") }
            #expect(keys.count == 4 && keys[0] == keys[2] && keys[0] == keys[3] && keys[0] != keys[1], "\(keys)")
            for sentence in [
                "With an external credential:", "AUTHENTICATION_FAILURE_RESPONSE  status 401", "as it should be", "DESTROY_HTTP_CODE  status 404",
                "gone, until", "basic-mismatch", "identifier-disabled",
            ] {
                #expect(told.contains(sentence), "\(sentence): \(told)\(errors)")
            }
        }

        /// Runs the commands below a heading in a folder of their own; they must end well.
        private static func run(_ heading: String) async throws -> (output: String, errors: String, folder: SpawnedFolder) {
            let folder = try SpawnedFolder()
            try FileManager.default.createSymbolicLink(
                atPath: try folder.makeFolder("bin") + "/holdfast", withDestinationPath: try SpawnedInstallation.program)
            let path = "\(folder.file("bin")):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"
            let script = try folder.write("tour.sh", "trap 'kill $server 2> /dev/null' EXIT\n" + commands(of: heading))
            let process = try SpawnedProcess(
                try SpawnedTool.bash.path, [script], environment: ["PATH": path], directory: try folder.makeFolder("work"))
            let status = try await process.wait(.seconds(180))
            #expect(status == 0 && process.errors.range(of: "Error") == nil, "\(process.output)\(process.errors)")
            return (process.output, process.errors, folder)
        }

        /// The first block of commands below a heading of README.md.
        private static func commands(of heading: String) throws -> String {
            let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            let text = try String(contentsOf: source.appendingPathComponent("../../README.md"), encoding: .utf8)
            let section = try #require(text.components(separatedBy: "\n\(heading)\n").dropFirst().first, "README.md has no “\(heading)”")
            return try #require(section.components(separatedBy: "```sh\n").dropFirst().first?.components(separatedBy: "\n```").first) + "\n"
        }

        private func curl(
            _ method: String, _ field: String, _ value: [UInt8], answer: String, _ installation: SpawnedInstallation
        ) async throws -> [UInt8] {
            let token = try await installation.succeed("token", "mint")
            let outcome = try await SpawnedTool.curl.run([
                "--silent", "--show-error", "--fail-with-body", "--cacert", try installation.demo("caFile"), "-H", "Authorization: Bearer \(token)",
                "-H", "Content-Type: application/json", "-d", SpawnedCaller.body(field, value), "\(try installation.demo("keyURI")):\(method)",
            ])
            #expect(outcome.status == 0, "\(outcome.text)")
            let text = try JSONValue(parsing: Array(outcome.output.utf8))[answer]?.string
            return try Base64.decodeLenient(Array(try #require(text).utf8)[...])
        }
    }
}
