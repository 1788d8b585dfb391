import Glibc

/// A database file that is only worked with for a while.
package enum PrivateDatabaseFile {
    /// Removes the file with its companions, as far as they are there.
    package static func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(path + suffix) }
    }

    /// Gives a closed database, whose write-ahead log was emptied by a checkpoint, the name that it keeps; durable when this returns.
    /// - Throws: `FileError`; `.io` if the log holds something.
    package static func name(_ path: String, _ name: String) throws(FileError) {
        var status = stat()
        guard stat(path + "-wal", &status) != 0 || status.st_size == 0 else { throw FileError("name", path, code: EBUSY) }
        for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
        try AtomicFile.move(path, to: name)
    }
}
