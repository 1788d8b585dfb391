import COpenSSL
import Glibc

/// A file that only its owner may read: keys, passphrases, tokens.
package enum PrivateFile {
    /// Why it can't be read or written.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// The system said no; the text names the file and the reason.
        case system(String)
        /// Others than the owner may read it.
        case tooOpen(path: String, mode: String)
        /// It belongs to somebody else.
        case foreign(path: String)
        /// It is larger than anything expected there.
        case tooLarge(path: String, limit: Int)

        /// What was expected, what was found, what to do.
        package var description: String {
            switch self {
            case .system(let text): text
            case .tooOpen(let path, let mode): "\(path): expected mode 0600, found \(mode); run: chmod 600 \(path)"
            case .foreign(let path): "\(path): expected a file owned by the user who runs holdfast, or by root"
            case .tooLarge(let path, let limit): "\(path): expected at most \(limit) bytes"
            }
        }
    }

    /// The content, straight into locked memory. A pipe or terminal is read to its end; a file must have mode 0600 or stricter.
    package static func read(_ path: String, maxBytes: Int) throws(Failure) -> SecretBytes {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw .system("\(path): can't be opened: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("\(path): \(String(cString: strerror(errno)))") }
        if status.st_mode & S_IFMT == S_IFREG {
            guard status.st_mode & 0o077 == 0 else { throw .tooOpen(path: path, mode: "0" + String(status.st_mode & 0o777, radix: 8)) }
            guard status.st_uid == geteuid() || status.st_uid == 0 else { throw .foreign(path: path) }
        }
        return try read(descriptor, path, maxBytes)
    }

    private static func read(_ descriptor: Int32, _ path: String, _ maxBytes: Int) throws(Failure) -> SecretBytes {
        var count = 0
        let content = try SecretBytes(count: maxBytes + 1) { buffer throws(Failure) in
            while count < buffer.count {
                let step = Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
                if step < 0 {
                    if errno == EINTR { continue }
                    throw .system("\(path): can't be read: \(String(cString: strerror(errno)))")
                }
                if step == 0 { break }
                count += step
            }
        }
        guard count <= maxBytes else { throw .tooLarge(path: path, limit: maxBytes) }
        return content.slice(0..<count)
    }

    /// Writes a new file with mode 0600, synced to disk with its folder; refuses one that exists.
    package static func create(_ path: String, _ content: borrowing SecretBytes) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .system("\(path): can't be created: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let count = content.count
        let failure = content.withPointer { pointer -> Int32? in
            var written = 0
            while written < count {
                let step = write(descriptor, pointer + written, count - written)
                if step < 0, errno != EINTR { return errno }
                written += max(0, step)
            }
            return fsync(descriptor) == 0 ? nil : errno
        }
        if let failure = failure ?? syncFolder(of: path) {
            unlink(path)
            throw .system("\(path): can't be written: \(String(cString: strerror(failure)))")
        }
    }

    /// Makes the name of a new file as durable as its content; the error number if that fails.
    private static func syncFolder(of path: String) -> Int32? {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        return fsync(descriptor) == 0 ? nil : errno
    }
}

extension SecretBytes {
    /// The same without one line end (LF or CR LF) at its end.
    package borrowing func withoutTrailingNewline() -> SecretBytes {
        let end = withSpan { span in
            let count = span.count
            guard count > 0, span[count - 1] == 0x0A else { return count }
            return count > 1 && span[count - 2] == 0x0D ? count - 2 : count - 1
        }
        return slice(0..<end)
    }
}

extension Hex {
    /// The bytes of hexadecimal digits (a line end may follow) without leaving locked memory; nil for anything else.
    package static func decodeSecret(_ text: borrowing SecretBytes) -> SecretBytes? {
        let trimmed = text.withoutTrailingNewline()
        guard trimmed.count.isMultiple(of: 2) else { return nil }
        var isValid = true
        let bytes = SecretBytes(count: trimmed.count / 2) { buffer in
            trimmed.withSpan { span in
                for index in 0..<buffer.count {
                    guard let high = nibble(span[2 * index]), let low = nibble(span[2 * index + 1]) else {
                        isValid = false
                        return
                    }
                    buffer[index] = high << 4 | low
                }
            }
        }
        guard isValid else { return nil }
        return bytes
    }

    /// The lower-case digits of a secret, as a secret.
    package static func encodeSecret(_ secret: borrowing SecretBytes) -> SecretBytes {
        let count = secret.count
        return SecretBytes(count: count * 2) { buffer in
            secret.withSpan { span in
                for index in 0..<count {
                    for (offset, value) in [(0, span[index] >> 4), (1, span[index] & 15)] {
                        buffer[2 * index + offset] = value < 10 ? 0x30 + value : 0x57 + value
                    }
                }
            }
        }
    }
}
