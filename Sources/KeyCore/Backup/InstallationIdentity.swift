package import Primitives

/// Who an installation is, and how many restores it has seen.
package struct InstallationIdentity: Sendable, Equatable {
    /// A UUID that `init` drew, or a restore on a fresh machine.
    package let id: String
    /// 1 at first; each restore raises it above that of the installation and of the backup.
    package let epoch: Int64
    /// When the last restore was, and from which backup.
    package let restoredAt: Instant?, restoredFrom: String?

    /// The identity; made at the first call.
    package static func ensure(in connection: borrowing SQLConnection) throws -> InstallationIdentity {
        if let identity = try find(in: connection) { return identity }
        let id = try UUIDBytes.random().description
        try connection.execute(
            "INSERT INTO installation (id, installation_id, epoch) VALUES ($1, $2, 1) ON CONFLICT (id) DO NOTHING", ["self", .text(id)])
        return try find(in: connection) ?? InstallationIdentity(id: id, epoch: 1, restoredAt: nil, restoredFrom: nil)
    }

    /// The identity; nil if it was not made yet.
    package static func find(in connection: borrowing SQLConnection) throws(SQLError) -> InstallationIdentity? {
        let rows = try connection.query(
            "SELECT installation_id, epoch, restored_at, restored_from FROM installation WHERE id = $1", ["self"])
        guard let row = rows.first else { return nil }
        return InstallationIdentity(
            id: try row.text("installation_id"), epoch: try row.integer("epoch"),
            restoredAt: try row.optionalInteger("restored_at").map { Instant(nanoseconds: $0) },
            restoredFrom: try row.optionalText("restored_from"))
    }

    /// Notes a restore.
    /// - Returns: the epoch from now on.
    static func raise(
        above other: Int64, from backup: String, at now: Instant, in connection: borrowing SQLConnection
    ) throws -> Int64 {
        let epoch = max(try ensure(in: connection).epoch, other) + 1
        guard epoch <= BackupHeader.maxEpoch else { throw BackupError.refused("the epoch \(epoch - 1) is the last one: a restore can't go above it") }
        try connection.execute(
            "UPDATE installation SET epoch = $1, restored_at = $2, restored_from = $3 WHERE id = $4",
            [.integer(epoch), .integer(now.nanoseconds), .text(backup), "self"])
        return epoch
    }
}

/// Keys that were deleted with their rows: an older backup must not bring them back unasked.
enum DeletedKeys {
    /// Writes down those that the change log knows and the table of keys doesn't.
    static func note(in connection: borrowing SQLConnection) throws(SQLError) {
        try connection.execute(
            """
            INSERT INTO deleted_keys (id) SELECT DISTINCT entity_id FROM changes WHERE entity = $1
            AND NOT EXISTS (SELECT 1 FROM keys WHERE keys.id = changes.entity_id) ON CONFLICT (id) DO NOTHING
            """, [.text(ChangedEntity.key.rawValue)])
    }
}
