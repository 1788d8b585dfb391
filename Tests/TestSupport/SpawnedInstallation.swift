import Foundation
package import Primitives

/// A data folder of its own, made by the built `holdfast` program, with everything that the program is asked to do there.
package final class SpawnedInstallation: Sendable {
    /// Holds `data`, and whatever a test adds.
    package let folder: SpawnedFolder
    /// The data folder.
    package var data: String { folder.file("data") }

    /// The built program, which stands beside the test bundle.
    package static var program: String {
        get throws {
            let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            let folders = [bundle, CommandLine.arguments[0]].map { ($0 as NSString).deletingLastPathComponent }
            guard let program = folders.map({ "\($0)/holdfast" }).first(where: FileManager.default.isExecutableFile) else {
                throw SpawnedTimeout("the program holdfast was not found in any of \(folders): build it first")
            }
            return program
        }
    }

    /// A folder without an installation.
    package init() throws { folder = try SpawnedFolder() }

    /// `init --demo`, then the configuration given; nil leaves the one that `init` wrote.
    package static func demo(_ configuration: SpawnedConfiguration? = SpawnedConfiguration()) async throws -> SpawnedInstallation {
        let installation = try SpawnedInstallation()
        try await installation.succeed("init", "--demo", "--listen", "127.0.0.1:0")
        if let configuration { try installation.configure(configuration) }
        return installation
    }

    /// Replaces holdfast.yaml.
    package func configure(_ configuration: SpawnedConfiguration) throws { try folder.write("data/holdfast.yaml", configuration.text) }

    /// Runs a command with `--data`.
    package func run(_ arguments: String...) async throws -> SpawnedTool.Outcome {
        try await SpawnedInstallation.run(arguments + ["--data", data])
    }

    /// Runs a command that must succeed, and gives its output without the line end.
    @discardableResult package func succeed(_ arguments: String...) async throws -> String {
        let outcome = try await SpawnedInstallation.run(arguments + ["--data", data])
        guard outcome.status == 0 else { throw SpawnedTimeout("holdfast \(arguments) ended with \(outcome.status): \(outcome.text)") }
        return outcome.output.trimmingCharacters(in: .newlines)
    }

    /// Runs the program with exactly these arguments.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:], directory: String? = nil
    ) async throws -> SpawnedTool.Outcome {
        try await SpawnedTool.run(try program, arguments, environment: environment, directory: directory)
    }

    /// Starts the server and waits until it answers.
    /// - Parameters:
    ///   - environment: variables of its own.
    ///   - directory: where it works.
    package func serve(environment: [String: String] = [:], directory: String? = nil) async throws -> SpawnedServer {
        try await SpawnedServer(self, environment: environment, directory: directory)
    }

    /// A caller with a fresh token of the demo's issuer; the server must be running.
    package func caller() async throws -> SpawnedCaller {
        SpawnedCaller(
            keyURI: try demo("keyURI"), authority: try demo("caFile"), token: try await succeed("token", "mint"))
    }

    /// A member of demo.json.
    package func demo(_ name: String) throws -> String {
        guard let value = try JSONValue(parsing: folder.bytes("data/demo.json"))[name]?.string else {
            throw SpawnedTimeout("demo.json has no \(name)")
        }
        return value
    }

    /// The journal segments of the server's node, oldest first, as names in the folder.
    package var segments: [String] {
        folder.names("data/audit").filter { $0.hasPrefix("journal-node-1-") && $0.hasSuffix(".jsonl") }.map { "data/audit/\($0)" }
    }

    /// All records of the server's node.
    package func records() throws -> [JSONValue] {
        try segments.flatMap { try folder.text($0).split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) } }
    }
}

/// What holdfast.yaml says, as far as tests change it.
package struct SpawnedConfiguration: Sendable {
    /// Where it listens.
    package var listen = "127.0.0.1:0"
    /// Members of `dataPlane.limits`.
    package var limits = ["drainTimeout": "1s"]
    /// The certificate's `clientCertificates`, as `{required: file}`.
    package var clientCertificates: String?
    /// Members of `management`.
    package var management = ["listen": "\"127.0.0.1:0\""]
    /// The log's level.
    package var logLevel = "info"
    /// The journal's deadline: long, because a test machine's disk may be busy.
    package var auditDeadline = "5s"
    /// Further top-level lines.
    package var more = ""

    /// What `init --listen 127.0.0.1:0` writes, but for the deadline and the time to drain.
    package init() {}

    /// The file's text.
    package var text: String {
        var lines = [
            "dataPlane:", "  listen: \"\(listen)\"", "  certificates:", "    - serverNames: [\"localhost\"]",
            "      certificate: tls/server.pem", "      privateKey: tls/server.key",
        ]
        if let clientCertificates { lines.append("      clientCertificates: \(clientCertificates)") }
        if !limits.isEmpty { lines.append("  limits:") }
        for (name, value) in limits.sorted(by: { $0.key < $1.key }) { lines.append("    \(name): \(value)") }
        lines.append("management:")
        for (name, value) in management.sorted(by: { $0.key < $1.key }) { lines.append("  \(name): \(value)") }
        lines += ["rootKey:", "  file: root.key", "audit:", "  folder: audit", "  node: node-1", "  deadline: \(auditDeadline)"]
        lines += ["log:", "  level: \(logLevel)", more]
        return lines.joined(separator: "\n") + "\n"
    }
}
