import Yams

extension StrictDocument {
    static let maxBytes = 1 << 20

    /// The root of the one document in `text`.
    static func root(of text: String, source: String) throws(DocumentError) -> Yams.Node {
        guard text.utf8.count <= maxBytes else {
            throw DocumentError(source: source, line: nil, field: "", message: "expected at most 1 MiB of text, found \(text.utf8.count) bytes")
        }
        let node: Yams.Node?
        do {
            try refuseExpansion(text)
            node = try Yams.Parser(yaml: text, resolver: .basic).singleRoot()
        } catch let error as YamlError {
            throw describe(error, text, source)
        } catch {
            throw DocumentError(source: source, line: nil, field: "", message: "not readable as YAML")
        }
        guard let node else {
            throw DocumentError(source: source, line: 1, field: "", message: "expected a document, found an empty text")
        }
        return node
    }

    /// Throws if the text holds an anchor, an alias or a tag; must come first, because Yams expands aliases while it reads.
    ///
    /// `&` (anchor) and `!` (tag) can begin a node exactly where `*` (alias) can. In a text where all of them are `*` each is an alias
    /// of nothing, which Yams refuses at its place; inside quotes, comments and longer words they change nothing.
    private static func refuseExpansion(_ text: String) throws {
        func isMark(_ byte: UInt8) -> Bool { byte == 0x26 || byte == 0x21 }
        guard text.utf8.contains(where: isMark) else { return }
        let aliased = String(decoding: text.utf8.map { isMark($0) ? 0x2A : $0 }, as: UTF8.self)
        _ = try Yams.Parser(yaml: aliased, resolver: .basic).singleRoot()
    }

    private static func describe(_ error: YamlError, _ text: String, _ source: String) -> DocumentError {
        let unsupported = "anchors and aliases are not supported; write the value out (nor are tags; quote a text that begins with &, * or !)"
        switch error {
        case .composer(_, "found undefined alias", let mark, _):
            return DocumentError(source: source, line: mark.line, field: "", message: unsupported)
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            let lines = text.split(separator: "\n", maxSplits: mark.line, omittingEmptySubsequences: false)
            let isSuspect = mark.line <= lines.count && lines[mark.line - 1].contains { "&*!".contains($0) }
            return DocumentError(
                source: source, line: mark.line, field: "", message: "not valid YAML: \(problem)" + (isSuspect ? "; \(unsupported)" : ""))
        case .duplicatedKeysInMapping(let duplicates, let context):
            return DocumentError(
                source: source, line: context.mark.line, field: "", message: "these fields occur twice: \(duplicates.joined(separator: ", "))")
        default:
            return DocumentError(source: source, line: nil, field: "", message: "not readable as YAML")
        }
    }
}
