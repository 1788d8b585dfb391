package import Primitives
import Synchronization

/// Takes what was destroyed out of the database's write-ahead log too, as soon as nobody reads any more.
///
/// What is in the log is sealed, and a reader may take its time: so this is never part of an act's outcome.
package final class LogTruncation: Sendable {
    private let database: SQLiteDatabase
    private let due = Atomic(true)

    /// For a database, in whose log an earlier process may have left something.
    package init(_ database: SQLiteDatabase) { self.database = database }

    /// Whether the log may still hold something.
    package var isDue: Bool { due.load(ordering: .acquiring) }

    /// Empties the log now if nobody is in the way, else with a later `run`. Blocks the calling thread.
    package func ask() {
        due.store(true, ordering: .releasing)
        try? run()
    }

    /// Empties the log if that is due and nobody is in the way. Blocks the calling thread.
    /// - Throws: `SQLError` if the database fails; it stays due.
    package func run() throws(SQLError) {
        guard due.exchange(false, ordering: .acquiringAndReleasing) else { return }
        var isDone = false
        defer { if !isDone { due.store(true, ordering: .releasing) } }
        isDone = try database.checkpointIfFree()
    }
}
