import Glibc

/// Database files that only their owner can read, whatever the umask.
enum SQLitePrivateFile {
    /// Creates an empty file of mode 0600; an existing one stays as it is.
    static func createIfMissing(_ path: String) throws(SQLError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor >= 0 {
            close(descriptor)
        } else if errno != EEXIST {
            throw failure("create", path)
        }
    }

    /// A new file at `path`, complete and on disk, or none: `body` fills `path.partial`, which takes the name at the end.
    static func write(_ path: String, _ body: (_ partial: String) throws(SQLError) -> Void) throws(SQLError) {
        guard access(path, F_OK) != 0 else { throw .unavailable("\(path) exists already") }
        let partial = path + ".partial"
        unlink(partial)
        try createIfMissing(partial)
        do throws(SQLError) {
            try body(partial)
            try sync(partial, O_RDWR)
            // link fails where rename would replace a file that appeared meanwhile
            guard link(partial, path) == 0 else { throw failure("create", path) }
            unlink(partial)
            try sync(folder(of: path), O_RDONLY | O_DIRECTORY)
        } catch {
            unlink(partial)
            throw error
        }
    }

    /// Blocks the calling thread.
    static func pause(milliseconds: UInt32) { usleep(milliseconds * 1000) }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func sync(_ path: String, _ flags: CInt) throws(SQLError) {
        let descriptor = open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("sync", path) }
    }

    private static func failure(_ verb: String, _ path: String) -> SQLError {
        let code = errno
        return code == ENOSPC ? .full : .unavailable("can't \(verb) \(path): \(String(cString: strerror(code)))")
    }
}
