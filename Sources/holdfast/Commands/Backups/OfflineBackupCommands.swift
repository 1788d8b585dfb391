import ArgumentParser
import Foundation
import KeyCore
import Primitives

/// Writes a backup straight from the data folder.
struct BackupWriteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "write",
        abstract: "Write a backup of the data folder to a file; no server is needed, and a running one goes on.",
        discussion: """
            The file holds keys, endpoints, issuers, policies, accounts and settings as they are at one moment, encrypted for the
            passphrase or the recipient. With --files the configuration and the TLS files are in it too. The journal is not: copy it.

            Example: holdfast backup write nightly.hfb --recipient backup.pem --data /var/lib/holdfast
            """)

    @Argument(help: "The file to make; it must not exist.") var file: String
    @OptionGroup var data: DataOption
    @OptionGroup var passphrase: OfflinePassphraseOption
    @Option(name: .long, help: ArgumentHelp("Encrypt to this RSA public key (PEM) instead of a passphrase.", valueName: "file")) var recipient: String?
    @Flag(name: .long, help: "Put holdfast.yaml and the TLS files into it.") var files = false
    @Option(name: .long, help: ArgumentHelp("Only this key, by name or id; may be repeated.", valueName: "key")) var key: [String] = []
    @Option(name: .long, help: ArgumentHelp("Only this endpoint with what it needs; may be repeated.", valueName: "endpoint")) var endpoint: [String] = []
    @Option(name: .long, help: "A few words that stand in the backup's header, readable by anybody.") var description = ""

    func run() async throws {
        let secret: BackupSecret =
            if let recipient { .recipient(try Recipient.read(recipient)) } else { .passphrase(try passphrase.read(confirming: true)) }
        try await Administration.run(data) { administration in
            let installation = administration.installation
            var order = try BackupOrder(secret: secret)
            order.description = description
            if !key.isEmpty || !endpoint.isEmpty { order.scope = .selected(keys: try ids("keys", key, installation), endpoints: try ids("endpoints", endpoint, installation)) }
            if files { (order.members, order.leftOut) = try FolderMembers.read(installation.folder, installation.configuration) }
            let maker = BackupMaker(database: installation.database, sealer: installation.sealer, clock: installation.clock, program: Version.text)
            let meter = Meter("rows written")
            let (header, bytes) = try await maker.make(order, at: absolute(file)) { meter.show($0) }
            meter.end()
            try await administration.record(.backupWritten, target: header.id.description)
            print("Wrote \(file): backup \(header.id), \(bytes) bytes, \(header.counts.keys) keys, \(header.counts.endpoints) endpoints.")
            for path in order.leftOut { print("Not in it, because it is outside the data folder: \(path)") }
            print("Check it: holdfast backup check \(file)")
        }
    }

    private func ids(_ table: String, _ names: [String], _ installation: Installation) throws -> [String] {
        try installation.database.readBlocking { connection in
            try names.map { name in
                guard let row = try connection.query("SELECT id FROM \(table) WHERE name = $1 OR id = $1", [.text(name)]).first else {
                    throw Complaint("expected a name or id of \(table), found “\(name)”")
                }
                return try row.text("id")
            }
        }
    }
}

/// Reads a backup to its end without restoring it.
struct BackupCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Decrypt a backup to its end, open every secret value in it and count; nothing is restored.",
        discussion: "Example: holdfast backup check nightly.hfb --private-key backup.key")

    @Argument(help: "The backup.") var file: String
    @OptionGroup var opener: OfflineOpenerOption
    @OptionGroup var output: OutputOption

    func run() async throws {
        Hardening.apply(allowsDumps: false)
        _ = try BackupFileReader(absolute(file))  // what is no backup is told before anybody is asked for a passphrase
        let meter = Meter("% checked")
        let report = try BackupCheck.run(absolute(file), opener: try opener.read()) { meter.show(Int64($0 * 100)) }
        meter.end()
        if output.json {
            let tables = report.tables.sorted { $0.key < $1.key }.map { (name: $0.key, value: JSONValue.integer($0.value)) }
            let document: JSONValue = [
                "id": .string(report.header.id.description), "rows": .integer(report.rows), "files": .integer(report.files),
                "secrets": .integer(report.secrets), "tables": .object(tables),
            ]
            return print(String(decoding: document.json, as: UTF8.self))
        }
        var table = Table("TABLE", "ROWS")
        for (name, count) in report.tables.sorted(by: { $0.key < $1.key }) { table.add(name, "\(count)") }
        table.print(whenEmpty: "The backup holds no rows.")
        print("Complete: \(report.rows) rows, \(report.secrets) secret values, all of which open, and \(report.files) files.")
    }
}

/// Prints a backup's header.
struct BackupInspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print what a backup says of itself, without opening it; none of it is proven before `check`.",
        discussion: "Example: holdfast backup inspect nightly.hfb")

    @Argument(help: "The backup.") var file: String
    @OptionGroup var output: OutputOption

    func run() async throws {
        let reader = try BackupFileReader(absolute(file))
        let header = reader.header
        if output.json { return print(String(decoding: header.document.json, as: UTF8.self)) }
        let opens = switch header.lock {
        case .passphrase: "with a passphrase"
        case .recipient(let digest, _): "with the private key of \(Hex.string(digest)) (SHA-256)"
        }
        var table = Table("FIELD", "VALUE")
        table.add("id", header.id.description)
        table.add("made", "\(header.createdAt.short) by version \(header.program), schema \(header.schemaStep)")
        table.add("installation", "\(header.installation), epoch \(header.epoch)")
        table.add("holds", header.scope == .all ? "everything" : "chosen keys and endpoints")
        table.add("counts", "\(header.counts.keys) keys (\(header.counts.keyVersions) versions), \(header.counts.endpoints) endpoints, \(header.counts.issuers) issuers, \(header.counts.policies) policies")
        table.add("files", header.includesFiles ? "configuration and TLS files" : "none")
        if !header.filesLeftOut.isEmpty { table.add("left out", AuditText.clean(header.filesLeftOut.joined(separator: ", "), limit: 400)) }
        table.add("description", header.description.isEmpty ? "-" : AuditText.clean(header.description, limit: 200))
        table.add("opens", opens)
        table.add("size", "\(reader.size) bytes")
        table.print(whenEmpty: "")
    }
}

extension AuditEvent {
    static let backupWritten = AuditEvent("backup.created")
    static let restoredOffline = AuditEvent("backup.restored")
    static let rootKeyChanged = AuditEvent("root-key.changed")
}

/// A path as given, made absolute.
func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path }
