import Primitives

/// The end of a segment as a start finds it.
struct JournalTail {
    /// So many lines are checked.
    static let depth = 1024

    /// The chain after the last line that could be read; nil if the segment has none.
    private(set) var chain: AuditChain?
    /// Whether that line is a checkpoint.
    private(set) var endsInCheckpoint = false
    /// When that line was written.
    private(set) var time: Instant?
    /// Whether a line is damaged, out of order or not linked to the line before, or contradicts the anchor.
    private(set) var isDisturbed = false
    /// The offset after the last whole line.
    let wholeEnd: UInt64
    /// The file's size; behind `wholeEnd` stands a line that a crash left unfinished.
    let size: UInt64

    /// Reads and checks the last lines of the segment at `path`.
    init(_ path: String, node: AuditNode, anchor: AuditHead?) throws(FileError) {
        let file = try FileReader(path)
        size = try file.size()
        var reader = try ReverseLineReader(file, size: size)
        wholeEnd = reader.wholeEnd
        var lines: [[UInt8]] = []
        var reachesStart = false
        while lines.count < JournalTail.depth {
            guard let line = try reader.next() else {
                reachesStart = true
                break
            }
            lines.append(line)
        }
        for (index, bytes) in lines.reversed().enumerated() {
            check(bytes, opens: reachesStart && index == 0, node: node, anchor: anchor)
        }
    }

    private mutating func check(_ bytes: [UInt8], opens: Bool, node: AuditNode, anchor: AuditHead?) {
        guard let line = AuditLine(bytes), let fields = line.fields else {
            isDisturbed = true
            return
        }
        if let chain {
            if line.seq != chain.seq + 1 || !line.follows(chain.link) { isDisturbed = true }
        } else if opens {
            let previous = fields["previous"]?.string.map { Array($0.utf8) }
            if previous.map(line.follows) != true { isDisturbed = true }
            if line.seq == 1, previous != AuditChain(node: node).link { isDisturbed = true }
        }
        if let anchor, line.seq == anchor.seq, !line.link.elementsEqual(anchor.chain.utf8) { isDisturbed = true }
        chain = line.chain
        endsInCheckpoint = line.event == Checkpoint.event
        time = fields["time"]?.string.flatMap(RFC3339.parse)
    }
}
