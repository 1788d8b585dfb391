import Foundation

/// A program of the system that tests use. One that is missing is an error, so that no test passes by not running.
package enum SpawnedTool: String, Sendable {
    case curl, openssl, h2load, python3, strace, sh, bash

    /// What a program left behind.
    package struct Outcome: Sendable {
        /// The exit status, or minus the number of the signal that ended it.
        package let status: Int32
        package let output: String
        package let errors: String
        /// Output and errors together, for messages of failed expectations.
        package var text: String { output + errors }
        /// The lines of the output that aren't empty.
        package var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    /// Where it is.
    /// - Throws: which package to install.
    package var path: String {
        get throws {
            let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
            guard let folder = folders.first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/\(rawValue)") }) else {
                throw SpawnedTimeout("\(rawValue) is missing: apt-get install \(self == .h2load ? "nghttp2-client" : rawValue)")
            }
            return "\(folder)/\(rawValue)"
        }
    }

    /// Runs it to its end.
    package func run(
        _ arguments: [String], input: String = "", directory: String? = nil, timeout: Duration = .seconds(60)
    ) async throws -> Outcome {
        try await SpawnedTool.run(try path, arguments, input: input, directory: directory, timeout: timeout)
    }

    /// Starts it, to go on beside the test.
    package func start(_ arguments: [String]) throws -> SpawnedProcess { try SpawnedProcess(try path, arguments) }

    /// Runs a program to its end.
    package static func run(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:], input: String = "", directory: String? = nil,
        timeout: Duration = .seconds(60)
    ) async throws -> Outcome {
        let process = try SpawnedProcess(executable, arguments, environment: environment, directory: directory, input: input)
        let status = try await process.wait(timeout)
        return Outcome(status: status, output: process.output, errors: process.errors)
    }
}
