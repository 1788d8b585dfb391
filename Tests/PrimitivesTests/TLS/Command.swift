import Foundation
import TestSupport

/// Another program, run to its end without blocking a thread of the test's pool.
struct Command {
    /// What it left.
    struct Result: CustomStringConvertible {
        let status: Int32
        let output: String
        let errors: String
        /// Both streams, for programs that mix them.
        var description: String { "status \(status)\n\(output)\n\(errors)" }
    }

    /// The program (looked up in `PATH`) and its arguments.
    var line: [String]
    /// What it reads.
    var input = ""
    /// Variables added to the environment.
    var environment: [String: String] = [:]
    /// Where it starts.
    var folder: String?

    init(_ line: String...) { self.line = line }
    init(_ line: [String]) { self.line = line }

    /// Runs it, for at most a minute.
    func run() async throws -> Result {
        let outcome = try await SpawnedTool.run(
            "/usr/bin/env", ["timeout", "-k", "1", "60"] + line, environment: environment, input: input, directory: folder, timeout: .seconds(90))
        return Result(status: outcome.status, output: outcome.output, errors: outcome.errors)
    }

    /// This test bundle again, running only the tests that `filter` names.
    static func thisBundle(filter: String, after wrapper: [String] = []) throws -> Command {
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return Command(wrapper + [bundle, "--testing-library", "swift-testing", "--filter", filter])
    }
}
