import ArgumentParser
import Primitives

struct SettingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "Show and change the settings that need no restart.", subcommands: [Show.self, Set.self])

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show all settings.", discussion: "Example: holdfast settings show --json")
        @OptionGroup var options: ReadOptions

        func run(_ api: APIClient) async throws { api.show(try await api.send("GET", "settings")) }
    }

    struct Set: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Change settings.",
            discussion: """
                Values are JSON where they read as such, otherwise text; null is what holdfast.yaml says. Dots lead into objects, so
                names that hold dots (dns_hosts) and secrets (proxy_credentials) are given in a document, with --file.

                Example: holdfast settings set log_level=debug proxy_url=http://proxy.example.com:3128
                """)
        @OptionGroup var options: ChangeOptions
        @Argument(help: "name=value, as often as you like.") var settings: [String] = []
        @Option(name: .long, help: ArgumentHelp("A JSON document with the changes; - for standard input.", valueName: "file")) var file: String?

        func validate() throws {
            guard settings.isEmpty != (file == nil) else { throw ValidationError("expected name=value, or --file FILE") }
            guard !settings.contains(where: { $0.hasPrefix("proxy_credentials") }) else {
                throw ValidationError("proxy_credentials: a secret is never given on the command line; give a document with --file (- for standard input)")
            }
        }

        func run(_ api: APIClient) async throws {
            let body = try file.map(APIBody.file) ?? .json(try Assignments.document(settings))
            if let reply = try await api.change("PATCH", "settings", options, body: body) { api.show(reply) }
        }
    }
}

/// `name.part=value` as a document.
enum Assignments {
    static func document(_ texts: [String]) throws -> JSONValue {
        var document = JSONValue.object([])
        for text in texts {
            guard let mark = text.firstIndex(of: "="), mark > text.startIndex else { throw UsageFailure("expected name=value, found “\(text)”") }
            let value = String(text[text.index(after: mark)...])
            let path = text[..<mark].split(separator: ".").map(String.init)
            document = set((try? JSONValue(parsing: Array(value.utf8))) ?? .string(value), at: path[...], in: document)
        }
        return document
    }

    private static func set(_ value: JSONValue, at path: ArraySlice<String>, in document: JSONValue) -> JSONValue {
        guard let name = path.first else { return value }
        var members = document.object ?? []
        let inner = set(value, at: path.dropFirst(), in: members.first { $0.name == name }?.value ?? .object([]))
        if let index = members.firstIndex(where: { $0.name == name }) { members[index].value = inner } else { members.append((name: name, value: inner)) }
        return .object(members)
    }
}

struct AlertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alert", abstract: "Show and acknowledge alerts, and say when and where they go.",
        subcommands: [List.self, Acknowledge.self, Settings.self, Test.self])

    struct List: ListCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the alerts.", discussion: "Example: holdfast alert list")
        static let path = "alerts"
        static let columns = [
            Column("ID", "id"), Column("SINCE", "since"), Column("SEVERITY", "severity"), Column("KIND", "kind"), Column("STATE", "state"),
            Column("SUBJECT", "subject"), Column("DETAIL", "detail"),
        ]
        static let empty = "No alerts."
        @OptionGroup var options: ListOptions
        @Option(name: .long, help: "Only those in this state: firing, acknowledged, resolved, or open for the first two.") var state: String?
        @Option(name: .long, help: "Only those of this kind.") var kind: String?
        @Option(name: .long, help: "Only those that are so bad.") var severity: String?
        var filters: [(String, String?)] { [("state", state), ("kind", kind), ("severity", severity)] }
    }

    struct Acknowledge: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "acknowledge", abstract: "Say that somebody takes care of an alert.", discussion: "Example: holdfast alert acknowledge ID")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "The alert's id.") var alert: String

        func run(_ api: APIClient) async throws {
            if let reply = try await api.change("POST", "alerts/\(alert)/acknowledge", options) { api.tell(reply, "acknowledged", dryRun: options.dryRun) }
        }
    }

    struct Settings: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "settings", abstract: "Show or replace thresholds and webhooks.",
            discussion: "Example: holdfast alert settings --json > alerts.json; holdfast alert settings --set alerts.json")
        @OptionGroup var options: ChangeOptions
        @Option(name: .long, help: ArgumentHelp("A JSON document; - for standard input.", valueName: "file")) var set: String?

        func run(_ api: APIClient) async throws {
            guard let set else { return api.show(try await api.send("GET", "alert-settings")) }
            if let reply = try await api.change("PUT", "alert-settings", options, body: try .file(set)) { api.show(reply) }
        }
    }

    struct Test: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Send a test to the webhook, and say what came of it.", discussion: "Example: holdfast alert test")
        @OptionGroup var options: ReadOptions

        func run(_ api: APIClient) async throws {
            let reply = try await api.send("POST", "alert-settings/test")
            api.show(reply)
            if reply.document["delivered"]?.bool == false { throw ExitCode.failure }
        }
    }
}

struct HealthCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Show how the server and each of its parts is.",
        discussion: """
            Exit status 1 if any part is failing.

            Example: holdfast health --json
            """)
    @OptionGroup var options: ReadOptions

    func run(_ api: APIClient) async throws {
        let reply = try await api.send("GET", "health")
        api.show(reply)
        if reply.document["status"]?.string == "failing" { throw ExitCode.failure }
    }
}
