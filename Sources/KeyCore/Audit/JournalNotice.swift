import Primitives

/// The journal's own records: what it did with its files, and what it found there.
enum JournalNotice {
    /// The first record of a segment.
    static let segment = "journal.segment"
    /// The first record of a segment that was begun because another was touched.
    static let tampered = "journal.tampered"
    /// A line that a crash left unfinished was moved aside.
    static let recovered = "journal.recovered"

    /// Why a segment was begun.
    enum Cause: String { case first, size, day, failure, tampering }

    /// A notice with its own members after the common ones.
    static func body(_ event: String, at time: Instant, node: AuditNode, _ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("time", RFC3339.string(time))
            writer.member("event", event)
            writer.member("node", node.description)
            members(&writer)
        }
        return writer.bytes
    }
}

/// What the first record of a segment says.
struct JournalOpening {
    /// Why the segment was begun.
    var cause: JournalNotice.Cause
    /// Whether the segment before may end in records that were never confirmed and don't count: its disk failed.
    var abandons = false

    /// The record, which follows the chain value `previous`; with what somebody did to the segment before.
    func body(at time: Instant, node: AuditNode, previous: [UInt8], tampering: AuditTampering?) -> [UInt8] {
        JournalNotice.body(tampering == nil ? JournalNotice.segment : JournalNotice.tampered, at: time, node: node) { writer in
            writer.member("cause", tampering?.kind.rawValue ?? cause.rawValue)
            if let tampering { writer.member("segment", tampering.segment) }
            if abandons { writer.member("abandons", true) }
            writer.member("previous", String(decoding: previous, as: UTF8.self))
        }
    }

    /// Whether a segment's first line says that what the segment before holds from the same number on doesn't count.
    static func abandons(_ line: AuditLine) -> Bool {
        (line.event == JournalNotice.segment || line.event == JournalNotice.tampered) && line.fields?["abandons"]?.bool == true
    }
}
