import Glibc

/// Small files that are replaced as a whole: a reader, or a crash, meets the old bytes or the new ones and nothing between.
package enum AtomicFile {
    /// Makes `bytes` the durable content of `path`, with mode 0600 and the owner of the file before: written to a file beside it, synchronised, renamed over it, and the
    /// folder synchronised. A symbolic link at the path is replaced, not followed.
    /// - Throws: `FileError`; the old file then stands unchanged, unless only the folder's synchronisation failed.
    package static func replace(_ path: String, with bytes: [UInt8]) throws(FileError) {
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp"
        do {
            let file = try AppendOnlyFile(creating: temporary)
            try keepOwner(of: path, for: temporary)
            try file.append(bytes)
            try file.dataSync()
            try FileError.check("rename", path) { rename(temporary, path) }
        } catch {
            unlink(temporary)
            throw error
        }
        try Directory.sync(Directory.parent(of: path))
    }

    /// Gives a file, which is synchronised first, a name in the same file system that nothing has; durable when this returns.
    /// - Throws: `FileError`; `.exists` if something has that name: it stays as it is.
    package static func place(_ path: String, as name: String) throws(FileError) {
        let descriptor = try FileError.check("open", path) { open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) }
        defer { close(descriptor) }
        try FileError.check("fsync", path) { fsync(descriptor) }
        try FileError.check("name", name) { link(path, name) }  // fails where rename would replace
        unlink(path)
        try Directory.sync(Directory.parent(of: name))
    }

    /// What root puts in the place of somebody's file stays that person's.
    private static func keepOwner(of path: String, for new: String) throws(FileError) {
        var status = stat()
        guard geteuid() == 0, lstat(path, &status) == 0, status.st_uid != 0 else { return }
        try FileError.check("chown", new) { lchown(new, status.st_uid, status.st_gid) }
    }

    /// Gives a file, which is synchronised first, the name of another one in the same file system; durable when this returns.
    /// - Throws: `FileError`.
    package static func move(_ path: String, to name: String) throws(FileError) {
        let descriptor = try FileError.check("open", path) { open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) }
        defer { close(descriptor) }
        try FileError.check("fsync", path) { fsync(descriptor) }
        try keepOwner(of: name, for: path)
        try FileError.check("rename", name) { rename(path, name) }
        try Directory.sync(Directory.parent(of: name))
    }
}
