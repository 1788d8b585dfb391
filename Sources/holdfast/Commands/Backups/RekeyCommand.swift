import ArgumentParser
import Foundation
import KeyCore
import Primitives

struct RekeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rekey",
        abstract: "Change the root key, and with --data-key also the key that seals every secret; without a running server.",
        discussion: """
            Without a target a root key in a file is replaced by a new one in the same file. The old root key opens nothing afterwards but
            old copies of the database: destroy it with them. An interrupted change is finished by the same command.

            Example: holdfast rekey --to-passphrase-file /etc/holdfast/passphrase --data /var/lib/holdfast
            """)

    @OptionGroup var data: DataOption
    @Option(name: .long, help: ArgumentHelp("The root key is in this file from now on; made if it isn't there.", valueName: "file")) var toFile: String?
    @Option(name: .long, help: ArgumentHelp("The root key is made from the passphrase in this file (mode 0600) from now on.", valueName: "file"))
    var toPassphraseFile: String?
    @Option(name: .long, help: ArgumentHelp("The root key is in this environment variable (64 hexadecimal digits) from now on.", valueName: "name"))
    var toVariable: String?
    @Flag(name: .long, help: "Also make a new data-sealing key, and seal every secret value anew.") var dataKey = false

    func validate() throws {
        guard [toFile, toPassphraseFile, toVariable].compactMap(\.self).count <= 1 else {
            throw ValidationError("expected at most one of --to-file, --to-passphrase-file and --to-variable")
        }
    }

    func run() async throws {
        Hardening.apply(allowsDumps: false)
        let folder = try data.folder
        let lock = try OfflineLock(folder)
        defer { lock.release() }
        let owners = FolderOwners(of: folder.path)
        defer { owners.restore() }
        let change = try RootKeyChange(self, folder)
        if try change.isDone() {
            try change.finish()
            return try await Administration.run(data) { administration in
                try await administration.record(.rootKeyChanged, target: change.target.words) { $0.cause = "finished after an interruption" }
                print("An earlier change of the root key was finished; repeat the command for another one.")
            }
        }
        try await Administration.run(data, migrates: true) { administration in
            let installation = administration.installation
            try await administration.record(.rootKeyChanged, target: change.target.words) { $0.outcome = .begun }
            let report: RekeyReport
            do { report = try carryOut(change, installation) } catch {
                try await administration.record(.rootKeyChanged, target: change.target.words) { $0.outcome = .failed }
                throw error
            }
            try await administration.record(.rootKeyChanged, target: change.target.words)
            administration.emptyLog()  // takes what the old keys sealed out of it too
            print("The root key is now \(change.target.words)\(report.resealed.map { "; \($0) values are sealed anew" } ?? "").")
            print("Copies of the database made before, and the old root key, still open each other: destroy one of them.")
        }
    }
}

extension RekeyCommand {
    private func carryOut(_ change: RootKeyChange, _ installation: Installation) throws -> RekeyReport {
        try change.prepare()
        let meter = Meter("values sealed anew")
        let report = try SealingKeyStore(database: installation.database).rekey(
            from: change.present, to: change.source, environment: ProcessInfo.processInfo.environment, replacesDataKey: dataKey,
            now: installation.clock.now) { meter.show($0) }
        meter.end()
        try change.finish()
        return report
    }
}

/// From one root key to another, in steps of which each can be repeated: make the key, reseal the database, name the key in the configuration.
struct RootKeyChange {
    /// The root key before, and as it will be named.
    let present: RootKeySource, target: RootKeySource
    /// Where the new key is while the database is resealed: beside the old one, if it is to take its place.
    let source: RootKeySource
    private let folder: DataFolder

    init(_ command: RekeyCommand, _ folder: DataFolder) throws {
        let configured = try folder.configuration().rootKey
        self.folder = folder
        present = folder.rootKey(configured)
        if let path = command.toFile {
            target = .file(path: absolute(path))
        } else if let path = command.toPassphraseFile {
            target = .passphraseFile(path: absolute(path))
        } else if let variable = command.toVariable {
            target = .environment(variable: variable)
        } else if case .file = configured {
            target = present
        } else {
            throw Complaint("expected --to-file, --to-passphrase-file or --to-variable: only a root key in a file can be replaced in its place")
        }
        if target == present, case .file(let path) = target { source = .file(path: path + ".new") } else { source = target }
        guard source != present else {
            throw Complaint("expected another root key than the present one: give a new passphrase or key another file or variable")
        }
    }

    /// Whether the database was resealed already, by a change that was interrupted.
    func isDone() throws -> Bool {
        let database = try SQLiteDatabase(path: folder.databasePath)
        defer { try? database.close() }
        let store = SealingKeyStore(database: database)
        let environment = ProcessInfo.processInfo.environment
        if (try? store.open(rootKey: present, environment: environment)) != nil { return false }
        return (try? store.open(rootKey: source, environment: environment)) != nil
    }

    /// Makes the new key if it is to be in a file that isn't there, and sees that the configuration can name it.
    func prepare() throws {
        if source != target, case .file(let path) = source { try? FileManager.default.removeItem(atPath: path) }  // opened nothing: `isDone`
        if case .file(let path) = source, !FileManager.default.fileExists(atPath: path) {
            try PrivateFile.create(path, Hex.encodeSecret(try SecretBytes(randomCount: 32)))
        }
        if source == target { _ = try RootKeyField.replaced(in: folder, with: target.field) }
    }

    /// Puts the new key, or its name, in the place of the old one.
    func finish() throws {
        if case .file(let new) = source, case .file(let path) = target, new != path {
            try AtomicFile.move(new, to: path)
        } else {
            try RootKeyField.replace(in: folder, with: target.field)
        }
    }
}

extension RootKeySource {
    /// As it stands in the configuration.
    var field: String {
        switch self {
        case .file(let path): "file: \"\(path)\""
        case .passphraseFile(let path): "passphraseFile: \"\(path)\""
        case .environment(let variable): "environment: \"\(variable)\""
        }
    }

    /// For people and records.
    var words: String {
        switch self {
        case .file(let path): "in the file \(path)"
        case .passphraseFile(let path): "made from the passphrase in \(path)"
        case .environment(let variable): "in the environment variable \(variable)"
        }
    }
}

/// The field `rootKey` of holdfast.yaml, exchanged without touching the rest of the text.
enum RootKeyField {
    static func replace(in folder: DataFolder, with field: String) throws {
        try AtomicFile.replace(folder.configurationPath, with: Array(try replaced(in: folder, with: field).utf8))
    }

    /// The configuration's text with another root key; proven to be one.
    static func replaced(in folder: DataFolder, with field: String) throws -> String {
        let text = String(decoding: FileManager.default.contents(atPath: folder.configurationPath) ?? Data(), as: UTF8.self)
        var (lines, isInside): ([Substring], Bool) = ([], false)
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("rootKey:") {
                lines += ["rootKey:", "  \(field)"]
                isInside = true
            } else if !isInside || !(line.hasPrefix(" ") || line.hasPrefix("\t")) {
                lines.append(line)
                isInside = false
            }
        }
        let new = lines.joined(separator: "\n")
        let configuration = try Configuration(parsing: new, source: folder.configurationPath)
        guard configuration.rootKey.field == field else {
            throw Complaint("\(folder.configurationPath) has no field rootKey at its left edge: write there, by hand, rootKey: and below it \(field)")
        }
        return new
    }
}
