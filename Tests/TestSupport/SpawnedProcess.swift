import Foundation
import Glibc
import Primitives
import Synchronization

/// A program that a test started. Its output goes to files, so that nobody has to read along; it is killed with its last reference.
package final class SpawnedProcess: Sendable {
    /// How it ended: the status, or minus the number of the signal. Signals are sent under its lock, so that none reaches a stranger.
    private final class Ending: Sendable {
        let status = Mutex<Int32?>(nil)
    }

    private let child: ChildProcess
    private let name: String
    private let ending = Ending()
    private let folder: SpawnedFolder

    /// Starts a program.
    /// - Parameters:
    ///   - executable: its path.
    ///   - environment: changes to this process's own; no variable HOLDFAST_… is inherited.
    ///   - directory: where it works; a new folder by default.
    ///   - input: what it reads from standard input.
    package init(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:], directory: String? = nil, input: String = ""
    ) throws {
        folder = try SpawnedFolder()
        var variables = ProcessInfo.processInfo.environment
        for name in variables.keys where name.hasPrefix("HOLDFAST_") && name != "HOLDFAST_SHARE" { variables[name] = nil }
        variables.merge(environment) { _, new in new }
        let input = try SpawnedProcess.open(folder.write("input", input), O_RDONLY)
        // Appending, so that whoever shares the file leaves no holes.
        let output = try SpawnedProcess.open(folder.write("output", ""), O_WRONLY | O_APPEND)
        let errors = try SpawnedProcess.open(folder.write("errors", ""), O_WRONLY | O_APPEND)
        defer { for descriptor in [input, output, errors] { close(descriptor) } }
        name = (executable as NSString).lastPathComponent
        let child = try ChildProcess(
            executable, arguments, environment: variables.map { "\($0.key)=\($0.value)" },
            directory: try directory ?? folder.makeFolder("directory"), input: input, output: output, errors: errors)
        self.child = child
        Thread.detachNewThread { [ending] in
            child.awaitEnd()
            ending.status.withLock { $0 = child.wait() }
        }
    }

    deinit { signal(SIGKILL) }

    /// Its number.
    package var pid: Int32 { child.pid }
    /// What it has written to standard output so far.
    package var output: String { folder.text("output") }
    /// What it has written to standard error so far.
    package var errors: String { folder.text("errors") }
    /// Its exit status, or minus the number of the signal that ended it; nil while it runs.
    package var status: Int32? { ending.status.withLock { $0 } }

    /// Sends a signal, unless it has ended.
    package func signal(_ number: Int32) {
        ending.status.withLock { status in
            if status == nil { kill(pid, number) }
        }
    }

    /// Waits for its end.
    /// - Returns: as `status`.
    /// - Throws: `SpawnedTimeout` if it doesn't end in time; it is killed then.
    @discardableResult package func wait(_ timeout: Duration = .seconds(60)) async throws -> Int32 {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let status { return status }
            guard ContinuousClock.now < deadline else { break }
            try await Task.sleep(for: .milliseconds(3))
        }
        signal(SIGKILL)
        throw SpawnedTimeout("\(name) did not end within \(timeout); it said: \(output)\(errors)")
    }

    private static func open(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw SpawnedTimeout("\(path) can't be opened") }
        return descriptor
    }
}

/// Something that a test waited for did not happen.
package struct SpawnedTimeout: Error, CustomStringConvertible {
    package let description: String
    /// With the sentence that tells what.
    package init(_ description: String) { self.description = description }
}

/// Waits until `condition` holds, looking every 10 ms.
/// - Returns: how long that took.
/// - Throws: `SpawnedTimeout` if it takes longer than `limit`.
@discardableResult package func eventually(
    _ what: String, within limit: Duration = .seconds(10), _ condition: () async throws -> Bool
) async throws -> Duration {
    let start = ContinuousClock.now
    while true {
        if try await condition() { return ContinuousClock.now - start }
        guard ContinuousClock.now - start < limit else { throw SpawnedTimeout("not within \(limit): \(what)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}
