import ArgumentParser
import Foundation
import KeyCore
import Management
import Primitives

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a data folder from a backup, or bring one back to a backup; without a running server.",
        discussion: """
            Into a folder without an installation everything is restored, sealed under a new root key: root.key is made, or the one that
            is there already is used. Configuration and TLS files come from the backup if they are in it and not in the folder.

            Into an installation, the first call only prints what would change. What was destroyed, disabled or deleted since the backup
            stays so, unless --resurrect names it. The printed --confirm does it.

            Example: holdfast restore nightly.hfb --data /var/lib/holdfast
            """)

    @Argument(help: "The backup.") var file: String
    @OptionGroup var data: DataOption
    @OptionGroup var opener: OfflineOpenerOption
    @Option(name: .long, help: ArgumentHelp("Carry out the plan with this confirmation.", valueName: "digits")) var confirm: String?
    @Option(name: .long, help: ArgumentHelp("Bring this back although it was stopped since; may be repeated.", valueName: "reference"))
    var resurrect: [String] = []
    @Option(name: .long, help: ArgumentHelp("New folder: make the root key from the passphrase in this file.", valueName: "file"))
    var rootKeyPassphraseFile: String?
    @Option(name: .long, help: ArgumentHelp("New folder: take the root key from this environment variable.", valueName: "name"))
    var rootKeyVariable: String?
    @OptionGroup var output: OutputOption

    func validate() throws {
        guard rootKeyPassphraseFile == nil || rootKeyVariable == nil else {
            throw ValidationError("expected at most one of --root-key-passphrase-file and --root-key-variable")
        }
    }

    func run() async throws {
        Hardening.apply(allowsDumps: false)
        let header = try BackupFileReader(absolute(file)).header  // what is no backup is told before anybody is asked for a passphrase
        let folder = try data.folder
        if FileManager.default.fileExists(atPath: folder.databasePath) { return try await restoreInto(folder) }
        guard header.scope == .all else {
            throw Complaint(
                "the backup holds chosen keys and endpoints only, and no accounts to manage them with: make an installation first (holdfast init "
                    + "--data \(folder.path)), then repeat this; nothing was written")
        }
        if let stray = PrivateDatabaseFile.stray(of: folder.databasePath) {
            throw Complaint(
                "\(stray) belongs to a database that is gone from \(folder.path), and would become part of the restored one: put that database back, "
                    + "or move the file somewhere else, then repeat this; nothing was written")
        }
        try await restoreNew(folder)
    }

    /// Removes what a restore that was killed has left; nobody else works here.
    private func removeLeftovers(_ folder: DataFolder) {
        BackupStaging.removeLeftovers(in: folder.path)
        PrivateDatabaseFile.remove(restoringPath(folder))
    }

    private func restoringPath(_ folder: DataFolder) -> String { folder.file(".restoring.db") }

    private func stage(in folder: DataFolder) throws -> BackupStaging {
        let opener = try opener.read()
        let meter = Meter("% read")
        defer { meter.end() }
        return try BackupStaging(absolute(file), opener: opener, folder: folder.path) { meter.show(Int64($0 * 100)) }
    }

    // MARK: Into an installation

    private func restoreInto(_ folder: DataFolder) async throws {
        let lock = try OfflineLock(folder)
        removeLeftovers(folder)
        try await Administration.run(data, migrates: true) { administration in
            let staging = try stage(in: folder)
            let installation = administration.installation
            let restore = Restore(database: installation.database, sealer: installation.sealer, clock: installation.clock)
            let order = RestoreOrder(resurrect: Set(resurrect), confirmation: confirm, actor: "local:\(NSUserName())")
            if confirm == nil {
                let plan = try await restore.plan(staging, order)
                show(plan, "Nothing was changed. To do this: repeat the command with --confirm \(plan.confirmation)")
            } else {
                let plan = try await carryOut(restore, staging, order, administration)
                show(plan, "Restored; the installation's epoch is \(plan.epoch).")
                try await warn(of: installation.database)
            }
        }
        lock.release()
    }

    private func show(_ plan: RestorePlan, _ conclusion: String) {
        guard !output.json else { return print(String(decoding: plan.document.json, as: UTF8.self)) }
        plan.print()
        print(conclusion)
    }

    /// Says loudly what would lock people out; whoever restores here holds the root key, and can open accounts again.
    private func warn(of database: any SQLDatabase) async throws {
        for gap in try await RestoreGaps.find(in: database) { FileHandle.standardError.write(Data("Warning: \(gap)\n".utf8)) }
    }

    private func carryOut(
        _ restore: Restore, _ staging: BackupStaging, _ order: RestoreOrder, _ administration: Administration
    ) async throws -> RestorePlan {
        let target = staging.header.id.description
        try await administration.record(.restoredOffline, target: target) { $0.outcome = .begun }
        let plan: RestorePlan
        do {
            plan = try await restore.run(staging, order)
        } catch {
            try await administration.record(.restoredOffline, target: target) { $0.outcome = .failed }
            throw error
        }
        try await administration.record(.restoredOffline, target: target) { $0.cause = "epoch \(plan.epoch)" }
        administration.emptyLog()
        return plan
    }

    // MARK: Into a new folder

    private func restoreNew(_ folder: DataFolder) async throws {
        try FileManager.default.createDirectory(
            atPath: folder.path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let owners = FolderOwners(of: folder.path)
        defer { owners.restore() }
        let lock = try OfflineLock(folder)
        defer { lock.release() }
        removeLeftovers(folder)
        let staging = try stage(in: folder)
        try makeFiles(folder, staging)
        try lock.extend(to: folder)
        let configuration = try folder.configuration()
        let plan = try await makeDatabase(folder, configuration, staging)
        try await Administration.run(data) { administration in
            try await administration.record(.restoredOffline, target: staging.header.id.description)
            try await warn(of: administration.installation.database)
        }
        if output.json { return print(String(decoding: plan.document.json, as: UTF8.self)) }
        print("""
            Restored \(folder.path) from the backup \(staging.header.id) of \(staging.header.createdAt.short):
              \(staging.header.counts.keys) keys, \(staging.header.counts.endpoints) endpoints, \(staging.header.counts.issuers) issuers, \(staging.header.counts.policies) policies; epoch \(plan.epoch)
            """)
        if case .file(let path) = configuration.rootKey { print("  \(path)        opens everything in here: back it up apart from the folder") }
        print("Next: holdfast serve --data \(folder.path)")
    }

    /// Configuration, certificates and root key, as far as they aren't there; so an interrupted restore can be repeated.
    private func makeFiles(_ folder: DataFolder, _ staging: BackupStaging) throws {
        let files = FileManager.default
        var arguments = ["--data", folder.path]
        if let rootKeyPassphraseFile { arguments += ["--passphrase-file", rootKeyPassphraseFile] }
        if let rootKeyVariable { arguments += ["--root-key-variable", rootKeyVariable] }
        let initial = try InitCommand.parse(arguments)
        try FolderMembers.write(try staging.members().filter { !files.fileExists(atPath: folder.file($0.name)) }, to: folder)
        if !files.fileExists(atPath: folder.configurationPath) {
            if !files.fileExists(atPath: folder.file("tls")) {
                try DevelopmentCertificates.make(in: folder.file("tls"), hostnames: initial.hostname)
            }
            try AtomicFile.replace(folder.configurationPath, with: Array(initial.configurationText.utf8))
        } else if rootKeyPassphraseFile != nil || rootKeyVariable != nil {
            try RootKeyField.replace(in: folder, with: initial.rootKeyField)
        }
        if case .file(let path) = folder.rootKey(try folder.configuration().rootKey), !files.fileExists(atPath: path) {
            try PrivateFile.create(path, Hex.encodeSecret(try SecretBytes(randomCount: 32)))
        }
    }

    /// The database takes its name when it is complete.
    private func makeDatabase(_ folder: DataFolder, _ configuration: Configuration, _ staging: BackupStaging) async throws -> RestorePlan {
        let path = restoringPath(folder)
        let database = try SQLiteDatabase(path: path)
        defer { PrivateDatabaseFile.remove(path) }
        try database.migrate(Schema.migrations)
        let sealer = try SealingKeyStore(database: database).create(
            rootKey: folder.rootKey(configuration.rootKey), environment: ProcessInfo.processInfo.environment, now: WallClock.system.now)
        let restore = Restore(database: database, sealer: sealer, clock: .system)
        var order = RestoreOrder(resurrect: Set(resurrect), actor: "local:\(NSUserName())")
        order.confirmation = try await restore.plan(staging, order).confirmation
        let plan = try await restore.run(staging, order)
        try database.checkpoint()
        try database.close()
        try PrivateDatabaseFile.name(path, folder.databasePath)
        return plan
    }
}

