import Foundation
import Glibc
import Synchronization

/// A program that a test started. Its output goes to files, so that nobody has to read along; it is killed with its last reference.
package final class SpawnedProcess: @unchecked Sendable {  // `process` is set up in init and afterwards only asked for its number
    /// How it ended: the status, or minus the number of the signal.
    private final class Ending: Sendable {
        let status = Mutex<Int32?>(nil)
    }

    private let process = Process()
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
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.environment = variables
        process.currentDirectoryURL = URL(fileURLWithPath: try directory ?? folder.makeFolder("directory"))
        process.standardInput = try SpawnedProcess.handle(reading: folder.write("input", input))
        process.standardOutput = try SpawnedProcess.handle(writing: folder.write("output", ""))
        process.standardError = try SpawnedProcess.handle(writing: folder.write("errors", ""))
        process.terminationHandler = { [ending] process in
            let status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
            ending.status.withLock { $0 = status }
        }
        try SpawnedProcess.withoutBlockedSignals { try process.run() }
    }

    deinit { signal(SIGKILL) }

    /// Its number.
    package var pid: Int32 { process.processIdentifier }
    /// What it has written to standard output so far.
    package var output: String { folder.text("output") }
    /// What it has written to standard error so far.
    package var errors: String { folder.text("errors") }
    /// Its exit status, or minus the number of the signal that ended it; nil while it runs.
    package var status: Int32? { ending.status.withLock { $0 } }

    /// Sends a signal, unless it has ended.
    package func signal(_ number: Int32) {
        if status == nil { kill(pid, number) }
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
        throw SpawnedTimeout("\(process.executableURL?.lastPathComponent ?? "-") did not end within \(timeout); it said: \(output)\(errors)")
    }

    /// A child inherits the mask of the thread that starts it, and the threads of the cooperative pool block nearly all signals.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var previous = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        try body()
    }

    private static func handle(reading path: String) throws -> FileHandle {
        try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    }

    private static func handle(writing path: String) throws -> FileHandle {
        // Appending, so that whoever shares the file leaves no holes.
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { throw SpawnedTimeout("\(path) can't be opened") }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
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
