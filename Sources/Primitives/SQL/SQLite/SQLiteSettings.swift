import GRDB

/// How each connection is set up.
struct SQLiteSettings {
    let readers: Int
    let busyTimeout: Duration

    /// The writing connection and, derived from it by GRDB, the reading ones.
    private var configuration: Configuration {
        var configuration = Configuration()
        let seconds = Double(busyTimeout.components.seconds) + Double(busyTimeout.components.attoseconds) * 1e-18
        configuration.label = "holdfast.sqlite"
        configuration.maximumReaderCount = max(1, readers)
        configuration.busyMode = .timeout(seconds)
        configuration.foreignKeysEnabled = true
        configuration.prepareDatabase { database in
            // A changed file must not make us run functions (sqlite.org/security.html).
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
            // Overwrite what is deleted with zeros.
            try database.execute(sql: "PRAGMA secure_delete = ON")
            // No temporary files outside the data folder.
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
        }
        return configuration
    }

    /// The connection for `changeMarker`.
    var observer: Configuration {
        var configuration = configuration
        configuration.readonly = true
        configuration.label = "holdfast.sqlite.observer"
        return configuration
    }

    /// Opens the file for writing and reading, in WAL mode, every commit synced.
    ///
    /// SQLite doesn't wait for another process while it switches to WAL, so opening is repeated until the busy timeout.
    func openPool(_ path: String) throws -> DatabasePool {
        let deadline = ContinuousClock.now + busyTimeout
        while true {
            do {
                let pool = try DatabasePool(path: path, configuration: configuration)
                try Self.syncEveryCommit(pool)
                return pool
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && ContinuousClock.now < deadline {
                SQLitePrivateFile.pause(milliseconds: 20)
            }
        }
    }

    /// GRDB sets `synchronous = NORMAL` when it switches to WAL, after our own preparation: a commit would be lost with the
    /// power. So it is set once more afterwards, and read back.
    private static func syncEveryCommit(_ pool: DatabasePool) throws {
        try pool.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
            guard try Int.fetchOne(database, sql: "PRAGMA synchronous") == 2,
                try String.fetchOne(database, sql: "PRAGMA journal_mode") == "wal"
            else { throw SQLError.unavailable("SQLite refuses to sync each commit") }
        }
    }
}
