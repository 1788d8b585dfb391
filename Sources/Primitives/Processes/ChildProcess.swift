import COpenSSL
import Glibc

/// Another program that this one started. Foundation's `Process` is not used: its `run()` crashed now and then on Linux, reading past the end
/// of a directory entry.
///
/// The child starts with no blocked signals, with the default action for each, and without any open file but the three standard ones.
package struct ChildProcess: Sendable {
    /// Its number.
    package let pid: Int32

    /// Starts a program.
    /// - Parameters:
    ///   - executable: its path.
    ///   - arguments: without the program's name.
    ///   - environment: as `NAME=value`; nil for this process's own.
    ///   - directory: where it works; nil for where this process does.
    ///   - input, output, errors: file descriptors for the standard files; nil for `/dev/null`.
    /// - Throws: `FileError` with the program's path.
    package init(
        _ executable: String, _ arguments: [String], environment: [String]? = nil, directory: String? = nil, input: Int32? = nil,
        output: Int32? = nil, errors: Int32? = nil
    ) throws(FileError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, own) in [(Int32(0), input), (1, output), (2, errors)] {
            if let own {
                posix_spawn_file_actions_adddup2(&actions, own, number)
            } else {
                posix_spawn_file_actions_addopen(&actions, number, "/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0)
            }
        }
        if let directory { _ = shim_spawn_chdir(&actions, directory) }
        _ = shim_spawn_closefrom(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        _ = shim_spawn_resetsignals(&attributes)

        let line = ChildProcess.strings([executable] + arguments)
        defer { ChildProcess.free(line) }
        let variables = environment.map(ChildProcess.strings)
        defer { variables.map(ChildProcess.free) }
        var pid: Int32 = 0
        let code = posix_spawn(&pid, executable, &actions, &attributes, line, variables ?? environ)
        guard code == 0 else { throw FileError("start", executable, code: code) }
        self.pid = pid
    }

    /// Waits until it has ended, but leaves its number taken: until `wait` nobody else gets it.
    package func awaitEnd() {
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    }

    /// Waits until it has ended; once only, because the system then forgets it.
    /// - Returns: its exit status, or minus the number of the signal that ended it.
    package func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : -signal
    }

    /// Runs a program to its end; it reads nothing, and what it writes to its standard output is lost.
    /// - Returns: as `wait`, and what it wrote to its standard error, as text.
    /// - Throws: `FileError` if it can't be started.
    package static func run(_ executable: String, _ arguments: [String], directory: String? = nil) throws(FileError) -> (status: Int32, errors: String) {
        var ends: (Int32, Int32) = (-1, -1)
        let isOpen = withUnsafeMutableBytes(of: &ends) { pipe($0.baseAddress!.assumingMemoryBound(to: Int32.self)) }
        guard isOpen == 0 else { throw .current("make a pipe for", executable) }
        defer { close(ends.0) }
        for end in [ends.0, ends.1] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let child: ChildProcess
        do {
            defer { close(ends.1) }
            child = try ChildProcess(executable, arguments, directory: directory, errors: ends.1)
        }
        var (text, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 4096))
        while true {
            let count = read(ends.0, &buffer, buffer.count)
            if count > 0 { text += buffer.prefix(count) } else if count == 0 || errno != EINTR { break }
        }
        return (child.wait(), String(decoding: text, as: UTF8.self))
    }

    private typealias Strings = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    /// A list of C strings that ends with a null pointer.
    private static func strings(_ texts: [String]) -> Strings {
        let list = Strings.allocate(capacity: texts.count + 1)
        for (index, text) in texts.enumerated() { (list + index).initialize(to: strdup(text)) }
        (list + texts.count).initialize(to: nil)
        return list
    }

    private static func free(_ list: Strings) {
        var next = list
        while let text = next.pointee {
            Glibc.free(text)
            next += 1
        }
        list.deallocate()
    }
}
