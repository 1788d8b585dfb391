import Foundation
import Primitives
import Synchronization

extension APIClient {
    /// Fetches something large piece by piece: into a file, which is there when it is complete, or to standard output.
    /// - Parameter out: the file, for its owner only, in whose place it is put; nil or `-` for standard output.
    func download(_ path: String, query: [(String, String?)] = [], to out: String?, what: String) async throws {
        guard let out, out != "-" else {
            _ = try await send("GET", path, query: query) { bytes in
                do { try FileHandle.standardOutput.write(contentsOf: Data(bytes)) } catch { return false }
                return true
            }
            return
        }
        let target = try Target(out)
        do {
            _ = try await send("GET", path, query: query, sink: target.take)
        } catch {
            if let failure = target.failure { throw Complaint("\(out) can't be written: \(failure)") }
            throw error
        }
        let bytes: UInt64
        do { bytes = try target.finish() } catch { throw Complaint("\(out) can't be written: \(error)") }
        OutputFile.tell("\(out): \(bytes) bytes, \(what)", asJSON: asJSON)
    }

    /// A file that grows under a name of its own.
    private final class Target: Sendable {
        private let path: String
        private let file: FileInProgress
        private let state = Mutex<FileError?>(nil)

        init(_ path: String) throws {
            self.path = path
            do { file = try FileInProgress("\(path).\(getpid())") } catch { throw Complaint("\(path) can't be written: \(error)") }
        }

        var failure: FileError? { state.withLock { $0 } }

        @Sendable func take(_ bytes: [UInt8]) -> Bool {
            do { try file.append(bytes) } catch {
                state.withLock { $0 = error }
                return false
            }
            return true
        }

        func finish() throws(FileError) -> UInt64 {
            let bytes = try file.finish()
            try AtomicFile.move(file.path, to: path)
            return bytes
        }
    }
}
