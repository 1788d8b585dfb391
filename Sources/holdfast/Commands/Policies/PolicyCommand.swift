import ArgumentParser
import Foundation
import KeyCore
import Primitives

struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Validate, test, save, compare, simulate and roll back policies.",
        subcommands: [
            List.self, Show.self, Save.self, Validate.self, Test.self, Diff.self, Simulate.self, Rollback.self, Delete.self,
        ])

    /// Reads a policy file.
    static func read(_ path: String) throws -> AccessPolicy { try AccessPolicy(parsing: try text(path), source: path) }

    static func text(_ path: String) throws -> String {
        guard let content = FileManager.default.contents(atPath: path), content.count <= 1 << 20 else {
            throw Complaint("\(path): expected a file of at most 1 MiB that can be read")
        }
        return String(decoding: content, as: UTF8.self)
    }

    struct Validate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "validate", abstract: "Check policy files; every complaint names file, line and field.",
            discussion: """
                Needs no server.

                Example: holdfast policy validate policies/default.yaml
                """)
        @Argument(help: "Policy files: YAML or JSON, ours or CCKM's basic form.") var files: [String]

        func run() async throws {
            var complaints: [DocumentError] = []
            for file in files {
                let own = AccessPolicy.problems(in: try PolicyCommand.text(file), source: file)
                if own.isEmpty { print("\(file): valid") }
                complaints += own
            }
            guard complaints.isEmpty else { throw Complaint(complaints.map(\.description).joined(separator: "\n")) }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Run the *.test.yaml beside policy files.",
            discussion: """
                Needs no server. NAME.yaml is tested by NAME.test.yaml in the same folder. A folder stands for all policies in it.

                Example: holdfast policy test policies
                """)
        @Argument(help: "Policy files or folders.") var paths: [String]

        func run() async throws {
            var failures = 0
            var count = 0
            for path in try paths.flatMap(PolicyCommand.policies) {
                guard let test = PolicyCommand.testFile(for: path) else {
                    print("\(path): no test beside it")
                    continue
                }
                let suite = try PolicyTestSuite(parsing: try PolicyCommand.text(test), source: test)
                for result in suite.run(against: try PolicyCommand.read(path)) {
                    count += 1
                    guard !result.passed else { continue }
                    failures += 1
                    print(result.text)
                }
            }
            print("\(count - failures) passed, \(failures) failed")
            guard count > 0 else { throw Complaint("no tests were found; expected NAME.test.yaml beside NAME.yaml") }
            if failures > 0 { throw ExitCode.failure }
        }
    }

    fileprivate static func policies(_ path: String) throws -> [String] {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { throw Complaint("\(path) does not exist") }
        guard attributes[.type] as? FileAttributeType == .typeDirectory else { return [path] }
        return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
            .filter { ($0.hasSuffix(".yaml") || $0.hasSuffix(".json")) && !$0.contains(".test.") }
            .map { (path as NSString).appendingPathComponent($0) }
    }

    fileprivate static func testFile(for path: String) -> String? {
        let test = (path as NSString).deletingPathExtension + ".test.yaml"
        return FileManager.default.fileExists(atPath: test) ? test : nil
    }
}
