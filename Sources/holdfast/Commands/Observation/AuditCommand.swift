import ArgumentParser
import Foundation
import KeyCore
import Management
import Primitives

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Read, search, export and verify the audit journal.",
        subcommands: [Tail.self, Search.self, Export.self, Verify.self, Statistics.self])

    struct Tail: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tail", abstract: "Print the latest records; with --follow also those that come.",
            discussion: """
                Reads the journal itself if the data folder is on this machine and no server runs, or with --offline; otherwise it
                asks the server.

                Example: holdfast audit tail --event ekm. --outcome refused
                """)
        @OptionGroup var options: ReadOptions
        @OptionGroup var place: OfflineOption
        @Option(name: [.customShort("n"), .long], help: "How many records.") var count = 20
        @Flag(name: .shortAndLong, help: "Go on until interrupted.") var follow = false
        @Option(name: .long, help: "Only events that begin so, as ekm. or ekm.unwrap.") var event: String?
        @Option(name: .long, help: "Only this outcome: begun, allowed, refused or failed.") var outcome: String?

        func run() async throws {
            if let folder = try place.folder(options.server) { return try await read(folder) }
            let api = APIClient(try APIServer.find(options.server), asJSON: options.output.json)
            try await AuditTailing(event: event, outcome: outcome).run(api, count: count, follow: follow)
        }

        private func read(_ folder: DataFolder) async throws {
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
            let line = String(decoding: entry.line, as: UTF8.self)
            guard !options.output.json, let record = try? JSONValue(parsing: entry.line) else { return print(line) }
            print(AuditOutput.line(record))
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify", abstract: "Check the whole journal: order, hash chain, signatures, anchor.",
            discussion: """
                Exit status 1 if anything was changed, removed or added. Checks the journal itself if the data folder is on this
                machine and no server runs, or with --offline (which needs the root key); otherwise the server does it.

                Example: holdfast audit verify
                """)
        @OptionGroup var options: ReadOptions
        @OptionGroup var place: OfflineOption

        func run() async throws {
            guard let folder = try place.folder(options.server) else {
                let api = APIClient(try APIServer.find(options.server), asJSON: options.output.json)
                return try await AuditOutput.show(verification: api.send("POST", "audit/verify"), api)
            }
            let report = try AuditComposition.verifier(try folder.open()).verify()
            guard !options.output.json else {
                print(String(decoding: report.document.json, as: UTF8.self))
                guard report.isIntact else { throw ExitCode.failure }
                return
            }
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

    struct Search: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "search", abstract: "Search the records.",
            discussion: "Example: holdfast audit search --event ekm.unwrap --outcome refused --since 2026-01-01T00:00:00Z --all")
        @OptionGroup var options: ListOptions
        @OptionGroup var query: AuditQuery

        func run(_ api: APIClient) async throws {
            let document = try await api.list(
                "audit", query: try await query.parameters(api) + [("sort", options.sort)], limit: options.all ? nil : options.limit)
            guard !api.asJSON else { return print(String(decoding: document.json, as: UTF8.self)) }
            let items = document["items"]?.array ?? []
            for item in items { print(AuditOutput.line(item)) }
            if items.isEmpty { print("Nothing was found.") }
            if document["next_cursor"]?.string != nil { Note.print("\(items.count) of \(document["total"]?.integer ?? 0) are shown; --all shows all.") }
        }
    }

    struct Export: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Write records to a file, as JSON Lines or CSV.",
            discussion: "Example: holdfast audit export --format csv --since 2026-01-01T00:00:00Z --out january.csv")
        @OptionGroup var options: ReadOptions
        @OptionGroup var query: AuditQuery
        @Option(name: .long, help: "jsonl or csv.") var format = "jsonl"
        @Option(name: .long, help: "The file to write; standard output by default.") var out: String?

        func run(_ api: APIClient) async throws {
            try await api.download("audit/export", query: try await query.parameters(api) + [("format", format)], to: out, what: format)
        }
    }

    struct Statistics: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "statistics", abstract: "Count records by event, outcome, endpoint, user and resource.",
            discussion: "Example: holdfast audit statistics --since 2026-01-01T00:00:00Z")
        @OptionGroup var options: ReadOptions
        @OptionGroup var query: AuditQuery
        @Option(name: .long, help: "The length of a bar: hour or day.") var interval: String?
        @Option(name: .long, help: "How many values of each kind at most.") var top: Int?

        func run(_ api: APIClient) async throws {
            let own: [(String, String?)] = [("interval", interval), ("top", top.map { "\($0)" })]
            api.show(try await api.send("GET", "audit/statistics", query: try await query.parameters(api) + own))
        }
    }
}

