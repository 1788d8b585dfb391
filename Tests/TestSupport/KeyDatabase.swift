import Foundation
package import KeyCore
package import Primitives

/// A migrated database in a folder of its own, with stores over it; the folder goes with its last reference.
package final class KeyDatabase: Sendable {
    /// The folder.
    package let folder: String
    /// The clock of all stores.
    package let clock: TestClock
    /// The sealer of all stores.
    package let sealer: DataSealer
    /// The open database.
    package let database: SQLiteDatabase

    /// A new one; or one over the same folder as another, as a second process would have.
    package init(sharing other: KeyDatabase? = nil) throws {
        folder = other?.folder ?? FileManager.default.temporaryDirectory.appending(path: "holdfast-keys-\(UUID().uuidString)").path
        clock = other?.clock ?? TestClock()
        sealer = try other?.sealer ?? DataSealer(key: SharedSecret(try SecretBytes(randomCount: 32)))
        ownsFolder = other == nil
        if ownsFolder {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        database = try SQLiteDatabase(path: folder + "/test.db")
        try database.migrate(Schema.migrations)
    }

    private let ownsFolder: Bool

    deinit {
        try? database.close()
        if ownsFolder { try? FileManager.default.removeItem(atPath: folder) }
    }

    /// Its stores.
    package var keys: KeyStore { KeyStore(database: database, sealer: sealer, clock: clock.wall) }
    package var issuers: IssuerStore { IssuerStore(database: database, clock: clock.wall) }
    package var policies: PolicyStore { PolicyStore(database: database, clock: clock.wall) }
    package var endpoints: EndpointStore { EndpointStore(database: database, clock: clock.wall) }

    /// What the change log holds, as `key <id>`.
    package func changes(after sequence: Int64 = 0) async throws -> [String] {
        try await database.read { try ChangeLog.changes(after: sequence, in: $0) }.map { "\($0.entity?.rawValue ?? "?") \($0.id)" }
    }

    /// The files of the database that hold `bytes` somewhere.
    package func files(holding bytes: [UInt8]) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted().filter { name in
            FileManager.default.contents(atPath: folder + "/" + name)?.range(of: Data(bytes)) != nil
        }
    }

    /// The sealed material of a version as it stands in the database.
    package func sealedMaterial(_ id: KeyID, _ version: KeyVersionNumber) async throws -> [UInt8]? {
        try await database.query(
            "SELECT material FROM key_versions WHERE key_id = $1 AND number = $2", [.text(id.description), .integer(Int64(version))]
        ).first?.optionalBlob("material")
    }
}
