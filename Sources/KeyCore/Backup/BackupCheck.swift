import Primitives

/// What a check of a backup has found.
package struct BackupReport: Sendable, Equatable {
    package var header: BackupHeader
    /// Rows and files that are in it, and secret values that were opened.
    package var rows: Int64 = 0, files: Int64 = 0, secrets: Int64 = 0
    /// Rows by table.
    package var tables: [String: Int64] = [:]
}

/// Reads a backup from beginning to end without restoring anything.
package enum BackupCheck {
    /// Checks every chunk, record, secret value and count.
    /// - Returns: what was found, all of which is as it should be.
    /// - Throws: `BackupError` at the first thing that is not.
    package static func run(
        _ path: String, opener: BackupOpener, progress: (Double) -> Void = { _ in }
    ) throws -> BackupReport {
        let reader = try BackupFileReader(path)
        var report = BackupReport(header: reader.header)
        try BackupContent.read(reader, opener) { keys, element in
            switch element {
            case .row(let row, let table):
                report.rows += 1
                report.tables[table, default: 0] += 1
                report.secrets += try BackupCheck.openSecrets(row, table, keys)
                if report.rows.isMultiple(of: 1000) { progress(reader.progress) }
            case .file(let name, let sealed):
                _ = try keys.values.open(sealed, at: BackupRecord.place(ofFile: name))
                report.files += 1
            }
        }
        let counts = report.header.counts
        let expected = [
            ("keys", counts.keys), ("key_versions", counts.keyVersions), ("endpoints", counts.endpoints), ("issuers", counts.issuers),
            ("policies", counts.policies),
        ]
        for (table, count) in expected where report.tables[table, default: 0] != count {
            throw BackupError.damaged("the header promises \(count) rows of \(table), there are \(report.tables[table, default: 0])")
        }
        progress(1)
        return report
    }

    private static func openSecrets(_ row: SQLRow, _ table: String, _ keys: BackupKeys) throws -> Int64 {
        var count: Int64 = 0
        for column in SealedColumns.of(table) {
            guard let sealed = try row.optionalBlob(column.column) else { continue }
            do { _ = try keys.values.open(sealed, at: try column.location(of: row)) } catch {
                throw BackupError.damaged("a secret value in the backup does not open: \(error)")
            }
            count += 1
        }
        return count
    }
}

/// A backup's payload, element by element.
enum BackupContent {
    enum Element {
        case row(SQLRow, table: String)
        case file(name: String, sealed: [UInt8])
    }

    /// Calls `body` with each element; throws unless the payload is complete.
    static func read(_ reader: BackupFileReader, _ opener: BackupOpener, _ body: (BackupKeys, Element) throws -> Void) throws {
        let newest = Schema.migrations.last?.id ?? 0
        guard reader.header.schemaStep <= newest else {
            throw BackupError.unreadable(
                "the backup was made by version \(reader.header.program) (schema \(reader.header.schemaStep)), this one knows schema \(newest): "
                    + "use that version or a newer one")
        }
        let keys = try reader.unlock(opener)
        var (rows, files): (Int64, Int64) = (0, 0)
        var table: (name: String, columns: SQLColumns)?
        while let record = try BackupRecord(reading: reader) {
            switch record {
            case .table(let name, let columns): table = (name, SQLColumns(columns))
            case .row(let values):
                guard let table, values.count == table.columns.names.count else {
                    throw BackupError.damaged("the backup holds a row that fits no table; it was made by a defective program")
                }
                try body(keys, .row(SQLRow(columns: table.columns, values: values), table: table.name))
                rows += 1
            case .file(let name, let sealed):
                try body(keys, .file(name: name, sealed: sealed))
                files += 1
            case .end(let expectedRows, let expectedFiles):
                guard rows == expectedRows, files == expectedFiles, try reader.read(1) == nil else {
                    throw BackupError.damaged("the backup holds \(rows) rows and \(files) files, its end says \(expectedRows) and \(expectedFiles)")
                }
                return
            }
        }
        throw BackupError.damaged("the backup has no end; it was made by a defective program")
    }
}
