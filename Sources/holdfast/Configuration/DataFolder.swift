import Foundation
import KeyCore
import Primitives

/// The folder that holds everything of one installation: configuration, database, journal, root key, certificates.
struct DataFolder: Sendable {
    /// Absolute.
    let path: String

    /// The folder of that name; relative to the working directory.
    init(_ path: String) {
        let base = FileManager.default.currentDirectoryPath
        self.path = path.hasPrefix("/") ? path : (base as NSString).appendingPathComponent(path)
    }

    var configurationPath: String { file("holdfast.yaml") }
    var databasePath: String { file("holdfast.db") }
    /// What `init --demo` tells scripts.
    var demoPath: String { file("demo.json") }
    /// What a running server tells the command line.
    var serverPath: String { file("server.json") }

    /// A path of the configuration made absolute.
    func file(_ name: String) -> String { name.hasPrefix("/") ? name : (path as NSString).appendingPathComponent(name) }

    /// The configuration.
    func configuration() throws -> Configuration {
        guard let text = FileManager.default.contents(atPath: configurationPath) else {
            throw Complaint("\(configurationPath) can't be read: expected a data folder made by `holdfast init --data \(path)`")
        }
        return try Configuration(parsing: String(decoding: text, as: UTF8.self), source: configurationPath)
    }

    /// The root key's place with its path made absolute.
    func rootKey(_ source: RootKeySource) -> RootKeySource {
        switch source {
        case .file(let path): .file(path: file(path))
        case .passphraseFile(let path): .passphraseFile(path: file(path))
        case .environment: source
        }
    }

    /// Opens database and sealed storage, in a process that is hardened before it touches a secret.
    /// - Parameter migrates: whether an older schema is brought up to date, which only somebody may do who knows that no server is running;
    ///   otherwise it is refused.
    func open(migrates: Bool = false, clock: WallClock = .system) throws -> Installation {
        let configuration = try configuration()
        Hardening.apply(allowsDumps: configuration.development.allowsCoreDumps)
        guard FileManager.default.fileExists(atPath: databasePath) else {
            throw Complaint("\(databasePath) does not exist: run `holdfast init --data \(path)` first")
        }
        let database = try SQLiteDatabase(path: databasePath)
        if migrates { try database.migrate(Schema.migrations) } else { try database.requireSchema(Schema.migrations) }
        let sealer = try SealingKeyStore(database: database).open(
            rootKey: rootKey(configuration.rootKey), environment: ProcessInfo.processInfo.environment)
        return Installation(folder: self, configuration: configuration, database: database, sealer: sealer, clock: clock)
    }
}

/// An opened data folder: what the server and the commands work on.
struct Installation: Sendable {
    let folder: DataFolder
    let configuration: Configuration
    let database: SQLiteDatabase
    let sealer: DataSealer
    let clock: WallClock

    var keys: KeyStore { KeyStore(database: database, sealer: sealer, clock: clock) }
    var issuers: IssuerStore { IssuerStore(database: database, clock: clock) }
    var policies: PolicyStore { PolicyStore(database: database, clock: clock) }
    var endpoints: EndpointStore { EndpointStore(database: database, clock: clock) }
    var secrets: SecretStore { SecretStore(database: database, sealer: sealer) }
    var auditFolder: String { folder.file(configuration.audit.folder) }
}

/// What a person did that can't be: one sentence that says what was expected, what was found, what to do next.
struct Complaint: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
