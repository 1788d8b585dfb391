import Foundation
import Primitives

/// A secret that must turn up nowhere, and the ways in which it could be written.
package struct SpawnedCanary: Sendable {
    /// What it is, for messages.
    package let name: String
    private let forms: [(name: String, bytes: Data)]

    /// Secret bytes: looked for raw, in base64 and base64url, hexadecimal, JSON's escapes, and as a list of numbers.
    package init(_ name: String, bytes: [UInt8]) {
        let unpadded = Base64.string(bytes).filter { $0 != "=" }
        let numbers = bytes.prefix(12).map(String.init)
        self.name = name
        forms = [
            ("raw", Data(bytes)), ("base64", Data(unpadded.utf8)), ("base64url", Data(Base64.urlEncoded(bytes).utf8)),
            ("base64 in JSON", Data(unpadded.replacingOccurrences(of: "/", with: "\\/").utf8)),
            ("hexadecimal", Data(Hex.string(bytes).utf8)), ("upper-case hexadecimal", Data(Hex.string(bytes).uppercased().utf8)),
            ("numbers", Data(numbers.joined(separator: ", ").utf8)), ("close numbers", Data(numbers.joined(separator: ",").utf8)),
        ]
    }

    /// A secret text: looked for as it is, in base64, and hexadecimal.
    package init(_ name: String, text: String) { self.init(name, bytes: Array(text.utf8)) }

    /// All ways in which it could be written.
    package var written: [(name: String, bytes: [UInt8])] { forms.map { ($0.name, Array($0.bytes)) } }

    /// The ways in which `content` holds it.
    package func traces(in content: [UInt8]) -> [String] {
        let content = Data(content)
        return forms.filter { content.range(of: $0.bytes) != nil }.map { "\(name) (\($0.name))" }
    }

    /// Where files below `folders` hold one of `canaries`, as `path: secret (form)`.
    /// - Parameter exceptions: paths that may.
    package static func traces(_ canaries: [SpawnedCanary], below folders: [String], except exceptions: Set<String> = []) throws -> [String] {
        var found: [String] = []
        for folder in folders {
            for name in FileManager.default.enumerator(atPath: folder)?.compactMap({ $0 as? String }) ?? [] {
                let path = "\(folder)/\(name)"
                var isFolder: ObjCBool = false
                guard !exceptions.contains(path), FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else {
                    continue
                }
                let content = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
                found += canaries.flatMap { $0.traces(in: content) }.map { "\(path): \($0)" }
            }
        }
        return found
    }
}