extension RestorePlan {
    /// For people.
    func print() {
        if isForeign { Swift.print("Note: the backup is of another installation (\(AuditText.clean(header.installation, limit: 64))) than this one.") }
        var table = Table("TABLE", "ADDED", "CHANGED", "REMOVED", "KEPT")
        for row in tables { table.add(row.table, "\(row.added)", "\(row.changed)", "\(row.removed)", "\(row.kept)") }
        table.print(whenEmpty: "Nothing differs from the backup.")
        if !revived.isEmpty {
            var table = Table("STOPPED SINCE THE BACKUP", "NAME", "NOW", "IN THE BACKUP", "BECOMES")
            for thing in revived { table.add(thing.reference, thing.name, thing.now, thing.inBackup, thing.comesBack ? thing.inBackup : thing.now) }
            Swift.print("")
            table.print(whenEmpty: "")
        }
        if !conflicts.isEmpty {
            var table = Table("OTHER MATERIAL", "NAME", "BECOMES")
            for thing in conflicts { table.add(thing.reference, thing.name, thing.comesBack ? "the backup's" : "stays as it is") }
            Swift.print("")
            table.print(whenEmpty: "")
        }
        if !destructions.isEmpty {
            var table = Table("SCHEDULED DESTRUCTION", "NAME", "WILL BE", "IN THE BACKUP")
            for thing in destructions { table.add(thing.reference, thing.name, thing.at?.short ?? "called off", thing.inBackup?.short ?? "none") }
            Swift.print("")
            table.print(whenEmpty: "")
        }
        for warning in warnings { Swift.print("Warning: \(warning)") }
        for policy in newerPolicies { Swift.print("Policy “\(policy.name)” goes back from version \(policy.now) to \(policy.inBackup).") }
        for change in changes where change.change == .removed { Swift.print("Removed: \(change.table) “\(change.name)”") }
    }
}
