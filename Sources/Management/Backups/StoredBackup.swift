package import KeyCore
package import Primitives

/// A backup in the catalogue.
package struct StoredBackup: Sendable {
    /// How it came there.
    package enum Origin: String, Sendable, CaseIterable {
        /// Somebody asked for it; the schedule did; somebody brought it; its file was found in the folder.
        case made, scheduled, uploaded, found
    }

    package let header: BackupHeader
    package let origin: Origin
    package let bytes: Int64
    package let addedAt: Instant
    package let addedBy: String
    /// When it was checked last, and what was found; nil if it never was.
    package let verifiedAt: Instant?, verdict: String?
    package let revision: Int64

    package var id: UUIDBytes { header.id }
}

/// The catalogue of backups.
struct BackupCatalogue: Sendable {
    let database: any SQLDatabase

    static let sorts = ["-created_at", "created_at"]

    func find(_ id: UUIDBytes) async throws -> StoredBackup {
        let row = try await database.query("SELECT * FROM backups WHERE id = $1", [.text(id.description)]).first
        guard let row else { throw StoreError.notFound("backup \(id)") }
        return try BackupCatalogue.backup(row)
    }

    /// A page, and how many there are.
    func list(_ page: Page) async throws -> ([StoredBackup], total: Int64) {
        let (sign, order) = page.isDescending ? ("<", "DESC") : (">", "ASC")
        let after: [SQLValue]
        if let place = page.after {
            guard let at = place.value.integer else { throw Problem.invalid("query:cursor", expected: "the next_cursor of an answer") }
            after = [.integer(at), .text(place.id)]
        } else { after = [] }
        return try await database.read { connection in
            let total = try connection.query("SELECT COUNT(*) AS total FROM backups").first?.integer("total") ?? 0
            let condition = after.isEmpty ? "" : " WHERE (created_at, id) \(sign) ($1, $2)"
            let rows = try connection.query(
                "SELECT * FROM backups\(condition) ORDER BY created_at \(order), id \(order) LIMIT \(page.limit + 1)", after)
            return (try rows.map(BackupCatalogue.backup), total)
        }
    }

    /// The ids, oldest first, of those that the schedule has made.
    func scheduled() async throws -> [UUIDBytes] {
        try await database.query("SELECT id FROM backups WHERE origin = $1 ORDER BY created_at, id", [.text(StoredBackup.Origin.scheduled.rawValue)])
            .compactMap { row throws(SQLError) in UUIDBytes(try row.text("id")) }
    }

    func ids() async throws -> Set<UUIDBytes> {
        Set(try await database.query("SELECT id FROM backups").compactMap { row throws(SQLError) in UUIDBytes(try row.text("id")) })
    }

    @discardableResult func add(
        _ header: BackupHeader, bytes: UInt64, origin: StoredBackup.Origin, by actor: String, at now: Instant
    ) async throws -> StoredBackup {
        do {
            try await database.write { connection in
                try connection.execute(
                    """
                    INSERT INTO backups (id, created_at, origin, description, bytes, header, added_at, added_by, revision)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)
                    """,
                    [
                        .text(header.id.description), .integer(header.createdAt.nanoseconds), .text(origin.rawValue),
                        .text(header.description), .integer(Int64(bytes)), .text(String(decoding: header.document.json, as: UTF8.self)),
                        .integer(now.nanoseconds), .text(actor),
                    ])
            }
        } catch SQLError.constraint(.unique, _) {
            throw StoreError.exists("the backup \(header.id)")
        }
        return StoredBackup(
            header: header, origin: origin, bytes: Int64(bytes), addedAt: now, addedBy: actor, verifiedAt: nil, verdict: nil, revision: 1)
    }

    func remove(_ id: UUIDBytes) async throws {
        try await database.execute("DELETE FROM backups WHERE id = $1", [.text(id.description)])
    }

    /// Notes what a check has found.
    func note(_ verdict: String, of id: UUIDBytes, at now: Instant) async throws {
        try await database.execute(
            "UPDATE backups SET verified_at = $1, verdict = $2, revision = revision + 1 WHERE id = $3",
            [.integer(now.nanoseconds), .text(verdict), .text(id.description)])
    }

    private static func backup(_ row: SQLRow) throws -> StoredBackup {
        guard let document = try? JSONValue(parsing: Array(try row.text("header").utf8)),
            let origin = StoredBackup.Origin(rawValue: try row.text("origin"))
        else { throw StoreError.corrupt("backup \(try row.text("id"))") }
        return StoredBackup(
            header: try BackupHeader(document), origin: origin, bytes: try row.integer("bytes"),
            addedAt: Instant(nanoseconds: try row.integer("added_at")), addedBy: try row.text("added_by"),
            verifiedAt: try row.optionalInteger("verified_at").map { Instant(nanoseconds: $0) },
            verdict: try row.optionalText("verdict"), revision: try row.integer("revision"))
    }
}
