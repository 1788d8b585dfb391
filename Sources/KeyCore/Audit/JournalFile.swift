import Primitives

/// What the journal needs of an append-only file, so that tests can let a disk fail.
protocol JournalFile: Sendable {
    func append(_ bytes: [UInt8]) throws(FileError)
    func dataSync() throws(FileError)
    func truncate(to size: UInt64) throws(FileError)
    func pathState() throws(FileError) -> AppendOnlyFile.PathState
}

extension AppendOnlyFile: JournalFile {}

/// What the journal needs of a file system.
protocol JournalFiles: Sendable {
    func create(_ path: String) throws(FileError) -> any JournalFile
    func open(_ path: String) throws(FileError) -> any JournalFile
    func syncDirectory(_ path: String) throws(FileError)
}

/// The real one.
struct DiskFiles: JournalFiles {
    func create(_ path: String) throws(FileError) -> any JournalFile { try AppendOnlyFile(creating: path) }
    func open(_ path: String) throws(FileError) -> any JournalFile { try AppendOnlyFile(opening: path) }
    func syncDirectory(_ path: String) throws(FileError) { try Directory.sync(path) }
}
