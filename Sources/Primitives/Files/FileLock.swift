import Glibc

/// An exclusive lock on a file (`flock`), held until its last owner is gone or the process ends, however it ends.
package final class FileLock: Sendable {
    private let descriptor: CInt

    /// Takes the lock; the file is created with mode 0600 if need be and stays behind.
    /// - Throws: `FileError`; `.locked` at once if another owner holds it, in this process or another.
    package init(_ path: String) throws(FileError) {
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        let descriptor = try FileError.check("open", path) { Glibc.open(path, flags, 0o600) }
        do {
            try FileError.check("lock", path) { flock(descriptor, LOCK_EX | LOCK_NB) }
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
