import Glibc

/// Folders of files that must survive a crash.
package enum Directory {
    /// The names of what the folder holds, sorted by bytes, without `.` and `..`.
    package static func names(in path: String) throws(FileError) -> [String] {
        guard let stream = opendir(path) else { throw .current("list", path) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw .current("list", path) }
                break
            }
            // By its address: the entry may be shorter than its type, so it must not be copied.
            let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
            let name = String(cString: UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self))
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Makes sure that the folder is there: created with mode 0700 (not its parents) unless it exists.
    package static func create(_ path: String) throws(FileError) {
        do {
            try FileError.check("create", path) { mkdir(path, 0o700) }
        } catch where error.category == .exists {
            var status = stat()
            try FileError.check("stat", path) { stat(path, &status) }
            guard status.st_mode & S_IFMT == S_IFDIR else { throw error }
        }
    }

    /// Removes a file (not a folder) for good: durable when this returns. One that isn't there is no error.
    package static func remove(_ path: String) throws(FileError) {
        do { try FileError.check("remove", path) { unlink(path) } } catch where error.category == .notFound { return }
        try sync(parent(of: path))
    }

    /// Makes the folder's entries durable: files created, renamed or removed in it.
    package static func sync(_ path: String) throws(FileError) {
        let descriptor = try FileError.check("open", path) { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        defer { close(descriptor) }
        try FileError.check("fsync", path) { fsync(descriptor) }
    }

    /// The folder in which `path` stands: what is before its last `/`, or `.`.
    package static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: 0x2F) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
