import Foundation

/// A new folder for one test, removed with its last reference.
final class ScratchFolder: Sendable {
    private let url: URL

    /// Creates the folder, for its owner only.
    init() {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-\(UUID().uuidString)")
        try? FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// The path of an entry of the folder.
    func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}
