import ArgumentParser
import Primitives

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Create, list, rotate, suspend, import, export, destroy keys.",
        subcommands: [
            List.self, Create.self, Show.self, Update.self, Rotate.self, SetState.self, Suspend.self, Resume.self, Destroy.self,
            CancelDestruction.self, Import.self, Export.self, PublicKey.self, Delete.self,
        ])

    /// What a key looks like in a list.
    static let columns = [
        Column("NAME", "name"), Column("ID", "id"), Column("PURPOSE", "purpose"), Column("ALGORITHM", "algorithm"),
        Column("VERSIONS", "version_count"), Column("STATE OF NEWEST", "state"), Column("CREATED", "created_at"),
    ]

    struct List: ListCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the keys.", discussion: "Example: holdfast key list --sort name --all")
        static let path = "keys"
        static let columns = KeyCommand.columns
        static let empty = "No keys. Make one: holdfast key create NAME"
        @OptionGroup var options: ListOptions
        @Option(name: .long, help: "Only those with this purpose.") var purpose: String?
        @Option(name: .long, help: "Only those of this key source.") var source: String?
        @Option(name: .long, help: ArgumentHelp("Only those with this label.", valueName: "name=value")) var label: String?
        @Option(name: .long, help: "Only those whose newest version is in this state.") var state: String?
        @Option(name: .long, help: ArgumentHelp("Only those that expire before this moment.", valueName: "time")) var expiresBefore: String?

        var filters: [(String, String?)] {
            let pair = label.map { $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).joined(separator: ":") }
            return [("purpose", purpose), ("source", source), ("state", state), ("label", pair), ("expires_before", expiresBefore)]
        }
    }

    struct Create: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Create a key with its first version.",
            discussion: "Example: holdfast key create disk-encryption --label team=storage")
        @OptionGroup var options: CreateOptions
        @Argument(help: "A name for people; unique.") var name: String
        @Option(name: .long, help: "What it is for; wrap by default.") var purpose: String?
        @Option(name: .long, help: "AES-256 by default.") var algorithm: String?
        @Option(name: .long, help: "The key source that holds it; embedded by default (see `key-source list`).") var source: String?
        @Option(name: .long, help: "A sentence for people.") var description: String?
        @Option(name: .long, help: ArgumentHelp("A label; may be repeated.", valueName: "name=value")) var label: [String] = []
        @Option(name: .long, help: ArgumentHelp("When it expires, as 2027-01-31T00:00:00Z.", valueName: "time")) var expiresAt: String?
        @OptionGroup var export: ExportOption

        func run(_ api: APIClient) async throws {
            let policy = try await export.policyID(api)
            let body = APIBody.json([
                "exportable": .given(export.exportable), "export_policy_id": .given(policy), "name": .string(name), "purpose": .given(purpose), "algorithm": .given(algorithm), "source": .given(source),
                "description": .given(description), "labels": try Labels.document(label), "expires_at": .given(expiresAt),
            ])
            if let reply = try await api.create("keys", options, body: body) { KeyOutput.show(reply, api) }
        }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show a key with its versions.", discussion: "Example: holdfast key show disk-encryption")
        @OptionGroup var options: ReadOptions
        @Argument(help: "Name or id.") var key: String

        func run(_ api: APIClient) async throws {
            KeyOutput.show(try await api.send("GET", Collection.keys.thing(try await api.id(key, in: .keys))), api)
        }
    }

    struct Update: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "update", abstract: "Change a key's name, description, labels, expiry.",
            discussion: "Example: holdfast key update disk-encryption --label team=storage --expires-at none")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var key: String
        @Option(name: .long, help: "Another name.") var name: String?
        @Option(name: .long, help: "A sentence for people.") var description: String?
        @Option(name: .long, help: ArgumentHelp("A label, which replaces those that it has; may be repeated.", valueName: "name=value"))
        var label: [String] = []
        @Flag(name: .long, help: "Take all labels away.") var noLabels = false
        @Option(name: .long, help: ArgumentHelp("When it expires, or none.", valueName: "time")) var expiresAt: String?

        func run(_ api: APIClient) async throws {
            let body = APIBody.json([
                "name": .given(name), "description": .given(description), "labels": noLabels ? .object([]) : try Labels.document(label),
                "expires_at": expiresAt.map { $0 == "none" ? .null : .string($0) },
            ])
            let path = Collection.keys.thing(try await api.id(key, in: .keys))
            if let reply = try await api.change("PATCH", path, options, body: body) { KeyOutput.show(reply, api) }
        }
    }

    struct Delete: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a key all of whose versions are destroyed.",
            discussion: "Example: holdfast key delete old-key --yes")
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var key: String

        func run(_ api: APIClient) async throws {
            try confirmation.require("the key “\(key)” and its history would be gone for good")
            let path = Collection.keys.thing(try await api.id(key, in: .keys))
            guard let reply = try await api.change("DELETE", path, options) else { return }
            api.tell(reply, "\(key) is deleted", dryRun: options.dryRun)
        }
    }
}

/// Whether a key's material may ever leave.
struct ExportOption: ParsableArguments {
    @Flag(name: .long, help: "Its material may be exported, wrapped, if a policy permits it; this never changes.") var exportable = false
    @Option(name: .long, help: "The policy that says who may export it, by name or id.") var exportPolicy: String?

    func policyID(_ api: APIClient) async throws -> String? {
        guard let exportPolicy else { return nil }
        return try await api.id(exportPolicy, in: .policies)
    }
}

struct KeySourceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key-source", abstract: "Show where key material can be held.", subcommands: [List.self])

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the key sources.", discussion: "Example: holdfast key-source list")
        @OptionGroup var options: ReadOptions

        func run(_ api: APIClient) async throws {
            let columns = [
                Column("ID", "id"), Column("KIND", "kind"), Column("LOCAL", "local"), Column("IMPORTS", "imports"), Column("HEALTH", "health"),
                Column("DETAIL", "detail"),
            ]
            api.show(table: columns, of: try await api.send("GET", "key-sources"), empty: "No key sources.")
        }
    }
}

/// A key as people see it.
enum KeyOutput {
    static func show(_ reply: APIReply, _ api: APIClient) {
        let key = reply.document
        guard !api.asJSON, key["versions"]?.array != nil else { return api.show(reply) }
        print(["name", "id", "purpose", "algorithm"].map { Cell.text(key[$0]) }.joined(separator: "  ") + "  source \(Cell.text(key["source"]))")
        let more = (key.object ?? []).filter { member in
            !["name", "id", "purpose", "algorithm", "source", "versions", "version_count"].contains(member.name) && Cell.text(member.value) != "-"
        }
        if !more.isEmpty { print(Details.text(.object(more))) }
        let columns = [
            Column("VERSION", "number"), Column("STATE", "state"), Column("CREATED", "created_at"), Column("DESTROYED AT", "destroy_at"),
        ]
        var table = Table(columns.map(\.heading))
        for version in key["versions"]?.array ?? [] { table.add(columns.map { $0.cell(version) }) }
        table.print(whenEmpty: "No versions.")
    }
}

/// `name=value`, as often as given.
enum Labels {
    static func document(_ labels: [String]) throws -> JSONValue? {
        guard !labels.isEmpty else { return nil }
        return .object(try labels.map { label in
            guard let mark = label.firstIndex(of: "="), mark > label.startIndex else {
                throw UsageFailure("--label: expected name=value, found “\(label)”")
            }
            return (name: String(label[..<mark]), value: .string(String(label[label.index(after: mark)...])))
        })
    }
}
