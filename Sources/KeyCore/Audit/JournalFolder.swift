import Primitives

/// A segment's place: `journal-<node>-<ten digits>.jsonl`.
struct SegmentName: Hashable {
    let node: AuditNode
    /// From 1; gaps are harmless, because records carry numbers of their own.
    let number: UInt64

    /// The file's name.
    var file: String {
        let digits = String(number)
        return "journal-\(node)-" + String(repeating: "0", count: max(0, 10 - digits.count)) + digits + ".jsonl"
    }

    init(node: AuditNode, number: UInt64) { (self.node, self.number) = (node, number) }

    /// Nil for the name of any other file.
    init?(file: String) {
        guard file.hasPrefix("journal-"), file.hasSuffix(".jsonl") else { return nil }
        let middle = file.dropFirst(8).dropLast(6)
        let digits = middle.suffix(10)
        guard digits.utf8.count == 10, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(digits),
            middle.dropLast(10).last == "-", let node = AuditNode(middle.dropLast(11))
        else { return nil }
        self.init(node: node, number: number)
    }
}

/// The folder in which journals stand.
struct JournalFolder: Sendable {
    let path: String

    /// Where a file of the folder is.
    func path(of file: String) -> String { "\(path)/\(file)" }

    /// Where a segment is.
    func path(of segment: SegmentName) -> String { path(of: segment.file) }

    /// All segments, by node, each in order.
    func segments() throws(FileError) -> [AuditNode: [SegmentName]] {
        let names = try Directory.names(in: path).compactMap(SegmentName.init(file:))
        return Dictionary(grouping: names, by: \.node).mapValues { $0.sorted { $0.number < $1.number } }
    }

    /// A node's segments in order.
    func segments(of node: AuditNode) throws(FileError) -> [SegmentName] { try segments()[node] ?? [] }
}
