import GRDB
import Synchronization

/// A database in one file, for one machine; several processes may have it open.
///
/// One connection writes, up to `readers` others read; each has a queue of its own. What every connection is set to is in
/// `SQLiteSettings`.
package final class SQLiteDatabase: SQLDatabase {
    package let dialect = SQLDialect.sqlite
    private let pool: DatabasePool
    /// A connection that never writes, so that `PRAGMA data_version` on it tells of every commit.
    private let observer: DatabaseQueue
    private let texts = SQLTextCache(dialect: .sqlite)
    private let isClosed = Atomic(false)

    /// Opens the file, or creates it readable and writable for its owner only (as are its `-wal` and `-shm`, which take over
    /// the mode of the file).
    /// - Parameters:
    ///   - path: of the database file, in a folder that exists.
    ///   - readers: how many read transactions may run at once.
    ///   - busyTimeout: how long a transaction waits for another process to end its own before it fails with `.busy`.
    /// - Throws: `.unavailable` if the file can't be opened, `.corrupt` if it is no database.
    package init(path: String, readers: Int = 4, busyTimeout: Duration = .seconds(5)) throws(SQLError) {
        let settings = SQLiteSettings(readers: readers, busyTimeout: busyTimeout)
        try SQLitePrivateFile.createIfMissing(path)
        do {
            pool = try SQLError.mapping { try settings.openPool(path) }
            observer = try SQLError.mapping { try DatabaseQueue(path: path, configuration: settings.observer) }
        } catch {
            throw SQLError(any: error)
        }
    }

    package func read<R: Sendable>(
        _ body: @escaping @Sendable (borrowing SQLConnection) throws -> R
    ) async throws -> R {
        try checkOpen()
        return try await withCheckedThrowingContinuation { continuation in
            pool.asyncRead { [texts] access in
                continuation.resume(
                    with: Result {
                        try SQLError.mapping { try Self.lend(try access.get(), texts, to: body) }
                    })
            }
        }
    }

    @discardableResult
    package func write<R: Sendable>(
        _ body: @escaping @Sendable (borrowing SQLConnection) throws -> R
    ) async throws -> R {
        try checkOpen()
        return try await withCheckedThrowingContinuation { continuation in
            pool.asyncWriteWithoutTransaction { [texts] database in
                continuation.resume(with: Result { try Self.transaction(database, texts, body) })
            }
        }
    }

    package func readBlocking<R>(_ body: (borrowing SQLConnection) throws -> R) throws -> R {
        try checkOpen()
        return try SQLError.mapping { try pool.read { database in try Self.lend(database, texts, to: body) } }
    }

    @discardableResult
    package func writeBlocking<R>(_ body: (borrowing SQLConnection) throws -> R) throws -> R {
        try checkOpen()
        return try pool.writeWithoutTransaction { database in try Self.transaction(database, texts, body) }
    }

    package func changeMarker() async throws(SQLError) -> Int64 {
        try checkOpen()
        let result: Result<Int64, any Error> = await withCheckedContinuation { continuation in
            observer.asyncRead { access in
                continuation.resume(
                    returning: Result {
                        try SQLError.mapping { try Int64.fetchOne(try access.get(), sql: "PRAGMA data_version") ?? 0 }
                    })
            }
        }
        do { return try result.get() } catch { throw SQLError(any: error) }
    }

    package func close() throws(SQLError) {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        do {
            try SQLError.mapping {
                try observer.close()
                try pool.close()
            }
        } catch {
            throw SQLError(any: error)
        }
    }

    /// Moves what the write-ahead log holds into the database file and empties the log. Blocks the calling thread.
    /// - Throws: `.busy` if transactions don't end within the busy timeout.
    package func checkpoint() throws(SQLError) {
        try blocking { try pool.writeWithoutTransaction { database in _ = try database.checkpoint(.truncate) } }
    }

    /// As `checkpoint`, but waits for nobody, so that others go on writing. Blocks the calling thread.
    /// - Returns: whether the log is empty; false if somebody reads or another process writes.
    package func checkpointIfFree() throws(SQLError) -> Bool {
        try blocking {
            try pool.writeWithoutTransaction { database in
                let patience = try Int.fetchOne(database, sql: "PRAGMA busy_timeout") ?? 0
                try database.execute(sql: "PRAGMA busy_timeout = 0")
                defer { try? database.execute(sql: "PRAGMA busy_timeout = \(patience)") }
                do { _ = try database.checkpoint(.truncate) } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                    return false
                }
                return true
            }
        }
    }

    /// Writes a consistent copy without free pages to a new file, readable for its owner only, and syncs it. Blocks the calling
    /// thread; others go on reading and writing meanwhile.
    /// - Throws: `.unavailable` if `path` exists already or can't be written, `.full` if the disk is.
    package func backup(to path: String) throws(SQLError) {
        try SQLitePrivateFile.write(path) { partial throws(SQLError) in
            try blocking {
                try pool.unsafeRead { database in try database.execute(sql: "VACUUM INTO ?", arguments: [partial]) }
            }
        }
    }

    /// The value of a PRAGMA on the writing connection, or on a reading one.
    func pragma(_ name: String, onWriter: Bool = true) throws -> String? {
        try blocking {
            onWriter
                ? try pool.writeWithoutTransaction { try String.fetchOne($0, sql: "PRAGMA \(name)") }
                : try pool.read { try String.fetchOne($0, sql: "PRAGMA \(name)") }
        }
    }

    /// The number of statements whose translation is remembered.
    var cachedStatementCount: Int { texts.count }

    private func blocking<R>(_ body: () throws -> R) throws(SQLError) -> R {
        try checkOpen()
        do { return try SQLError.mapping(body) } catch { throw SQLError(any: error) }
    }

    private func checkOpen() throws(SQLError) {
        if isClosed.load(ordering: .acquiring) { throw .unavailable("it was closed") }
    }

    private static func lend<R>(
        _ database: Database, _ texts: SQLTextCache, to body: (borrowing SQLConnection) throws -> R
    ) throws -> R {
        try SQLConnection.lend(SQLiteStatementRunner(database, texts: texts), to: body)
    }

    /// IMMEDIATE takes the write lock at once: a transaction that read before it wrote could not be repeated from here.
    private static func transaction<R>(
        _ database: Database, _ texts: SQLTextCache, _ body: (borrowing SQLConnection) throws -> R
    ) throws -> R {
        try SQLError.mapping {
            try database.beginTransaction(.immediate)
            do {
                let result = try lend(database, texts, to: body)
                try database.commit()
                return result
            } catch {
                // Some errors (a full disk) have already ended the transaction.
                if database.isInsideTransaction { try database.rollback() }
                throw error
            }
        }
    }
}
