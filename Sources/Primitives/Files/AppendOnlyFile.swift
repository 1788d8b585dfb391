import Glibc

/// A regular file that only grows: opened with mode 0600 and `O_APPEND`, never through a symbolic link, closed with its last owner.
///
/// All calls block; none buffers. The kernel serialises them, so a shared instance is safe, but the order of two appends from two
/// threads is then nobody's choice.
package final class AppendOnlyFile: Sendable {
    /// The path under which it was opened.
    package let path: String
    private let descriptor: CInt
    private let device: dev_t
    private let inode: ino_t

    /// Creates the file. The folder's own entry is durable only after `Directory.sync`.
    /// - Throws: `FileError`; `.exists` if anything stands at the path.
    package convenience init(creating path: String) throws(FileError) {
        try self.init(path, flags: O_CREAT | O_EXCL, operation: "create")
    }

    /// Opens a file that is there.
    /// - Throws: `FileError`; `.notFound`, or `.replaced` if the path names a link or anything but a regular file.
    package convenience init(opening path: String) throws(FileError) { try self.init(path, flags: 0, operation: "open") }

    private init(_ path: String, flags: CInt, operation: String) throws(FileError) {
        let all = flags | O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let descriptor = try FileError.check(operation, path) { Glibc.open(path, all, 0o600) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = FileError.current("stat", path)
            close(descriptor)
            throw error
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw FileError(operation, path, code: ELOOP)
        }
        (self.path, self.descriptor, device, inode) = (path, descriptor, status.st_dev, status.st_ino)
    }

    deinit { close(descriptor) }

    /// Appends all the bytes, however many writes that takes. They are not durable before `dataSync`.
    /// - Throws: `FileError`; a part may then have been written: `truncate` takes it back.
    package func append(_ bytes: [UInt8]) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let count = try FileError.check("write", path) {
                bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written) }
            }
            guard count > 0 else { throw FileError("write", path, code: EIO) }
            written += count
        }
    }

    /// Makes everything appended so far durable (`fdatasync`). After a failure the kernel may have dropped what was
    /// unwritten and a second try would succeed without it: don't append to this file again.
    package func dataSync() throws(FileError) { try FileError.check("fdatasync", path) { fdatasync(descriptor) } }

    /// Cuts the file to `size` bytes.
    package func truncate(to size: UInt64) throws(FileError) {
        try FileError.check("truncate", path) { ftruncate(descriptor, off_t(size)) }
    }

    /// The size of the open file in bytes, whatever stands at its path now.
    package func size() throws(FileError) -> UInt64 {
        var status = stat()
        try FileError.check("stat", path) { fstat(descriptor, &status) }
        return UInt64(status.st_size)
    }

    /// What a path names in comparison with the file that is open.
    package enum PathState: Sendable, Equatable {
        /// The same file, with this size in bytes.
        case same(size: UInt64)
        /// Nothing: the file or its folder was deleted or moved away.
        case missing
        /// Another file, folder or link.
        case replaced
    }

    /// What stands at the path now: the open file (by device and inode) or something else. Costs one system call.
    /// - Throws: `FileError` if the path can't be looked up for another reason than that nothing is there.
    package func pathState() throws(FileError) -> PathState {
        var status = stat()
        do {
            try FileError.check("stat", path) { lstat(path, &status) }
        } catch where error.category == .notFound {
            return .missing
        }
        guard status.st_dev == device, status.st_ino == inode else { return .replaced }
        return .same(size: UInt64(status.st_size))
    }
}
