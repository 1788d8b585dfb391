import Glibc

/// A database file that is only worked with for a while.
package enum PrivateDatabaseFile {
    /// Removes the file with its companions, as far as they are there.
    package static func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(path + suffix) }
    }

    /// Gives a closed database, whose write-ahead log is empty, the name that it keeps; durable when this returns.
    package static func name(_ path: String, _ name: String) throws(FileError) {
        guard access(path + "-wal", F_OK) != 0 else { throw FileError("name", path + "-wal", code: EBUSY) }
        try AtomicFile.move(path, to: name)
    }
}
