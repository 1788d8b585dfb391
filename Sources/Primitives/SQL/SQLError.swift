/// Which rule of the schema a statement broke.
package enum SQLConstraint: String, Sendable {
    case unique, foreignKey, notNull, check, other
}

/// Why a statement or a transaction failed, in words that are the same for every driver. Details name tables, columns and
/// reasons; they never hold an argument or a stored value.
package enum SQLError: Error, Equatable {
    /// Another writer held the database for longer than the busy timeout. Trying again may help.
    case busy
    /// The schema forbids the change. `name` is the driver's: columns (SQLite) or the constraint (PostgreSQL), for logs only.
    case constraint(SQLConstraint, name: String)
    /// The transaction or the file may only be read.
    case readOnly
    /// No space is left for the database.
    case full
    /// The file is damaged or is no database.
    case corrupt(String)
    /// The database can't be opened or reached, was closed, or its disk fails.
    case unavailable(String)
    /// The statement or its arguments are wrong, which is a defect of ours: syntax, unknown table, wrong argument count.
    case misuse(String)
    /// A result is not what the caller expected.
    case decoding(column: String, expected: String, found: String)
}

extension SQLError: CustomStringConvertible {
    /// One line for the operator.
    package var description: String {
        switch self {
        case .busy: "the database is busy: another process or task holds it for writing"
        case .constraint(let kind, let name): "\(kind.rawValue) constraint violated: \(name)"
        case .readOnly: "the database is read-only"
        case .full: "no space is left for the database"
        case .corrupt(let detail): "the database is damaged: \(detail)"
        case .unavailable(let detail): "the database is unavailable: \(detail)"
        case .misuse(let detail): "wrong use of the database: \(detail)"
        case .decoding(let column, let expected, let found): "column \(column): expected \(expected), found \(found)"
        }
    }
}
