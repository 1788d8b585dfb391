import ArgumentParser
import Foundation
import Primitives

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Make, list, verify, download, upload, restore, delete backups of a running server.",
        discussion: "Without a server, on a data folder or a file: write, check, inspect; and holdfast restore.",
        subcommands: [
            List.self, Create.self, Show.self, Verify.self, Download.self, Upload.self, Restore.self, Delete.self, Schedule.self,
            BackupWriteCommand.self, BackupCheckCommand.self, BackupInspectCommand.self,
        ])

    struct List: ListCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the backups.", discussion: "Example: holdfast backup list")
        static let path = "backups"
        static let columns = [
            Column("ID", "id"), Column("CREATED", "created_at"), Column("ORIGIN", "origin"), Column("SCOPE", "scope"), Column("BYTES", "bytes"),
            Column("OPENS WITH", "opens_with"), Column("VERDICT", "verdict"), Column("DESCRIPTION", "description"),
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
        @Flag(name: .long, help: "Put the configuration and the TLS files into it.") var includeFiles = false
        @Option(name: .long, help: ArgumentHelp("Download it to this file.", valueName: "file")) var out: String?

        func run(_ api: APIClient) async throws {
            let isSelected = !key.isEmpty || !endpoint.isEmpty
            let keys = try await api.ids(key, in: .keys)
            let endpoints = try await api.ids(endpoint, in: .endpoints)
            let body = APIBody.json([
                "scope": isSelected ? "selected" : "all", "key_ids": .given(keys),
                "endpoint_ids": .given(endpoints),
                "recipient_public_key": .given(try recipient.map { try InputFile.text($0) }),
                "passphrase": .given(recipient == nil ? try passphrase.read(isNew: true) : nil), "description": .given(description),
                "include_files": .given(includeFiles),
            ])
            guard let reply = try await api.create("backups", options, body: body) else { return }
            guard let out, !options.dryRun, let id = reply.document["id"]?.string else { return api.show(reply) }
            try await api.download("backups/\(id)/content", to: out, what: "backup \(id)")
            if api.asJSON, out != "-" { api.show(reply) }
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
            discussion: """
                Exit status 1 if it is not intact.

                Example: holdfast backup verify ID --passphrase-file passphrase
                """)
        @OptionGroup var options: ReadOptions
        @OptionGroup var opening: OpeningOption
        @Argument(help: "The backup's id.") var backup: String

        func run(_ api: APIClient) async throws {
            let reply = try await api.send("POST", "backups/\(backup)/verify", body: .json(.object([try opening.member()])))
            api.show(reply)
            if reply.document["intact"]?.bool == false { throw ExitCode.failure }
        }
    }

    struct Download: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "download", abstract: "Fetch a backup; it stays encrypted.", discussion: "Example: holdfast backup download ID --out monday.backup")
        @OptionGroup var options: ReadOptions
        @Argument(help: "The backup's id.") var backup: String
        @Option(name: .long, help: ArgumentHelp("The file to write; - for standard output.", valueName: "file")) var out: String

        func run(_ api: APIClient) async throws {
            try await api.download("backups/\(backup)/content", to: out, what: "backup \(backup)")
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
        @Option(name: .long, help: ArgumentHelp(
            "What comes back although it was stopped since the backup, as the plan's “revived” names it; may be repeated.", valueName: "reference"))
        var resurrect: [String] = []

        func run(_ api: APIClient) async throws {
            var members = [try opening.member()]
            if let list = JSONValue.given(resurrect) { members.append((name: "resurrect", value: list)) }
            let plan = try await api.send("POST", "backups/\(backup)/restore-plan", body: .json(.object(members)))
            guard confirmation.yes else {
                Restore.show(plan, api)
                return Note.print("Nothing was changed. Restore it with --yes.")
            }
            guard let confirm = plan.document["plan"]?["confirm"] else { throw Complaint("the server sent a plan without its confirmation") }
            members.append((name: "confirm", value: confirm))
            guard let reply = try await api.change("POST", "backups/\(backup)/restore", options, body: .json(.object(members))) else { return }
            Restore.show(reply, api)
            if !api.asJSON { print("Restored.") }
        }

        private static func show(_ reply: APIReply, _ api: APIClient) {
            guard !api.asJSON, let plan = reply.document["plan"] else { return api.show(reply) }
            print(Details.text(plan))
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
