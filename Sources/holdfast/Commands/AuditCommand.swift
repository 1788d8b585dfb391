import ArgumentParser
import Foundation
import KeyCore
import Primitives

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Read and verify the audit journal.", subcommands: [Tail.self, Verify.self])

    struct Tail: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tail", abstract: "Print the latest records; with --follow also those that come.",
            discussion: "Example: holdfast audit tail --event ekm. --outcome refused --data ./data")
        @OptionGroup var data: DataOption
        @OptionGroup var output: OutputOption
        @Option(name: [.customShort("n"), .long], help: "How many records.") var count = 20
        @Flag(name: .shortAndLong, help: "Go on until interrupted.") var follow = false
        @Option(name: .long, help: "Only events that begin so, as ekm. or ekm.unwrap.") var event: String?
        @Option(name: .long, help: "Only this outcome: allowed, refused or failed.") var outcome: String?

        func run() async throws {
            let folder = try data.folder
            let path = folder.file(try folder.configuration().audit.folder)
            var filter = AuditFilter()
            filter.eventPrefix = event
            if let outcome { filter.members["outcome"] = outcome }
            let latest = try AuditReader(folder: path).last(max(0, count), where: filter)
            for entry in latest { show(entry) }
            guard follow else { return }
            for try await entry in AuditTail(try AuditFollower(endOf: path), where: filter) { show(entry) }
        }

        private func show(_ entry: AuditEntry) {
            guard !output.json else { return print(String(decoding: entry.line, as: UTF8.self)) }
            let version = entry.fields["key_version"]?.integer.map { "v\($0)" }
            let parts = [
                entry["time"], entry.event, entry["outcome"], entry["cause"], entry.fields["status"]?.integer.map(String.init),
                entry["principal"] ?? entry["actor"], entry["endpoint_name"] ?? entry["target"], version, entry["justification"],
                entry["resource"], entry.fields["latency_us"]?.integer.map { "\($0)µs" },
            ]
            print(parts.compactMap(\.self).joined(separator: "  "))
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify", abstract: "Check the whole journal: order, hash chain, signatures, anchor.",
            discussion: "Exit status 1 if anything was changed, removed or added.")
        @OptionGroup var data: DataOption

        func run() async throws {
            let installation = try data.folder.open()
            let report = try AuditComposition.verifier(installation).verify()
            var table = Table("NODE", "SEGMENTS", "RECORDS", "CHECKPOINTS", "SIGNED THROUGH", "FINDING")
            for node in report.nodes {
                table.add(
                    node.node.description, "\(node.segments)", "\(node.records)", "\(node.checkpoints)", "\(node.coveredThrough)",
                    node.finding?.description ?? "intact")
            }
            table.print(whenEmpty: "The journal is empty.")
            guard report.isIntact else { throw ExitCode.failure }
        }
    }
}
