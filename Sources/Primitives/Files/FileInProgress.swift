import Glibc
import Synchronization

/// A new file that appears under its name only when it is complete and on disk: until `finish` it is `NAME.partial`, mode 0600, and it is
/// removed with its last owner if it was never finished.
package final class FileInProgress: Sendable {
    /// The name that it will have.
    package let path: String
    private let file: Mutex<AppendOnlyFile?>
    private var partial: String { FileInProgress.partialPath(path) }

    /// The name that a file has while it is being written.
    package static func partialPath(_ path: String) -> String { path + ".partial" }

    /// Starts the file; what an earlier process left unfinished is removed.
    /// - Throws: `FileError`; `.exists` if anything stands at the path already.
    package init(_ path: String) throws(FileError) {
        self.path = path
        guard access(path, F_OK) != 0 else { throw FileError("create", path, code: EEXIST) }
        unlink(FileInProgress.partialPath(path))
        file = Mutex(try AppendOnlyFile(creating: FileInProgress.partialPath(path)))
    }

    deinit { if file.withLock({ $0 != nil }) { unlink(partial) } }

    /// Appends all the bytes.
    /// - Throws: `FileError`.
    package func append(_ bytes: [UInt8]) throws(FileError) {
        try open().append(bytes)
    }

    /// Makes the file durable and gives it its name.
    /// - Returns: its size in bytes.
    /// - Throws: `FileError`; `.exists` if a file of that name has appeared meanwhile: it stays as it is.
    @discardableResult
    package func finish() throws(FileError) -> UInt64 {
        let file = try open()
        try file.dataSync()
        let size = try file.size()
        try FileError.check("create", path) { link(partial, path) }  // fails where rename would replace
        unlink(partial)
        self.file.withLock { $0 = nil }
        try Directory.sync(Directory.parent(of: path))
        return size
    }

    private func open() throws(FileError) -> AppendOnlyFile {
        guard let file = file.withLock({ $0 }) else { throw FileError("write", path, code: EBADF) }
        return file
    }
}
