import Foundation

@testable import Primitives

/// A new folder, removed with its last reference.
final class EKMScratch: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-ekm-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// All text of a subfolder's files.
    func contents(of folder: String) throws -> String {
        try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)").sorted()
            .map { String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(folder)/\($0)")), as: UTF8.self) }.joined()
    }
}

extension EKMFixture {
    /// In how many files of the fixture's folder one of these occurs.
    func scanFiles(for secrets: [[UInt8]]) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { name in
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
            return secrets.contains { bytes.range(of: Data($0)) != nil }
        }.count
    }
}
