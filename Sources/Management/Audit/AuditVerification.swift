package import KeyCore
import Primitives
import Synchronization

/// Verifies the journals on a thread of its own, one verification at a time.
package final class AuditVerification: Sendable {
    private let thread: BlockingThread
    private let verify: @Sendable () throws -> AuditReport
    private let isRunning = Mutex(false)

    /// - Parameter verify: reads everything; it blocks.
    /// - Throws: `FileError` if the system has no thread to give.
    package init(_ verify: @escaping @Sendable () throws -> AuditReport) throws {
        self.verify = verify
        thread = try BlockingThread("audit verification")
    }

    /// What a verification finds now.
    /// - Throws: `.wrongState` while another one runs.
    func run() async throws -> AuditReport {
        let mayBegin = isRunning.withLock { isRunning in
            defer { isRunning = true }
            return !isRunning
        }
        guard mayBegin else { throw Problem(.wrongState, "the journal is being verified already", remedy: "try again when it has ended") }
        defer { isRunning.withLock { $0 = false } }
        return try await thread.run(verify)
    }
}
