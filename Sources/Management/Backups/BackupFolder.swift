import KeyCore
import Primitives

/// The folder in which an installation's backups stand, one file each.
struct BackupFolder: Sendable {
    let path: String

    private static let suffix = ".hfb"
    private static let upload = ".upload-"

    /// The file of a backup.
    func file(_ id: UUIDBytes) -> String { "\(path)/\(id)\(BackupFolder.suffix)" }

    /// A name for a file whose backup's id isn't known yet.
    func newUpload() throws -> String { "\(path)/\(BackupFolder.upload)\(try UUIDBytes.random())" }

    /// The ids of the files that are there.
    func ids() throws -> [UUIDBytes] {
        try Directory.names(in: path).compactMap { name in
            name.hasSuffix(BackupFolder.suffix) ? UUIDBytes(name.dropLast(BackupFolder.suffix.count)) : nil
        }
    }

    /// Makes the folder and removes what an earlier process left half done.
    func prepare() throws {
        try Directory.create(path)
        for name in try Directory.names(in: path) {
            let isHalfDone = name.hasPrefix(BackupFolder.upload) || name.hasPrefix(BackupStaging.prefix)
            if isHalfDone || name == FileInProgress.partialPath(String(name.dropLast(8))) { try Directory.remove("\(path)/\(name)") }
        }
    }
}
