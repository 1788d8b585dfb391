import ArgumentParser
import Foundation
import KeyCore
import Logging
import Management
import Primitives

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a new data folder: configuration, root key, database, administrator, development certificates.",
        discussion: """
            Refuses a folder that holds an installation already. With --demo it also makes a key, a policy, a development issuer
            and an EKM endpoint, and writes demo.json for scripts.

            Example: holdfast init --demo --data ./data
            """)

    @OptionGroup var data: DataOption

    @Flag(name: .long, help: "Also make a demo endpoint with a development issuer; never for production.")
    var demo = false

    @Option(name: .long, help: ArgumentHelp("Where the data plane listens; port 0 lets the system choose.", valueName: "host:port"))
    var listen = "127.0.0.1:8443"

    @Option(name: .long, help: ArgumentHelp(
        "Where the management API listens; by default on 127.0.0.1, at the data plane's next port.", valueName: "host:port"))
    var managementListen: String?

    @Option(name: .long, help: ArgumentHelp("A name by which callers reach it; may be repeated.", valueName: "name"))
    var hostname: [String] = ["localhost"]

    @Option(name: .long, help: ArgumentHelp(
        "Make the root key from the passphrase in this file (mode 0600) instead of writing root.key.", valueName: "file"))
    var passphraseFile: String?

    @Option(name: .long, help: ArgumentHelp(
        "Take the root key (64 hexadecimal digits) from this environment variable instead of writing root.key.", valueName: "name"))
    var rootKeyVariable: String?

    func validate() throws {
        guard passphraseFile == nil || rootKeyVariable == nil else {
            throw ValidationError("expected at most one of --passphrase-file and --root-key-variable")
        }
        guard hostname.allSatisfy({ $0.wholeMatch(of: /[A-Za-z0-9*][A-Za-z0-9.*-]*/) != nil }) else {
            throw ValidationError("--hostname: expected names such as ekm.example.com, found \(hostname)")
        }
        do {
            _ = try Configuration(parsing: configurationText, source: "--listen")
        } catch {
            throw ValidationError("--listen: \(error.message)")
        }
    }

    func run() async throws {
        Hardening.apply(allowsDumps: false)
        let folder = try data.folder
        let files = FileManager.default
        guard !files.fileExists(atPath: folder.configurationPath), !files.fileExists(atPath: folder.databasePath) else {
            throw Complaint("\(folder.path) holds an installation already; choose another folder, or remove it if it is really to go")
        }
        let present = try? files.contentsOfDirectory(atPath: folder.path)
        do {
            let (demo, password) = try await make(folder)
            report(folder, demo, password: password)
        } catch {
            // Half an installation would stand in the way of the next try.
            for name in (try? files.contentsOfDirectory(atPath: folder.path)) ?? [] where present?.contains(name) != true {
                try? files.removeItem(atPath: folder.file(name))
            }
            if present == nil { try? files.removeItem(atPath: folder.path) }
            throw error
        }
    }

    private func make(_ folder: DataFolder) async throws -> (Demo?, password: String) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder.path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Complaint("\(folder.path) can't be created: \(error.localizedDescription)")
        }
        try makeRootKey(folder)
        try DevelopmentCertificates.make(in: folder.file("tls"), hostnames: hostname)
        try AtomicFile.replace(folder.configurationPath, with: Array(configurationText.utf8))
        try makeDatabase(folder)
        return try await Administration.run(data) { administration in
            try await administration.record(AuditEvent.installationCreated, target: folder.path)
            let password = try await AccountSeeds.createFirstAdministrator(
                database: administration.installation.database, clock: administration.installation.clock)
            try await administration.record(AuditEvent.userCreated, target: "user:admin")
            let made = demo ? try await DemoInstallation.make(administration, hostname: hostname[0], listen: listen) : nil
            return (made, password)
        }
    }

    private func makeRootKey(_ folder: DataFolder) throws {
        guard passphraseFile == nil, rootKeyVariable == nil else { return }
        let key = try SecretBytes(randomCount: 32)
        try PrivateFile.create(folder.file("root.key"), Hex.encodeSecret(key))
    }

    private func makeDatabase(_ folder: DataFolder) throws {
        let database = try SQLiteDatabase(path: folder.databasePath)
        try database.migrate(Schema.migrations)
        let configuration = try folder.configuration()
        let sealer = try SealingKeyStore(database: database).create(
            rootKey: folder.rootKey(configuration.rootKey), environment: ProcessInfo.processInfo.environment, now: WallClock.system.now)
        let installation = Installation(
            folder: folder, configuration: configuration, database: database, sealer: sealer, clock: .system)
        try AuditComposition.createCheckpointKey(installation)
        try database.close()
    }

    private func report(_ folder: DataFolder, _ demo: Demo?, password: String) {
        print("""
            Made \(folder.path):
              holdfast.yaml   configuration
              \(rootKeyNote)
              holdfast.db     keys (sealed), endpoints, issuers, policies
              audit/          journal
              tls/            development CA and server certificate
            """)
        if let demo { print("  demo.json       for scripts: \(demo.keyURI)") }
        print("""
            Administrator: user admin, one-time password \(password)
              It is shown only now and stored nowhere; change it at the first sign-in.
            Next: holdfast serve --data \(folder.path)
            """)
    }

    private var rootKeyNote: String {
        if let passphraseFile { return "(the root key is made from the passphrase in \(passphraseFile): without it nothing opens)" }
        if let rootKeyVariable { return "(the root key is read from \(rootKeyVariable): without it nothing opens)" }
        return "root.key        opens everything in here: back it up apart from the folder"
    }

    /// The member of `rootKey` in the configuration.
    var rootKeyField: String {
        if let passphraseFile { return "passphraseFile: \"\(URL(fileURLWithPath: passphraseFile).path)\"" }
        if let rootKeyVariable { return "environment: \"\(rootKeyVariable)\"" }
        return "file: root.key"
    }

    private var managementAddress: String {
        if let managementListen { return managementListen }
        let port = listen.split(separator: ":").last.flatMap { Int($0) } ?? 8443
        return "127.0.0.1:\(port == 0 ? 0 : port + 1)"
    }

    /// The configuration of a new folder.
    var configurationText: String {
        """
        # Holdfast's configuration. An unknown or wrong field stops the start and is named. See README.md, "Configuration".
        dataPlane:
          listen: "\(listen)"
          certificates:
            - serverNames: [\(hostname.map { "\"\($0)\"" }.joined(separator: ", "))]
              certificate: tls/server.pem
              privateKey: tls/server.key
        management:
          listen: "\(managementAddress)"
        rootKey:
          \(rootKeyField)
        audit:
          folder: audit
          node: node-1
        log:
          level: info

        """
    }
}
