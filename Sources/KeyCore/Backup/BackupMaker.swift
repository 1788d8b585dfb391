package import Primitives

/// A file of the data folder that goes into a backup: the configuration, a TLS key.
package struct BackupMember: Sendable {
    /// Its path within the data folder.
    package let name: String
    package let content: SharedSecret

    /// A file as given.
    package init(name: String, content: SharedSecret) { (self.name, self.content) = (name, content) }
}

/// What a backup is to be.
package struct BackupOrder: Sendable {
    package var id: UUIDBytes
    package var scope = BackupScope.all
    package var secret: BackupSecret
    package var description = ""
    /// Files that go in beside the tables.
    package var members: [BackupMember] = []
    /// Files that belong to it and can't go in; the header names them.
    package var leftOut: [String] = []
    /// Is asked from time to time while the file grows; what it throws ends it.
    package var mayGrow: @Sendable () throws -> Void = {}

    /// Everything, for this passphrase or recipient.
    package init(secret: BackupSecret) throws(OpenSSLError) {
        (id, self.secret) = (try UUIDBytes.random(), secret)
    }
}

/// Makes backups: everything is read in one transaction, while others go on writing, and goes straight into the file. No more than a few rows
/// are in memory, and no plaintext key on disk.
package struct BackupMaker: Sendable {
    private let database: any SQLDatabase
    private let sealer: DataSealer
    private let clock: WallClock
    private let program: String

    /// Over an open, migrated database.
    package init(database: any SQLDatabase, sealer: DataSealer, clock: WallClock, program: String) {
        (self.database, self.sealer, self.clock, self.program) = (database, sealer, clock, program)
    }

    /// Writes a backup to `path`, which must not exist; it is there, complete and on disk, when this returns.
    /// - Parameter progress: is told the number of rows from time to time.
    /// - Returns: its header, and its size in bytes.
    package func make(
        _ order: BackupOrder, at path: String, progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> (header: BackupHeader, bytes: UInt64) {
        try await database.write { connection in
            _ = try InstallationIdentity.ensure(in: connection)
            try DeletedKeys.note(in: connection)
        }
        return try await database.read { connection in
            // Should the transaction have to be repeated, it begins a new file.
            let selection = try BackupSelection(order.scope, in: connection)
            let (dataKey, lock) = try BackupLock.make(for: order.secret)
            let keys = try BackupKeys(dataKey: dataKey)
            let header = try header(order, selection, lock, connection)
            let writer = try BackupFileWriter(path, header: header, key: keys.chunks, mayGrow: order.mayGrow)
            let rows = try writeTables(selection, keys.values, writer, progress, connection)
            for member in order.members {
                let place = BackupRecord.place(ofFile: member.name)
                try writer.write(BackupRecord.file(name: member.name, sealed: try keys.values.seal(member.content.bytes, at: place)).bytes)
            }
            try writer.write(BackupRecord.end(rows: rows, files: Int64(order.members.count)).bytes)
            return (header, try writer.finish())
        }
    }

    private func writeTables(
        _ selection: BackupSelection, _ values: DataSealer, _ writer: BackupFileWriter, _ progress: (Int64) -> Void,
        _ connection: borrowing SQLConnection
    ) throws -> Int64 {
        var count: Int64 = 0
        for table in try BackupTables.backedUp(in: connection) where selection.includes(table) {
            try writer.write(BackupRecord.table(name: table.name, columns: table.columnNames).bytes)
            let sealed = SealedColumns.of(table.name)
            try table.forEachRow(in: connection) { row in
                guard try selection.includes(row, of: table) else { return }
                try writer.write(BackupRecord.row(try row.resealed(sealed, from: sealer, to: values)).bytes)
                count += 1
                if count.isMultiple(of: 1000) { progress(count) }
            }
        }
        progress(count)
        return count
    }

    private func header(
        _ order: BackupOrder, _ selection: BackupSelection, _ lock: BackupLock, _ connection: borrowing SQLConnection
    ) throws -> BackupHeader {
        let identity = try InstallationIdentity.find(in: connection)
        var counts = BackupCounts()
        if let roots = selection.roots {
            counts.keys = Int64(roots["keys"]?.count ?? 0)
            counts.endpoints = Int64(roots["endpoints"]?.count ?? 0)
            counts.issuers = Int64(roots["issuers"]?.count ?? 0)
            counts.policies = Int64(roots["policies"]?.count ?? 0)
            for id in roots["keys"] ?? [] { counts.keyVersions += try count("key_versions WHERE key_id = $1", [.text(id)], connection) }
        } else {
            counts.keys = try count("keys", [], connection)
            counts.keyVersions = try count("key_versions", [], connection)
            counts.endpoints = try count("endpoints", [], connection)
            counts.issuers = try count("issuers", [], connection)
            counts.policies = try count("policies", [], connection)
        }
        let heads = try connection.query("SELECT node, sequence, chain FROM audit_heads ORDER BY node").map { row -> JSONValue in
            ["node": .string(try row.text("node")), "sequence": .integer(try row.integer("sequence")), "chain": .string(try row.text("chain"))]
        }
        return BackupHeader(
            id: order.id, createdAt: clock.now, installation: identity?.id ?? "", epoch: identity?.epoch ?? 1,
            scope: selection.roots == nil ? .all : .selected, schemaStep: Schema.migrations.last?.id ?? 0, program: program,
            counts: counts, includesFiles: !order.members.isEmpty, filesLeftOut: order.leftOut, description: order.description, audit: heads, lock: lock)
    }

    private func count(_ what: String, _ arguments: [SQLValue], _ connection: borrowing SQLConnection) throws -> Int64 {
        try connection.query("SELECT COUNT(*) AS number FROM \(what)", arguments).first?.integer("number") ?? 0
    }
}

extension SQLRow {
    /// The row's values, in which those of the sealed columns are opened with one sealer and sealed with another.
    func resealed(_ sealed: [SealedColumn], from old: DataSealer, to new: DataSealer) throws -> [SQLValue] {
        guard !sealed.isEmpty else { return values }
        var values = values
        for column in sealed {
            guard let position = columns.names.firstIndex(of: column.column), case .blob(let bytes) = values[position] else { continue }
            let place = try column.location(of: self)
            values[position] = .blob(try new.seal(try old.open(bytes, at: place), at: place))
        }
        return values
    }
}
