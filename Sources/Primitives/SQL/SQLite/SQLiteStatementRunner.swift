import Foundation
import GRDB

/// Statements over one of GRDB's connections, used on that connection's queue only.
final class SQLiteStatementRunner: SQLStatementRunner {
    private let database: Database
    private let texts: SQLTextCache

    init(_ database: Database, texts: SQLTextCache) {
        self.database = database
        self.texts = texts
    }

    func run(_ sql: String, _ arguments: [SQLValue]) throws(SQLError) -> SQLResult {
        let (text, isCached) = try texts.translate(sql)
        guard text.argumentCount == arguments.count else {
            throw .misuse("\(text.argumentCount) arguments expected, \(arguments.count) given")
        }
        do {
            let statement = try isCached ? database.cachedStatement(sql: text.text) : database.makeStatement(sql: text.text)
            try statement.setArguments(StatementArguments(arguments.map(\.databaseValue)))
            let changesBefore = database.totalChangesCount
            var result = SQLResult()
            if statement.columnCount == 0 { try statement.execute() } else { result.rows = try Self.rows(of: statement) }
            // SQLite's own count stays at its old value when a statement isn't INSERT, UPDATE or DELETE.
            if database.totalChangesCount != changesBefore { result.changedRowCount = database.changesCount }
            return result
        } catch let error as DatabaseError {
            throw SQLError(sqlite: error)
        } catch {
            throw SQLError(any: error)
        }
    }

    private static func rows(of statement: Statement) throws -> [SQLRow] {
        let columns = SQLColumns(statement.columnNames)
        let cursor = try Row.fetchCursor(statement)
        var rows: [SQLRow] = []
        while let row = try cursor.next() {
            rows.append(SQLRow(columns: columns, values: row.databaseValues.map(SQLValue.init)))
        }
        return rows
    }
}

extension SQLValue {
    fileprivate var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let value): value.databaseValue
        case .real(let value): value.databaseValue
        case .text(let value): value.databaseValue
        case .blob(let value): Data(value).databaseValue
        }
    }

    fileprivate init(_ value: DatabaseValue) {
        self =
            switch value.storage {
            case .null: .null
            case .int64(let value): .integer(value)
            case .double(let value): .real(value)
            case .string(let value): .text(value)
            case .blob(let value): .blob([UInt8](value))
            }
    }
}
