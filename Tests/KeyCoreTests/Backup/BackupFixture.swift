import Foundation
import KeyCore
import Primitives
import TestSupport

/// An installation's database with what is needed to back it up and to restore it into another one.
struct BackupFixture {
    let world: KeyDatabase
    let source = FakeKeySource()
    static let passphrase = BackupFixture.secret("a passphrase of some length")

    init() throws { world = try KeyDatabase() }

    static func secret(_ text: String) -> SharedSecret { SharedSecret(SecretBytes(copying: Array(text.utf8))) }

    var maker: BackupMaker { BackupMaker(database: world.database, sealer: world.sealer, clock: world.clock.wall, program: "test") }
    var restore: Restore { Restore(database: world.database, sealer: world.sealer, clock: world.clock.wall) }

    func file(_ name: String) -> String { "\(world.folder)/\(name)" }

    /// A backup with the passphrase; its path.
    func backUp(
        _ name: String = "b.hfb", scope: BackupScope = .all, secret: BackupSecret = .passphrase(passphrase), members: [BackupMember] = []
    ) async throws -> String {
        var order = try BackupOrder(secret: secret)
        (order.scope, order.members) = (scope, members)
        _ = try await maker.make(order, at: file(name))
        return file(name)
    }

    func stage(_ path: String) throws -> BackupStaging {
        try BackupStaging(path, opener: .passphrase(BackupFixture.passphrase), folder: world.folder)
    }

    /// Plans, confirms and carries out.
    @discardableResult func restore(_ path: String, resurrect: Set<String> = []) async throws -> RestorePlan {
        let staging = try stage(path)
        var order = RestoreOrder(resurrect: resurrect, actor: "test")
        order.confirmation = try await restore.plan(staging, order).confirmation
        return try await restore.run(staging, order)
    }

    func key(_ name: String, material: UInt8? = nil) async throws -> Key {
        source.generates(material.map { Array(repeating: $0, count: 32) })
        return try await world.keys.create(name: name, purpose: .wrap, algorithm: .aes256, source: source)
    }

    /// A policy with these versions; its id. Written by hand, because only the rows matter here.
    @discardableResult func policy(_ name: String, versions: [String]) async throws -> String {
        let id = UUID().uuidString.lowercased()
        try await world.database.write { connection in
            try connection.execute(
                "INSERT INTO policies (id, name, version, created_at) VALUES ($1, $2, $3, 0)",
                [.text(id), .text(name), .integer(Int64(versions.count))])
            for (index, source) in versions.enumerated() {
                try connection.execute(
                    "INSERT INTO policy_versions (policy_id, version, source, created_at) VALUES ($1, $2, $3, 0)",
                    [.text(id), .integer(Int64(index + 1)), .text(source)])
            }
        }
        return id
    }

    /// An endpoint; its id.
    @discardableResult func endpoint(_ name: String, path: String? = nil, key: KeyID, policy: String) async throws -> String {
        let id = UUID().uuidString.lowercased()
        try await world.database.write { connection in
            try connection.execute(
                """
                INSERT INTO endpoints (id, name, door, path, hostnames, key_id, policy_id, state, options, created_at)
                VALUES ($1, $2, 'ekm', $3, '[]', $4, $5, 'active', '{}', 0)
                """, [.text(id), .text(name), .text(path ?? "/v0/\(name)"), .text(key.description), .text(policy)])
        }
        return id
    }

    func set(_ sql: String, _ arguments: [SQLValue] = []) async throws { try await world.database.execute(sql, arguments) }

    func text(_ sql: String, _ arguments: [SQLValue] = []) async throws -> String? {
        try await world.database.query(sql, arguments).first?.optionalText("value")
    }

    /// The opened material of a version; nil once it is destroyed.
    func material(_ id: KeyID, _ version: KeyVersionNumber = 1) async throws -> [UInt8]? {
        guard let sealed = try await world.sealedMaterial(id, version) else { return nil }
        let place = SealedLocation(table: "key_versions", row: "\(id)/\(version)", column: "material")
        return try world.sealer.open(sealed, at: place).exposedCopy()
    }

    /// Every row of a table that backups hold, with sealed values opened, without revisions: a restore raises them.
    func content() throws -> [String: [[SQLValue]]] {
        try world.database.readBlocking { connection in
            var content: [String: [[SQLValue]]] = [:]
            for table in try BackupTables.backedUp(in: connection) {
                for row in try connection.query("SELECT * FROM \(table.name) ORDER BY \(table.primaryKey.joined(separator: ", "))") {
                    var values = row.values
                    for column in SealedColumns.of(table.name) {
                        guard let position = row.columns.names.firstIndex(of: column.column), case .blob(let sealed) = values[position] else { continue }
                        values[position] = .blob(try world.sealer.open(sealed, at: try column.location(of: row)).exposedCopy())
                    }
                    if let position = row.columns.names.firstIndex(of: "revision") { values[position] = .null }
                    content[table.name, default: []].append(values)
                }
            }
            return content
        }
    }
}
