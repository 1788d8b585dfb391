/// A database that holds our tables: SQLite in one file, or PostgreSQL. Every implementation passes `SQLConformance`.
///
/// Nothing here blocks Swift's cooperative threads except the two `…Blocking` functions, which are for start-up and the command
/// line. A transaction that has begun is not interrupted when its task is cancelled.
///
/// A closure may run more than once if the database has to repeat the transaction, so it has no effects but those on its
/// connection. It must not call the database itself: transactions don't nest.
package protocol SQLDatabase: Sendable {
    /// The dialect of its statements.
    var dialect: SQLDialect { get }

    /// Runs `body` in a transaction that sees one unchanging state of the database and can't change it.
    /// - Throws: what `body` throws; `SQLError` if the database fails.
    func read<R: Sendable>(_ body: @escaping @Sendable (borrowing SQLConnection) throws -> R) async throws -> R

    /// Runs `body` in a transaction that is alone in writing, and commits: when this returns, the change is on disk. If `body`
    /// throws, or a statement in it failed, nothing of it remains.
    /// - Throws: what `body` throws; `SQLError` if the database fails.
    @discardableResult
    func write<R: Sendable>(_ body: @escaping @Sendable (borrowing SQLConnection) throws -> R) async throws -> R

    /// `read` that blocks the calling thread.
    func readBlocking<R>(_ body: (borrowing SQLConnection) throws -> R) throws -> R

    /// `write` that blocks the calling thread.
    @discardableResult
    func writeBlocking<R>(_ body: (borrowing SQLConnection) throws -> R) throws -> R

    /// A cheap number that differs from an earlier one if anybody has committed a change in between, another process included.
    func changeMarker() async throws(SQLError) -> Int64

    /// Waits for running transactions and lets go of the database; every later call fails with `.unavailable`.
    func close() throws(SQLError)
}

extension SQLDatabase {
    /// One statement in a read transaction of its own.
    package func query(_ sql: String, _ arguments: [SQLValue] = []) async throws(SQLError) -> [SQLRow] {
        do {
            return try await read { connection in try connection.query(sql, arguments) }
        } catch {
            throw SQLError(any: error)
        }
    }

    /// One statement in a write transaction of its own; the number of changed rows.
    @discardableResult
    package func execute(_ sql: String, _ arguments: [SQLValue] = []) async throws(SQLError) -> Int {
        do {
            return try await write { connection in try connection.execute(sql, arguments) }
        } catch {
            throw SQLError(any: error)
        }
    }
}

extension SQLError {
    /// The same error where the compiler lost its type.
    init(any error: any Error) { self = (error as? SQLError) ?? .unavailable(String(describing: type(of: error))) }
}
