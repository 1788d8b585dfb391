import Foundation
import KeyCore
import Primitives

/// Proof that no server works on a data folder, from when it is made until it is released: the lock of the server's own journal.
final class OfflineLock {
    private var locks: [String: FileLock] = [:]
    private let complaint: (_ node: String) -> String

    /// Takes the lock; in a folder without a configuration that of the journal that `init` would name.
    /// - Parameter complaint: what is said if a server has it.
    init(_ folder: DataFolder, complaint: ((_ node: String) -> String)? = nil) throws {
        self.complaint = complaint ?? { _ in "a server runs on \(folder.path): stop it first, or do this through its API" }
        try extend(to: folder)
    }

    /// Takes that of the present configuration too, if it names another journal.
    func extend(to folder: DataFolder) throws {
        var (audit, node) = ("audit", "node-1")
        if FileManager.default.fileExists(atPath: folder.configurationPath) {
            let configured = try folder.configuration().audit
            (audit, node) = (configured.folder, configured.node)
        }
        let path = folder.file(audit)
        let name = "\(path)/journal-\(node).lock"
        guard locks[name] == nil else { return }
        do {
            try Directory.create(path)
            locks[name] = try FileLock(name)
        } catch {
            guard error.category == .locked else { throw Complaint("the audit journal can't be written, and without it nothing is done: \(error)") }
            throw Complaint(complaint(node))
        }
    }

    func release() { locks = [:] }
}
