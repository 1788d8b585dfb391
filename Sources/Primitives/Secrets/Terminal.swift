import Glibc

/// The person in front of the program, reached through the controlling terminal, whatever standard input and output are.
package enum Terminal {
    /// Whether anybody can be asked.
    package static var isPresent: Bool {
        let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }

    /// Whether standard error is a terminal, so that progress may be shown there.
    package static var showsProgress: Bool { isatty(STDERR_FILENO) == 1 }

    /// Asks for a line without showing what is typed; the terminal is as before when this returns.
    /// - Throws: `.system` if there is no terminal, or at Ctrl-C; `.tooLarge`.
    package static func readSecret(prompt: String, maxBytes: Int) throws(PrivateFile.Failure) -> SecretBytes {
        let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        var before = termios()
        guard descriptor >= 0, tcgetattr(descriptor, &before) == 0 else { throw .system("there is no terminal to ask at") }
        defer { close(descriptor) }
        var quiet = before
        quiet.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)  // Ctrl-C comes as a byte: nothing may leave the terminal mute
        tcsetattr(descriptor, TCSAFLUSH, &quiet)
        defer {
            tcsetattr(descriptor, TCSAFLUSH, &before)
            _ = write(descriptor, "\n", 1)
        }
        _ = prompt.utf8.withContiguousStorageIfAvailable { write(descriptor, $0.baseAddress, $0.count) }
        return try line(maxBytes: maxBytes, name: "/dev/tty", erases: true) { byte in read(descriptor, byte, 1) }
    }

    /// The next line of standard input, without its end; nothing beyond it is read, so that the next call finds the next line.
    /// - Throws: `.system` at the end of the input; `.tooLarge`.
    package static func readSecretFromStandardInput(maxBytes: Int) throws(PrivateFile.Failure) -> SecretBytes {
        try line(maxBytes: maxBytes, name: "standard input", erases: false) { byte in read(STDIN_FILENO, byte, 1) }
    }

    private static func line(
        maxBytes: Int, name: String, erases: Bool, _ next: (UnsafeMutablePointer<UInt8>) -> Int
    ) throws(PrivateFile.Failure) -> SecretBytes {
        var count = 0
        let content = try SecretBytes(count: maxBytes + 1) { buffer throws(PrivateFile.Failure) in
            var byte: UInt8 = 0
            while true {
                let step = next(&byte)
                if step < 0, errno == EINTR { continue }
                guard step > 0 else {
                    guard count > 0 else { throw .system("\(name) ended before the secret") }
                    break
                }
                switch byte {
                case 0x0A: return
                case 0x0D where erases: return
                case 0x03 where erases, 0x04 where erases: throw .system("interrupted")
                case 0x7F where erases, 0x08 where erases: count = max(0, count - 1)
                default:
                    guard count < buffer.count else { throw .tooLarge(path: name, limit: maxBytes) }
                    buffer[count] = byte
                    count += 1
                }
            }
        }
        guard count <= maxBytes else { throw .tooLarge(path: name, limit: maxBytes) }
        return content.slice(0..<count).withoutCarriageReturn()
    }
}

extension SecretBytes {
    fileprivate consuming func withoutCarriageReturn() -> SecretBytes {
        let end = withSpan { span in span.count > 0 && span[span.count - 1] == 0x0D ? span.count - 1 : span.count }
        return slice(0..<end)
    }
}
