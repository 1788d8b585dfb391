/// The column names of a result, shared by its rows.
package final class SQLColumns: Sendable {
    /// The names in the order of the statement.
    package let names: [String]
    private let positions: [String: Int]

    /// Of two columns with one name the first is found.
    package init(_ names: [String]) {
        self.names = names
        positions = Dictionary(zip(names, names.indices), uniquingKeysWith: { first, _ in first })
    }

    func position(of name: String) -> Int? { positions[name] }
}

/// One row of a result, read by column name into the type that the caller expects.
package struct SQLRow: Sendable {
    /// The column names of the result.
    package let columns: SQLColumns
    /// The values in the order of `columns`.
    package let values: [SQLValue]

    /// A row as given.
    package init(columns: SQLColumns, values: [SQLValue]) {
        self.columns = columns
        self.values = values
    }

    /// The value of a column.
    /// - Throws: `.decoding` if the result has no such column.
    package func value(_ column: String) throws(SQLError) -> SQLValue {
        guard let position = columns.position(of: column) else {
            throw .decoding(column: column, expected: "a column of this name", found: "none")
        }
        return values[position]
    }

    /// The text of a column. Throws `.decoding` if the column is absent, NULL or of another kind.
    package func text(_ column: String) throws(SQLError) -> String {
        try present(optionalText(column), column, "text")
    }

    /// The text of a column, nil for NULL. Throws `.decoding` if the column is absent or of another kind.
    package func optionalText(_ column: String) throws(SQLError) -> String? {
        switch try value(column) {
        case .null: return nil
        case .text(let text): return text
        case let other: throw .decoding(column: column, expected: "text", found: other.kind)
        }
    }

    /// The integer of a column. Throws `.decoding` if the column is absent, NULL or of another kind.
    package func integer(_ column: String) throws(SQLError) -> Int64 {
        try present(optionalInteger(column), column, "integer")
    }

    /// The integer of a column, nil for NULL. Throws `.decoding` if the column is absent or of another kind.
    package func optionalInteger(_ column: String) throws(SQLError) -> Int64? {
        switch try value(column) {
        case .null: return nil
        case .integer(let integer): return integer
        case let other: throw .decoding(column: column, expected: "integer", found: other.kind)
        }
    }

    /// The boolean that `SQLValue.boolean` stored. Throws `.decoding` if the column is absent or neither 0 nor 1.
    package func boolean(_ column: String) throws(SQLError) -> Bool {
        switch try integer(column) {
        case 0: return false
        case 1: return true
        default: throw .decoding(column: column, expected: "0 or 1", found: "another integer")
        }
    }

    /// The real of a column. Throws `.decoding` if the column is absent, NULL or of another kind.
    package func real(_ column: String) throws(SQLError) -> Double {
        try present(optionalReal(column), column, "real")
    }

    /// The real of a column, nil for NULL. Throws `.decoding` if the column is absent or of another kind.
    package func optionalReal(_ column: String) throws(SQLError) -> Double? {
        switch try value(column) {
        case .null: return nil
        case .real(let real): return real
        case let other: throw .decoding(column: column, expected: "real", found: other.kind)
        }
    }

    /// The bytes of a column. Throws `.decoding` if the column is absent, NULL or of another kind.
    package func blob(_ column: String) throws(SQLError) -> [UInt8] {
        try present(optionalBlob(column), column, "blob")
    }

    /// The bytes of a column, nil for NULL. Throws `.decoding` if the column is absent or of another kind.
    package func optionalBlob(_ column: String) throws(SQLError) -> [UInt8]? {
        switch try value(column) {
        case .null: return nil
        case .blob(let bytes): return bytes
        case let other: throw .decoding(column: column, expected: "blob", found: other.kind)
        }
    }

    private func present<T>(_ value: T?, _ column: String, _ expected: String) throws(SQLError) -> T {
        guard let value else { throw .decoding(column: column, expected: expected, found: "null") }
        return value
    }
}
