package import Primitives

/// A record as it was read from a journal.
package struct AuditEntry: Sendable {
    /// Who wrote it.
    package let node: AuditNode
    /// Its number in that node's journal.
    package let seq: UInt64
    /// What happened.
    package let event: String
    /// The line without its line feed.
    package let line: [UInt8]
    /// All its members.
    package let fields: JSONValue

    /// Nil if the line is no record.
    init?(_ bytes: [UInt8], node: AuditNode) {
        guard let line = AuditLine(bytes), let fields = line.fields else { return nil }
        (self.node, seq, event, self.line, self.fields) = (node, line.seq, line.event, bytes, fields)
    }

    /// When it was decided.
    package var time: Instant? { fields["time"]?.string.flatMap(RFC3339.parse) }

    /// A text member; nil if it isn't there or no text.
    package subscript(name: String) -> String? { fields[name]?.string }
}

/// Which records somebody wants to see; all that is set must hold.
package struct AuditFilter: Sendable {
    /// Text members and the values they must have, as `["principal": "a@example.com"]`.
    package var members: [String: String] = [:]
    /// What the event's name must begin with, as `ekm.`.
    package var eventPrefix: String?
    /// Not before this.
    package var since: Instant?
    /// Before this.
    package var until: Instant?
    /// Whether the journal's own records (`journal.…`) are wanted too.
    package var includesJournal = true

    /// A filter that everything passes.
    package init() {}

    /// Whether a record is wanted.
    package func matches(_ entry: AuditEntry) -> Bool {
        if !includesJournal, entry.event.hasPrefix("journal.") { return false }
        if let eventPrefix, !entry.event.hasPrefix(eventPrefix) { return false }
        if since != nil || until != nil {
            guard let time = entry.time else { return false }
            if let since, time < since { return false }
            if let until, time >= until { return false }
        }
        return members.allSatisfy { entry[$0.key] == $0.value }
    }
}

/// Reads the journals of a folder, whoever writes them meanwhile. It verifies nothing: `AuditVerifier` does. Blocks on the disk.
package struct AuditReader: Sendable {
    private let folder: JournalFolder

    /// A reader of the journals in `folder`.
    package init(folder: String) { self.folder = JournalFolder(path: folder) }

    /// The last `count` records of all nodes that pass the filter, oldest first. Reads backwards, so recent records are found fast.
    package func last(_ count: Int, where filter: AuditFilter = AuditFilter()) throws(FileError) -> [AuditEntry] {
        var found: [AuditEntry] = []
        for (node, segments) in try folder.segments() { found += try last(count, of: node, segments, filter).reversed() }
        let timed = found.map { (time: $0.time ?? Instant(nanoseconds: .min), entry: $0) }
        let sorted = timed.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        return sorted.suffix(count).map(\.element.entry)
    }

    private func last(
        _ count: Int, of node: AuditNode, _ segments: [SegmentName], _ filter: AuditFilter
    ) throws(FileError) -> [AuditEntry] {
        var found: [AuditEntry] = []
        for segment in segments.reversed() {
            let file = try FileReader(folder.path(of: segment))
            var reader = try ReverseLineReader(file, size: try file.size())
            while found.count < count, let line = try reader.next() {
                if let entry = AuditEntry(line, node: node), filter.matches(entry) { found.append(entry) }
            }
            if found.count >= count { break }
        }
        return found
    }
}
