/// What a driver does for a connection: run one statement of the common dialect within the transaction that is open.
protocol SQLStatementRunner: AnyObject {
    func run(_ sql: String, _ arguments: [SQLValue]) throws(SQLError) -> SQLResult
}

/// What a statement gave back.
struct SQLResult {
    /// The rows of a SELECT or a RETURNING clause.
    var rows: [SQLRow] = []
    /// The rows that INSERT, UPDATE or DELETE changed directly; 0 for any other statement.
    var changedRowCount = 0
}

/// An open transaction, lent to the closure of `read` or `write`; it can't be kept.
///
/// After a statement failed, the transaction is over: each further statement fails with `.misuse`, and the transaction is rolled
/// back even if the closure swallows the error. PostgreSQL demands that; here it is so for every driver.
package struct SQLConnection: ~Copyable {
    private final class State {
        var failure: SQLError?
    }

    private let runner: any SQLStatementRunner
    private let state = State()

    private init(_ runner: any SQLStatementRunner) { self.runner = runner }

    /// Runs a statement that returns rows.
    /// - Parameters:
    ///   - sql: one statement in the common dialect (see `SQLDialect`); a constant, so that it is prepared once.
    ///   - arguments: the values of `$1`, `$2` …
    /// - Returns: all rows, in the order that the statement asks for.
    /// - Throws: `SQLError`.
    package borrowing func query(_ sql: String, _ arguments: [SQLValue] = []) throws(SQLError) -> [SQLRow] {
        try run(sql, arguments).rows
    }

    /// Runs a statement for its effect.
    /// - Returns: the number of rows that INSERT, UPDATE or DELETE changed, without those of triggers and foreign keys; 0 for
    ///   any other statement.
    /// - Throws: `SQLError`.
    @discardableResult
    package borrowing func execute(_ sql: String, _ arguments: [SQLValue] = []) throws(SQLError) -> Int {
        try run(sql, arguments).changedRowCount
    }

    private borrowing func run(_ sql: String, _ arguments: [SQLValue]) throws(SQLError) -> SQLResult {
        guard state.failure == nil else { throw .misuse("an earlier statement of this transaction failed") }
        do throws(SQLError) {
            for argument in arguments { try argument.checkCommonSubset() }
            return try runner.run(sql, arguments)
        } catch {
            state.failure = error
            throw error
        }
    }

    /// Lends a connection over `runner` to `body`. Drivers call it within a transaction, which they commit if it returns and
    /// roll back if it throws.
    static func lend<R>(_ runner: any SQLStatementRunner, to body: (borrowing SQLConnection) throws -> R) throws -> R {
        let connection = SQLConnection(runner)
        let result = try body(connection)
        if let failure = connection.state.failure { throw failure }
        return result
    }
}
