package import Primitives

/// Follows the journals of a folder: each poll gives the whole lines that came since the last, node by node in their order.
///
/// For shipping records elsewhere exactly once, start it after the last (node, number) that arrived there.
package struct AuditFollower: Sendable {
    private struct Position {
        var segment: SegmentName
        var offset: UInt64
        /// Records up to this number were seen before this follower began.
        var skipsThrough: UInt64
    }

    private let folder: JournalFolder
    private let seen: [AuditNode: UInt64]
    private var positions: [AuditNode: Position] = [:]

    /// A follower that begins behind these numbers; a node that isn't among them is read from its beginning.
    package init(folder: String, after seen: [AuditNode: UInt64] = [:]) {
        (self.folder, self.seen) = (JournalFolder(path: folder), seen)
    }

    /// A follower that begins with what comes next.
    package init(endOf folder: String) throws(FileError) {
        self.init(folder: folder)
        for (node, segments) in try self.folder.segments() {
            guard let last = segments.last else { continue }
            let file = try FileReader(self.folder.path(of: last))
            let end = try ReverseLineReader(file, size: try file.size()).wholeEnd
            positions[node] = Position(segment: last, offset: end, skipsThrough: 0)
        }
    }

    /// What came since the last poll, at most about `limit` records for each node; empty if nothing did. Blocks on the disk.
    package mutating func poll(limit: Int = 1000) throws(FileError) -> [AuditEntry] {
        var entries: [AuditEntry] = []
        for (node, segments) in try folder.segments().sorted(by: { $0.key.description < $1.key.description }) {
            var position = if let known = positions[node] { known } else { try begin(node, segments) }
            var rest = limit
            // The list is older than what is read now: if it names a later segment, this one is complete.
            for segment in segments where segment.number >= position.segment.number && rest > 0 {
                if segment != position.segment { position = Position(segment: segment, offset: 0, skipsThrough: position.skipsThrough) }
                try read(&position, node, &rest, &entries)
            }
            positions[node] = position
        }
        return entries
    }

    private func read(_ position: inout Position, _ node: AuditNode, _ rest: inout Int, _ entries: inout [AuditEntry]) throws(FileError) {
        let file = try FileReader(folder.path(of: position.segment))
        position.offset = min(position.offset, try file.size())
        var reader = LineReader(file, at: position.offset)
        while rest > 0, let line = try reader.next(), line.isWhole {
            position.offset = reader.offset
            guard let entry = AuditEntry(line.bytes, node: node), entry.seq > position.skipsThrough else { continue }
            entries.append(entry)
            rest -= 1
        }
    }

    /// The last segment that begins no later than with the first record wanted.
    private func begin(_ node: AuditNode, _ segments: [SegmentName]) throws(FileError) -> Position {
        let after = seen[node] ?? 0
        var start = segments[0]
        for segment in segments.dropFirst() where after > 0 {
            var reader = LineReader(try FileReader(folder.path(of: segment)))
            guard let line = try reader.next(), let first = AuditLine(line.bytes)?.seq else { continue }
            if first > after + 1 { break }
            start = segment
        }
        return Position(segment: start, offset: 0, skipsThrough: after)
    }
}

/// A follower that looks again every so often, as a sequence without end.
package struct AuditTail: AsyncSequence, Sendable {
    private let follower: AuditFollower
    private let filter: AuditFilter
    private let interval: Duration

    /// What a follower finds and a filter lets pass, looked for every `interval`. Reads on the task's own thread: for command lines.
    package init(_ follower: AuditFollower, where filter: AuditFilter = AuditFilter(), every interval: Duration = .milliseconds(250)) {
        (self.follower, self.filter, self.interval) = (follower, filter, interval)
    }

    /// Begins to follow.
    package func makeAsyncIterator() -> Iterator { Iterator(follower: follower, filter: filter, interval: interval) }

    /// Gives one record after the other.
    package struct Iterator: AsyncIteratorProtocol {
        var follower: AuditFollower
        let filter: AuditFilter
        let interval: Duration
        var found: ArraySlice<AuditEntry> = []

        /// The next record; nil only when the task is cancelled.
        /// - Throws: `FileError` if a file can't be read.
        package mutating func next() async throws(FileError) -> AuditEntry? {
            while true {
                if let entry = found.popFirst() { return entry }
                if Task.isCancelled { return nil }
                found = try follower.poll().filter(filter.matches)[...]
                if found.isEmpty { try? await Task.sleep(for: interval) }
            }
        }
    }
}
