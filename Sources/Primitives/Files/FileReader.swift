import Glibc

/// A regular file open for reading at any place; never opened through a symbolic link.
package final class FileReader: Sendable {
    /// The path under which it was opened.
    package let path: String
    private let descriptor: CInt

    /// Opens the file.
    /// - Throws: `FileError`; `.notFound`, or `.replaced` if the path names a link or anything but a regular file.
    package init(_ path: String) throws(FileError) {
        let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let descriptor = try FileError.check("open", path) { Glibc.open(path, flags) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw FileError("open", path, code: ELOOP)
        }
        (self.path, self.descriptor) = (path, descriptor)
    }

    deinit { close(descriptor) }

    /// The present size in bytes.
    package func size() throws(FileError) -> UInt64 {
        var status = stat()
        try FileError.check("stat", path) { fstat(descriptor, &status) }
        return UInt64(status.st_size)
    }

    /// Up to `count` bytes from `offset`; fewer only at the file's end.
    package func read(at offset: UInt64, count: Int) throws(FileError) -> [UInt8] {
        do {
            return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                while filled < count, let start = buffer.baseAddress {
                    let step = try FileError.check("read", path) {
                        pread(descriptor, start + filled, count - filled, off_t(offset) + off_t(filled))
                    }
                    if step == 0 { break }
                    filled += step
                }
            }
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError("read", path, code: EIO)
        }
    }
}
