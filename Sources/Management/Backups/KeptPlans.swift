import KeyCore
import Primitives

/// The plans of restores that were shown lately, beside the backups that they are of: whoever is to approve a restore reads what its
/// confirmation stands for.
struct KeptPlans: Sendable {
    private static let suffix = ".plan"
    private static let limit = 20
    let folder: BackupFolder

    /// Keeps a plan; the oldest beyond the last twenty go.
    func keep(_ plan: RestorePlan, of id: UUIDBytes, at now: Instant) throws {
        let document: JSONValue = ["made_at": .optional(now), "plan": plan.document]
        try AtomicFile.replace(path(id, plan.confirmation), with: document.json)
        let names = try self.names()
        guard names.count > KeptPlans.limit else { return }
        let dated = try names.map { name in (name, try read("\(folder.path)/\(name)")?["made_at"]?.string ?? "") }
        for (name, _) in dated.sorted(by: { $0.1 < $1.1 }).dropLast(KeptPlans.limit) { try Directory.remove("\(folder.path)/\(name)") }
    }

    /// The plan of this confirmation; nil if it isn't kept.
    func find(_ confirmation: String, of id: UUIDBytes) throws -> JSONValue? {
        guard let bytes = Hex.decode(confirmation), bytes.count == 32 else { return nil }
        return try read(path(id, Hex.string(bytes)))
    }

    /// Removes those of a backup.
    func remove(of id: UUIDBytes) throws {
        for name in try names() where name.hasPrefix("\(id).") { try Directory.remove("\(folder.path)/\(name)") }
    }

    private func path(_ id: UUIDBytes, _ confirmation: String) -> String { "\(folder.path)/\(id).\(confirmation)\(KeptPlans.suffix)" }

    private func names() throws -> [String] { try Directory.names(in: folder.path).filter { $0.hasSuffix(KeptPlans.suffix) } }

    private func read(_ path: String) throws -> JSONValue? {
        do {
            let file = try FileReader(path)
            return try? JSONValue(parsing: file.read(at: 0, count: Int(try file.size())))
        } catch where error.category == .notFound { return nil }
    }
}
