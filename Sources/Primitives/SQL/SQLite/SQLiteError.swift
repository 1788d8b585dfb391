import GRDB

extension SQLError {
    /// A failure of SQLite in our words. Of its message nothing is kept but what names the schema.
    /// Source: sqlite.org/rescode.html.
    init(sqlite error: DatabaseError) {
        let message = error.message ?? "code \(error.extendedResultCode.rawValue)"
        self =
            switch error.resultCode {
            case .SQLITE_BUSY, .SQLITE_LOCKED: .busy
            case .SQLITE_CONSTRAINT: Self.constraint(error.extendedResultCode, message)
            case .SQLITE_READONLY: .readOnly
            case .SQLITE_FULL: .full
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: .corrupt(message)
            case .SQLITE_ERROR, .SQLITE_MISUSE, .SQLITE_RANGE, .SQLITE_MISMATCH, .SQLITE_TOOBIG, .SQLITE_SCHEMA: .misuse(message)
            default: .unavailable("\(message) (SQLite code \(error.extendedResultCode.rawValue))")
            }
    }

    private static func constraint(_ code: ResultCode, _ message: String) -> SQLError {
        // "UNIQUE constraint failed: keys.id": the part after the colon
        let name = message.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? message
        return switch code {
        case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY, .SQLITE_CONSTRAINT_ROWID: .constraint(.unique, name: name)
        case .SQLITE_CONSTRAINT_FOREIGNKEY: .constraint(.foreignKey, name: name)
        case .SQLITE_CONSTRAINT_NOTNULL: .constraint(.notNull, name: name)
        case .SQLITE_CONSTRAINT_CHECK: .constraint(.check, name: name)
        case .SQLITE_CONSTRAINT_DATATYPE: .misuse(message)
        default: .constraint(.other, name: name)
        }
    }

    /// Runs `body`; GRDB's errors become ours, any other passes.
    static func mapping<R>(_ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw SQLError(sqlite: error)
        }
    }
}
