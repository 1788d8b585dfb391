import Glibc

/// A file operation that failed: what was tried, on which path, and the system's reason.
package struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of failure it is, for whoever decides what to do next.
    package enum Category: Sendable, Equatable {
        /// The disk or the quota is full.
        case noSpace
        /// The process may not.
        case permission
        /// The file or its folder isn't there.
        case notFound
        /// The file is there already.
        case exists
        /// Another process (or another owner in this one) holds the lock.
        case locked
        /// Something else stands at the path: a link, a folder, a device.
        case replaced
        /// Anything else, as a failing device.
        case io
    }

    /// What was tried: `write`, `open`, …
    package let operation: String
    /// The path as it was given.
    package let path: String
    /// The system's error number (`errno`).
    package let code: Int32
    /// What kind of failure it is.
    package let category: Category

    /// The failure of `operation` with the error number `code`; the category follows from the number.
    package init(_ operation: String, _ path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
        category =
            switch code {
            case ENOSPC, EDQUOT: .noSpace
            case EACCES, EPERM, EROFS: .permission
            case ENOENT, ENOTDIR: .notFound
            case EEXIST: .exists
            case EWOULDBLOCK: .locked
            case ELOOP, EISDIR, ENXIO: .replaced
            default: .io
            }
    }

    /// For people: `can't write /var/lib/x: No space left on device`.
    package var description: String { "can't \(operation) \(path): \(FileError.text(code))" }

    /// The failure of `operation` with the thread's present `errno`.
    static func current(_ operation: String, _ path: String) -> FileError { FileError(operation, path, code: errno) }

    /// Calls `body` again for as long as a signal interrupts it; throws what `errno` says if it then gives a negative number.
    @discardableResult
    static func check<R: SignedInteger>(_ operation: String, _ path: String, _ body: () -> R) throws(FileError) -> R {
        while true {
            let result = body()
            if result >= 0 { return result }
            if errno != EINTR { throw current(operation, path) }
        }
    }

    private static func text(_ code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let start = buffer.baseAddress else { return "error \(code)" }
            return strerror_r(code, start, buffer.count) == 0 ? String(cString: start) : "error \(code)"
        }
    }
}
