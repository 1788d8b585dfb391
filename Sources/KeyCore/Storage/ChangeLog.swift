package import Primitives

/// What kind of thing changed.
package enum ChangedEntity: String, Sendable { case key, issuer, policy, endpoint, secret }

/// The order of all changes that servers must notice. Every transaction that changes something adds a row; each server reads
/// on from where it was.
package enum ChangeLog {
    /// Adds a change to the transaction.
    package static func record(
        _ entity: ChangedEntity, _ id: String, at now: Instant, in connection: borrowing SQLConnection
    ) throws(SQLError) {
        try connection.execute(
            "INSERT INTO changes (sequence, entity, entity_id, at) SELECT COALESCE(MAX(sequence), 0) + 1, $1, $2, $3 FROM changes",
            [.text(entity.rawValue), .text(id), .integer(now.nanoseconds)])
    }

    /// The number of the latest change; 0 if there is none.
    package static func latest(in connection: borrowing SQLConnection) throws(SQLError) -> Int64 {
        try connection.query("SELECT COALESCE(MAX(sequence), 0) AS latest FROM changes").first?.integer("latest") ?? 0
    }

    /// What changed after `sequence`, oldest first.
    package static func changes(
        after sequence: Int64, in connection: borrowing SQLConnection
    ) throws(SQLError) -> [(sequence: Int64, entity: ChangedEntity?, id: String)] {
        let rows = try connection.query(
            "SELECT sequence, entity, entity_id FROM changes WHERE sequence > $1 ORDER BY sequence", [.integer(sequence)])
        var changes: [(sequence: Int64, entity: ChangedEntity?, id: String)] = []
        for row in rows {
            changes.append((try row.integer("sequence"), ChangedEntity(rawValue: try row.text("entity")), try row.text("entity_id")))
        }
        return changes
    }
}
