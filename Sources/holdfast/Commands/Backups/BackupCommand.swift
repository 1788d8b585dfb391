import ArgumentParser
import Foundation
import Primitives

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Make, list, verify, download, upload, restore, delete backups of a running server.",
        subcommands: [
            List.self, Create.self, Show.self, Verify.self, Download.self, Upload.self, Restore.self, Delete.self, Schedule.self,
        ])

    struct List: ListCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the backups.", discussion: "Example: holdfast backup list")
        static let path = "backups"
        static let columns = [
            Column("ID", "id"), Column("CREATED", "created_at"), Column("SCOPE", "scope"), Column("BYTES", "size"), Column("STATE", "state"),
            Column("DESCRIPTION", "description"),
        ]
        static let empty = "No backups. Make one: holdfast backup create"
        @OptionGroup var options: ListOptions
    }

    struct Create: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Make a backup while the server runs, of everything or of chosen keys and endpoints.",
            discussion: """
                It is encrypted with a passphrase (asked for, or from --passphrase-file or HOLDFAST_PASSPHRASE) or to a recipient's
                public key. It holds the keys but not the root key. With --out it is downloaded at once.

                Example: holdfast backup create --passphrase-file passphrase --out monday.backup
                """)
        @OptionGroup var options: CreateOptions
        @OptionGroup var passphrase: PassphraseOption
        @Option(name: .long, help: ArgumentHelp("Encrypt to this public key (PEM) instead.", valueName: "file")) var recipient: String?
        @Option(name: .long, help: "Only this key, by name or id; may be repeated.") var key: [String] = []
        @Option(name: .long, help: "Only this endpoint, by name or id; may be repeated.") var endpoint: [String] = []
        @Option(name: .long, help: "A sentence for people.") var description: String?
        @Option(name: .long, help: ArgumentHelp("Download it to this file.", valueName: "file")) var out: String?

        func run(_ api: APIClient) async throws {
            let isSelected = !key.isEmpty || !endpoint.isEmpty
            let keys = try await api.ids(key, in: .keys)
            let endpoints = try await api.ids(endpoint, in: .endpoints)
            let body = APIBody.json([
                "scope": isSelected ? "selected" : "all", "key_ids": isSelected ? .strings(keys) : nil,
                "endpoint_ids": isSelected ? .strings(endpoints) : nil,
                "recipient_public_key": try recipient.map { .string(try InputFile.text($0)) },
                "passphrase": recipient == nil ? .string(try passphrase.read(isNew: true)) : nil, "description": .given(description),
            ])
            guard let reply = try await api.create("backups", options, body: body) else { return }
            guard let out, !options.dryRun, let id = reply.document["id"]?.string else { return api.show(reply) }
            let content = try await api.send("GET", "backups/\(id)/content")
            try OutputFile.write(content.body, to: out, what: "backup \(id)")
        }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show what is known of a backup without opening it.", discussion: "Example: holdfast backup show ID")
        @OptionGroup var options: ReadOptions
        @Argument(help: "The backup's id.") var backup: String

        func run(_ api: APIClient) async throws { api.show(try await api.send("GET", "backups/\(backup)")) }
    }

    struct Verify: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify", abstract: "Open a backup and check all of it, without restoring anything.",
            discussion: "Example: holdfast backup verify ID --passphrase-file passphrase")
        @OptionGroup var options: ReadOptions
        @OptionGroup var opening: OpeningOption
        @Argument(help: "The backup's id.") var backup: String

        func run(_ api: APIClient) async throws {
            api.show(try await api.send("POST", "backups/\(backup)/verify", body: .json(.object([try opening.member()]))))
        }
    }

    struct Download: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "download", abstract: "Fetch a backup; it stays encrypted.", discussion: "Example: holdfast backup download ID --out monday.backup")
        @OptionGroup var options: ReadOptions
        @Argument(help: "The backup's id.") var backup: String
        @Option(name: .long, help: ArgumentHelp("The file to write; - for standard output.", valueName: "file")) var out: String

        func run(_ api: APIClient) async throws {
            try OutputFile.write(try await api.send("GET", "backups/\(backup)/content").body, to: out, what: "backup \(backup)")
        }
    }

    struct Upload: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "upload", abstract: "Give the server a backup that was downloaded, here or elsewhere.",
            discussion: "Example: holdfast backup upload monday.backup")
        @OptionGroup var options: ReadOptions
        @Argument(help: "The file; - for standard input.") var file: String

        func run(_ api: APIClient) async throws {
            let bytes = try InputFile.read(file, maxBytes: 1 << 30)
            api.show(try await api.send("POST", "backups/upload", body: .bytes(bytes, type: "application/octet-stream")))
        }
    }

    struct Restore: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "restore", abstract: "Show what a backup would change; with --yes, restore it.",
            discussion: """
                Without --yes only the plan is printed. A server that can't start any more is restored from a file: holdfast restore.

                Example: holdfast backup restore ID --passphrase-file passphrase --yes
                """)
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @OptionGroup var opening: OpeningOption
        @Argument(help: "The backup's id.") var backup: String

        func run(_ api: APIClient) async throws {
            let member = try opening.member()
            let path = "backups/\(backup)/restore"
            let plan = try await api.ask("POST", path, body: .json(.object([member])))
            guard (200..<300).contains(plan.status) || plan.status == 409 else { throw APIProblem(plan, asJSON: api.asJSON) }
            guard let confirm = Restore.confirmation(in: plan.document) else {
                throw APIProblem(plan, asJSON: api.asJSON)
            }
            guard confirmation.yes else {
                api.show(plan)
                return Note.print("Nothing was changed. Restore it with --yes.")
            }
            if !api.asJSON { Note.print(Details.text(plan.document)) }
            guard let reply = try await api.change("POST", path, options, body: .json(.object([member, (name: "confirm", value: confirm)]))) else { return }
            api.show(reply)
        }

        private static func confirmation(in plan: JSONValue) -> JSONValue? {
            guard let value = plan["confirm"] ?? plan["plan"]?["confirm"], value != .null else { return nil }
            return value
        }
    }

    struct Delete: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a backup from the server.", discussion: "Example: holdfast backup delete ID --yes")
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "The backup's id.") var backup: String

        func run(_ api: APIClient) async throws {
            try confirmation.require("backup \(backup) would be gone from the server")
            if let reply = try await api.change("DELETE", "backups/\(backup)", options) { api.tell(reply, "backup \(backup) is deleted", dryRun: options.dryRun) }
        }
    }

    struct Schedule: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "schedule", abstract: "Show or replace the schedule of backups.",
            discussion: """
                Without --set the present schedule is printed, as JSON with --json; --set replaces it by such a document.

                Example: holdfast backup schedule --json > schedule.json; holdfast backup schedule --set schedule.json
                """)
        @OptionGroup var options: ChangeOptions
        @Option(name: .long, help: ArgumentHelp("A JSON document; - for standard input.", valueName: "file")) var set: String?

        func run(_ api: APIClient) async throws {
            guard let set else { return api.show(try await api.send("GET", "backup-schedule")) }
            if let reply = try await api.change("PUT", "backup-schedule", options, body: try .file(set)) { api.show(reply) }
        }
    }
}

