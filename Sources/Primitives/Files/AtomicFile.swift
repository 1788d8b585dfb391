import Glibc

/// Small files that are replaced as a whole: a reader, or a crash, meets the old bytes or the new ones and nothing between.
package enum AtomicFile {
    /// Makes `bytes` the durable content of `path`, with mode 0600: written to a file beside it, synchronised, renamed over it, and the
    /// folder synchronised. A symbolic link at the path is replaced, not followed.
    /// - Throws: `FileError`; the old file then stands unchanged, unless only the folder's synchronisation failed.
    package static func replace(_ path: String, with bytes: [UInt8]) throws(FileError) {
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp"
        do {
            let file = try AppendOnlyFile(creating: temporary)
            try file.append(bytes)
            try file.dataSync()
            try FileError.check("rename", path) { rename(temporary, path) }
        } catch {
            unlink(temporary)
            throw error
        }
        try Directory.sync(Directory.parent(of: path))
    }

    /// Gives a file, which is synchronised first, the name of another one in the same file system; durable when this returns.
    /// - Throws: `FileError`.
    package static func move(_ path: String, to name: String) throws(FileError) {
        let descriptor = try FileError.check("open", path) { open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) }
        defer { close(descriptor) }
        try FileError.check("fsync", path) { fsync(descriptor) }
        try FileError.check("rename", name) { rename(path, name) }
        try Directory.sync(Directory.parent(of: name))
    }
}
