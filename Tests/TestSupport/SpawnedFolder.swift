import Foundation

/// A new folder for one test, for its owner only; removed with its last reference.
package final class SpawnedFolder: Sendable {
    /// Absolute.
    package let path: String

    /// Creates the folder.
    package init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-e2e-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of an entry.
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file whole, readable for its owner only, and gives its path.
    @discardableResult package func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file(name))
        return file(name)
    }

    /// As `write` of bytes.
    @discardableResult package func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

    /// A file's content as text; empty if there is no such file.
    package func text(_ name: String) -> String { String(decoding: bytes(name), as: UTF8.self) }

    /// A file's content; empty if there is no such file.
    package func bytes(_ name: String) -> [UInt8] { Array(FileManager.default.contents(atPath: file(name)) ?? Data()) }

    /// Whether there is such an entry.
    package func contains(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

    /// Makes a folder in the folder and gives its path.
    @discardableResult package func makeFolder(_ name: String) throws -> String {
        try FileManager.default.createDirectory(
            atPath: file(name), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        return file(name)
    }

    /// The names of a folder's entries in the folder, sorted; none if it isn't there.
    package func names(_ name: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: file(name))) ?? []).sorted()
    }
}
