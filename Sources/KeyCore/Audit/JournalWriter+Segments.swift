import Primitives

/// Which file the next lines go to.
extension JournalWriter {
    /// Makes sure that an undisturbed segment is open for another `count` bytes, repaired if the last write failed.
    mutating func prepare(adding count: Int) throws(FileError) {
        guard segment != nil else { return try begin(.first) }
        if owedTampering != nil, opening == nil { return try begin(.tampering) }
        if segment?.damage != nil, !repair() { return try begin(.failure, abandons: true) }
        if let found = try disturbance() {
            (newTampering, owedTampering) = (found, found)
            return try begin(.tampering)
        }
        try syncDirectory()
        try rotate(adding: count)
    }

    /// Begins a new segment; its first record goes out with the next write.
    mutating func begin(_ cause: JournalNotice.Cause, abandons: Bool = false) throws(FileError) {
        let last = try folder.segments(of: configuration.node).last?.number ?? 0
        let name = SegmentName(node: configuration.node, number: max(last, segment?.name.number ?? 0) + 1)
        let file = try files.create(folder.path(of: name))
        segment = Segment(name: name, file: file, day: today, needsDirectorySync: true)
        opening = JournalOpening(cause: cause, abandons: abandons || opening?.abandons == true)
        try syncDirectory()
    }

    /// Cuts off what a failed write left behind the durable bytes. False if the segment must not be used any more: it couldn't be cut, or
    /// its disk failed to synchronise, after which a later success proves nothing.
    mutating func repair() -> Bool {
        guard let damaged = segment, let damage = damaged.damage else { return true }
        do { try damaged.file.truncate(to: damaged.length) } catch { return false }
        guard damage == .partWritten else { return false }
        segment?.damage = nil
        return true
    }

    /// Whether somebody else did something to the open segment: its path must name the open file, with exactly the bytes written.
    private func disturbance() throws(FileError) -> AuditTampering? {
        guard let segment else { return nil }
        let kind: AuditTampering.Kind
        switch try segment.file.pathState() {
        case .same(let size) where size == segment.length: return nil
        case .same(let size): kind = size < segment.length ? .truncated : .grown
        case .missing: kind = .deleted
        case .replaced: kind = .replaced
        }
        return AuditTampering(kind: kind, segment: segment.name.file)
    }

    private mutating func syncDirectory() throws(FileError) {
        guard segment?.needsDirectorySync == true else { return }
        try files.syncDirectory(folder.path)
        segment?.needsDirectorySync = false
    }

    /// Ends the segment with a checkpoint and begins the next one, if it is full or of another day.
    private mutating func rotate(adding count: Int) throws(FileError) {
        guard let full = segment, full.length > 0 else { return }
        let isFull = full.length + UInt64(count) > configuration.segmentBytes
        guard isFull || full.day != today else { return }
        if uncovered > 0 { try write([], checkpoint: true) }
        try begin(isFull ? .size : .day)
    }

    private var today: Int64 { JournalWriter.day(configuration.clock.now) }

    /// Days since 1970 in UTC.
    static func day(_ time: Instant) -> Int64 { time.seconds / 86_400 }
}
