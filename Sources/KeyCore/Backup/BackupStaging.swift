import Primitives

/// A backup's rows in a database of their own, brought up to the present schema: what a restore compares and takes from. Its secret values stay
/// sealed under the backup's own key.
package final class BackupStaging: Sendable {
    package let header: BackupHeader
    /// A digest of the whole file: of two files that open alike, the one that was looked at is the one that is restored.
    let contentDigest: [UInt8]
    let database: SQLiteDatabase
    let values: DataSealer
    private let sealedFiles: [(name: String, sealed: [UInt8])]
    private let path: String

    /// The name of the working file of a restore, in the folder of backups.
    package static let prefix = ".staging-"

    /// Removes the working files that restores which were killed have left in a folder, where none is at work now.
    package static func removeLeftovers(in folder: String) {
        for name in (try? Directory.names(in: folder)) ?? [] where name.hasPrefix(prefix) { try? Directory.remove("\(folder)/\(name)") }
    }

    /// Reads a whole backup; blocks the calling thread.
    /// - Parameter folder: where the working file is put; it is gone with its last owner.
    package init(_ file: String, opener: BackupOpener, folder: String, progress: (Double) -> Void = { _ in }) throws {
        let reader = try BackupFileReader(file)
        header = reader.header
        path = folder + "/" + BackupStaging.prefix + (try UUIDBytes.random()).description + ".db"
        database = try SQLiteDatabase(path: path, readers: 1)
        do {
            (values, sealedFiles) = try BackupStaging.load(reader, opener, into: database, progress)
            contentDigest = reader.contentDigest
            try database.migrate(Schema.migrations)
        } catch {
            try? database.close()
            PrivateDatabaseFile.remove(path)
            throw error
        }
    }

    deinit {
        try? database.close()
        PrivateDatabaseFile.remove(path)
    }

    /// The files in the backup, opened.
    package func members() throws -> [BackupMember] {
        try sealedFiles.map { file in
            BackupMember(name: file.name, content: SharedSecret(try values.open(file.sealed, at: BackupRecord.place(ofFile: file.name))))
        }
    }

    private static func load(
        _ reader: BackupFileReader, _ opener: BackupOpener, into database: SQLiteDatabase, _ progress: (Double) -> Void
    ) throws -> (DataSealer, [(name: String, sealed: [UInt8])]) {
        try database.migrate(Schema.migrations.filter { $0.id <= reader.header.schemaStep })
        return try database.writeBlocking { connection in
            let tables = try BackupTables.backedUp(in: connection)
            for table in tables.reversed() { try connection.execute("DELETE FROM \(table.name)") }  // what the schema itself puts there
            let byName = Dictionary(uniqueKeysWithValues: tables.map { ($0.name, $0) })
            var (values, files): (DataSealer?, [(name: String, sealed: [UInt8])]) = (nil, [])
            var count = 0
            try BackupContent.read(reader, opener) { keys, element in
                values = keys.values
                switch element {
                case .file(let name, let sealed): files.append((name, sealed))
                case .row(let row, let name):
                    guard let table = byName[name], Set(row.columns.names) == Set(table.columnNames) else {
                        throw BackupError.unreadable("the backup's table \(name) is not the one that its schema \(reader.header.schemaStep) has here")
                    }
                    try table.insert(try table.columnNames.map { column throws(SQLError) in try row.value(column) }, in: connection)
                }
                count += 1
                if count.isMultiple(of: 1000) { progress(reader.progress) }
            }
            guard let values else { throw BackupError.refused("the backup is empty: there is nothing to restore") }
            return (values, files)
        }
    }
}
