import ArgumentParser
import Foundation
import KeyCore
import Logging
import Primitives

@main
struct Holdfast: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "holdfast",
        abstract: "External key manager: the keys stay with you.",
        discussion: """
            Begin with:
              holdfast init --demo --data ./data
              holdfast serve --data ./data
              holdfast doctor --data ./data

            Commands ask a server: the one that runs on the data folder (--data, HOLDFAST_DATA), through its local socket; the one
            of a profile (--profile, HOLDFAST_PROFILE), made by `holdfast login`; or the one at HOLDFAST_URL, with the API token in
            HOLDFAST_TOKEN and its authority in HOLDFAST_CA. Options go before environment variables. Secrets are never given on
            the command line.

            Exit status: 0 done; 1 refused or failed; 2 the command line is wrong; 69 no server answers, or it can't serve now;
            75 accepted, but it waits for other people's approval.
            """,
        version: Version.text,
        subcommands: [VersionCommand.self, CompletionCommand.self],
        groupedSubcommands: [
            CommandGroup(name: "This machine", subcommands: [
                InitCommand.self, ServeCommand.self, DoctorCommand.self, RestoreCommand.self, RekeyCommand.self, ResetAdminCommand.self,
            ]),
            CommandGroup(name: "Signing in", subcommands: [
                LoginCommand.self, LogoutCommand.self, WhoAmICommand.self, PasswordCommand.self, TOTPCommand.self, TokenCommand.self,
            ]),
            CommandGroup(name: "Keys and who may call", subcommands: [
                KeyCommand.self, KeySourceCommand.self, EndpointCommand.self, IssuerCommand.self, PolicyCommand.self, CertificateCommand.self,
                SalesforceCommand.self,
            ]),
            CommandGroup(name: "Google Workspace", subcommands: [CSECommand.self]),
            CommandGroup(name: "People", subcommands: [
                UserCommand.self, GroupCommand.self, GrantCommand.self, PermissionCommand.self, ApprovalCommand.self, QuorumCommand.self,
            ]),
            CommandGroup(name: "Operation", subcommands: [
                AuditCommand.self, BackupCommand.self, SettingsCommand.self, AlertCommand.self, HealthCommand.self, APICommand.self,
            ]),
        ])
}

/// What this build calls itself.
enum Version {
    static let text = "0.1.0"
}

struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() async throws { print("holdfast \(Version.text)") }
}

/// `--data DIR`, for every command that works on a data folder.
struct DataOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The data folder (or the variable HOLDFAST_DATA).", valueName: "dir"))
    var data: String?

    var folder: DataFolder {
        get throws {
            guard let path = data ?? ProcessInfo.processInfo.environment["HOLDFAST_DATA"], !path.isEmpty else {
                throw UsageFailure("expected the data folder: give --data DIR or set HOLDFAST_DATA")
            }
            return DataFolder(path)
        }
    }
}

/// `--json`, for commands that print tables.
struct OutputOption: ParsableArguments {
    @Flag(name: .long, help: "Print JSON for programs instead of a table for people.")
    var json = false
}

/// One act of an administrator on an opened data folder, which goes on record under the node `cli`.
struct Administration {
    let installation: Installation
    private let journal: NodeJournal

    /// Opens the folder and the command line's own journal; waits a moment for another command that has it open.
    static func run<R>(_ data: DataOption, migrates: Bool = false, _ body: (Administration) async throws -> R) async throws -> R {
        let folder = try data.folder
        let owners = FolderOwners(of: folder.path)
        defer { owners.restore() }
        let installation = try folder.open(migrates: migrates)
        let administration = Administration(installation: installation, journal: try await openJournal(installation))
        do {
            let result = try await body(administration)
            await administration.journal.close()
            return result
        } catch {
            await administration.journal.close()
            throw error
        }
    }

    /// Puts an act on record.
    func record(_ event: AuditEvent, target: String, _ fill: (inout AuditRecord) -> Void = { _ in }) async throws {
        var record = AuditRecord(event, .allowed, at: installation.clock.now)
        record.actor = "local:\(NSUserName())"
        record.target = target
        fill(&record)
        try await journal.sink.append(record)
    }

    /// Empties the database's write-ahead log, in which the former content of changed rows stands, sealed as it was. What was done is done, also
    /// if another process is in the way: then a server empties it when it starts.
    func emptyLog() {
        do { try installation.database.checkpoint() } catch {
            FileHandle.standardError.write(Data(
                "The database's log still holds sealed values from before (\(error)); the next start of the server empties it.\n".utf8))
        }
    }

    private static func openJournal(_ installation: Installation) async throws -> NodeJournal {
        let logger = Logger(label: "holdfast") { _ in SwiftLogNoOpLogHandler() }
        for _ in 0..<100 {
            do {
                return try AuditComposition.openJournal(installation, node: "cli", deadline: .seconds(5), logger: logger)
            } catch AuditError.locked {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        throw Complaint("another holdfast command is writing the journal of this data folder; try again when it has ended")
    }
}

/// What the process does about itself before it touches a secret.
enum Hardening {
    static func apply(allowsDumps: Bool) {
        if !allowsDumps {
            ProcessHardening.forbidDumps()
            // SWIFT_BACKTRACE, if it is set, has a crash print the registers and the memory that they point to.
            for number in [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGTRAP] { signal(number, SIG_DFL) }
        }
        signal(SIGXFSZ, SIG_IGN)  // a file at its size limit is an error of one write, not the end of the process
        ProcessHardening.raiseLimits()
        ProcessHardening.prepareOpenSSLSecureHeap()
    }
}
