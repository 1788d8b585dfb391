import Foundation

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
        let scratch = ScratchFolder()
        try input.write(toFile: scratch.path("in"), atomically: false, encoding: .utf8)
        for name in ["out", "err"] { _ = FileManager.default.createFile(atPath: scratch.path(name), contents: nil) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["timeout", "-k", "1", "60"] + line
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: scratch.path("in")))
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: scratch.path("out")))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: scratch.path("err")))
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        let texts = try ["out", "err"].map { name in
            String(decoding: try Data(contentsOf: URL(fileURLWithPath: scratch.path(name))), as: UTF8.self)
        }
        return Result(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }

    /// This test bundle again, running only the tests that `filter` names.
    static func thisBundle(filter: String, after wrapper: [String] = []) throws -> Command {
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return Command(wrapper + [bundle, "--testing-library", "swift-testing", "--filter", filter])
    }
}