/// The passphrase of a backup that is made.
struct PassphraseOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("A file with the passphrase (mode 0600); - for standard input.", valueName: "file"))
    var passphraseFile: String?

    func read(isNew: Bool) throws -> String {
        try SecretInput(what: "passphrase", file: passphraseFile, option: "--passphrase-file", variable: "HOLDFAST_PASSPHRASE").read(isNew: isNew)
    }
}

/// What opens a backup that is there: its passphrase, or the recipient's private key.
struct OpeningOption: ParsableArguments {
    @OptionGroup var passphrase: PassphraseOption
    @Option(name: .long, help: ArgumentHelp("The recipient's private key (PEM, mode 0600) instead of a passphrase.", valueName: "file"))
    var privateKey: String?

    func member() throws -> (name: String, value: JSONValue) {
        guard let privateKey else { return ("passphrase", .string(try passphrase.read(isNew: false))) }
        let key = try PrivateFile.read(privateKey, maxBytes: 64 << 10)
        return ("private_key", .string(String(decoding: key.exposedCopy(), as: UTF8.self)))
    }
}

extension APIBody {
    /// A JSON document from a file, or from standard input (`-`).
    static func file(_ path: String) throws -> APIBody {
        let bytes = try InputFile.read(path)
        do { return .json(try JSONValue(parsing: bytes, maxDepth: 64)) } catch { throw UsageFailure("\(path): expected a JSON document") }
    }
}