/// Which records are meant.
struct AuditQuery: ParsableArguments {
    @Option(name: .long, help: "Only events that begin so, as ekm. or ekm.unwrap.") var event: String?
    @Option(name: .long, help: "Only this outcome: begun, allowed, refused or failed.") var outcome: String?
    @Option(name: .long, help: "Only acts of this administrator, as user:alice.") var actor: String?
    @Option(name: .long, help: "Only calls of this user or cloud service, by e-mail address or subject.") var principal: String?
    @Option(name: .long, help: "Only what was done with this resource, as the name of a document.") var resource: String?
    @Option(name: .long, help: "Only this cause.") var cause: String?
    @Option(name: .long, help: "Only the record of this request's id.") var request: String?
    @Option(name: .long, help: "Somewhere in the record's texts.") var text: String?
    @Option(name: .long, help: "Only what this key was used for, by name or id.") var key: String?
    @Option(name: .long, help: "Only what came to this endpoint, by name or id.") var endpoint: String?
    @Option(name: .long, help: ArgumentHelp("From this moment on, as 2026-01-31T00:00:00Z.", valueName: "time")) var since: String?
    @Option(name: .long, help: ArgumentHelp("Before this moment.", valueName: "time")) var until: String?

    func parameters(_ api: APIClient) async throws -> [(String, String?)] {
        var (keyID, endpointID): (String?, String?)
        if let key { keyID = try await api.id(key, in: .keys) }
        if let endpoint { endpointID = try await api.id(endpoint, in: .endpoints) }
        return [
            ("event", event), ("outcome", outcome), ("actor", actor), ("principal", principal), ("resource", resource), ("cause", cause), ("request_id", request),
            ("text", text), ("key_id", keyID), ("endpoint_id", endpointID), ("since", since), ("until", until),
        ]
    }
}

/// `--offline`, for what can be read from the data folder without a server.
struct OfflineOption: ParsableArguments {
    @Flag(name: .long, help: "Read the data folder itself, also while a server runs.") var offline = false

    /// The data folder, if it is to be read without a server.
    func folder(_ server: ServerOption) throws -> DataFolder? {
        guard let folder = server.localFolder() else {
            guard !offline else { throw UsageFailure("--offline: expected the data folder: give --data DIR or set HOLDFAST_DATA") }
            return nil
        }
        return offline || !folder.hasRunningServer ? folder : nil
    }
}

extension DataFolder {
    /// Whether a server says that it runs here, and is still there.
    var hasRunningServer: Bool {
        guard let content = FileManager.default.contents(atPath: serverPath), let pid = (try? JSONValue(parsing: Array(content)))?["pid"]?.integer
        else { return false }
        return kill(pid_t(pid), 0) == 0 || errno == EPERM
    }
}

/// Records as people see them.
enum AuditOutput {
    static func line(_ record: JSONValue) -> String {
        func text(_ name: String) -> String? { record[name].flatMap { $0 == .null ? nil : Cell.text($0) } }
        let parts = [
            text("time"), text("event"), text("outcome"), text("cause"), text("status"), text("principal") ?? text("actor"),
            text("endpoint_name") ?? text("target"), text("key_version").map { "v\($0)" }, text("justification"), text("resource"),
            text("latency_us").map { "\($0)µs" },
        ]
        return parts.compactMap(\.self).joined(separator: "  ").replacing("\n", with: " ")
    }

    static func show(verification reply: APIReply, _ api: APIClient) throws {
        let report = reply.document
        if api.asJSON { api.show(reply) } else {
            let columns = [
                Column("NODE", "node"), Column("SEGMENTS", "segments"), Column("RECORDS", "records"), Column("CHECKPOINTS", "checkpoints"),
                Column("SIGNED THROUGH", "signed_through"), Column("FINDING", "finding.meaning"),
            ]
            var table = Table(columns.map(\.heading))
            for node in report["nodes"]?.array ?? [] {
                table.add(columns.map { $0.heading == "FINDING" && (node["finding"] ?? .null) == .null ? "intact" : $0.cell(node) })
            }
            table.print(whenEmpty: "The journal is empty.")
        }
        guard report["is_intact"]?.bool == true else { throw ExitCode.failure }
    }
}

/// The latest records, asked of the server.
struct AuditTailing {
    let event: String?
    let outcome: String?

    /// Prints them, oldest first, and with `follow` those that come.
    func run(_ api: APIClient, count: Int, follow: Bool) async throws {
        let filters: [(String, String?)] = [("event", event), ("outcome", outcome)]
        var (seen, since) = (Set<String>(), String?.none)
        var isFirst = true
        while true {
            // From the last one on, however many have come since.
            let wanted: Int? = since == nil ? (isFirst ? max(1, count) : 200) : nil
            let items = try await api.list("audit", query: filters + [("since", since)], limit: wanted)["items"]?.array ?? []
            let known = seen
            seen = Set(items.map(AuditTailing.identity))
            for item in items.reversed() where !known.contains(AuditTailing.identity(item)) && (!isFirst || count > 0) {
                print(api.asJSON ? String(decoding: item.json, as: UTF8.self) : AuditOutput.line(item))
            }
            guard follow else { return }
            if let newest = items.first?["time"]?.string { since = newest }
            isFirst = false
            try await Task.sleep(for: .seconds(1))
        }
    }

    private static func identity(_ item: JSONValue) -> String { "\(Cell.text(item["node"])) \(Cell.text(item["seq"]))" }
}
