import Glibc

/// A database file that is only worked with for a while.
package enum PrivateDatabaseFile {
    /// Removes the file with its companions, as far as they are there.
    package static func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(path + suffix) }
    }

    /// A companion of a database that isn't there: SQLite would take it for that of whatever database gets the name.
    package static func stray(of path: String) -> String? {
        guard access(path, F_OK) != 0 else { return nil }
        return ["-wal", "-shm", "-journal"].map { path + $0 }.first { access($0, F_OK) == 0 }
    }

    /// Gives a closed database, whose write-ahead log was emptied by a checkpoint, the name that it keeps; durable when this returns.
    /// - Throws: `FileError`; `.io` if the log holds something, `.exists` if a database, or what one has left beside itself, has that name.
    package static func name(_ path: String, _ name: String) throws(FileError) {
        var status = stat()
        guard stat(path + "-wal", &status) != 0 || status.st_size == 0 else { throw FileError("name", path, code: EBUSY) }
        for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
        if let stray = stray(of: name) { throw FileError("name", stray, code: EEXIST) }
        try AtomicFile.place(path, as: name)
    }
}
