package import Primitives

/// Proves that a folder's journals are what was written, or says where they first are not. It streams: its memory doesn't grow with them.
package struct AuditVerifier: Sendable {
    private let folder: JournalFolder
    private let checkpoints: CheckpointVerifier?
    private let anchors: [AuditNode: AuditHead]
    private let allowsMissingBeginning: Bool

    /// A verifier of the journals in `folder`.
    /// - Parameters:
    ///   - checkpoints: checks the signatures; nil checks only what the checkpoints say.
    ///   - anchors: the heads kept elsewhere, one for each node: without one, removal of the last records isn't noticeable.
    ///   - allowsMissingBeginning: whether old segments may have been moved to an archive.
    package init(folder: String, checkpoints: CheckpointVerifier?, anchors: [AuditHead] = [], allowsMissingBeginning: Bool = false) {
        self.folder = JournalFolder(path: folder)
        self.checkpoints = checkpoints
        self.anchors = Dictionary(anchors.map { ($0.node, $0) }) { $0.seq > $1.seq ? $0 : $1 }
        self.allowsMissingBeginning = allowsMissingBeginning
    }

    /// Reads everything. A journal that is being written meanwhile verifies as far as it had got. Blocks on the disk.
    /// - Throws: `FileError` if the folder can't be listed; a segment that can't be read is a finding.
    package func verify() throws(FileError) -> AuditReport {
        let segments = try folder.segments()
        var report = AuditReport()
        for node in Set(segments.keys).union(anchors.keys).sorted(by: { $0.description < $1.description }) {
            report.nodes.append(verify(node, segments[node] ?? []))
        }
        return report
    }

    private func verify(_ node: AuditNode, _ segments: [SegmentName]) -> AuditReport.Node {
        var walk = JournalWalk(
            node: node, checkpoints: checkpoints, anchor: anchors[node], allowsMissingBeginning: allowsMissingBeginning)
        for (index, segment) in segments.enumerated() {
            walk.report.segments += 1
            do {
                let limit = try abandonment(in: segments[(index + 1)...])
                try walk.read(FileReader(folder.path(of: segment)), segment, limit: limit, isLast: index == segments.count - 1)
            } catch {
                walk.find(.unreadable(error.description), segment, line: nil)
            }
            if walk.report.finding != nil { return walk.report }
        }
        walk.end(segments.last)
        return walk.report
    }

    /// The number from which on a segment's records don't count, if the first readable line of those that follow says so.
    private func abandonment(in later: ArraySlice<SegmentName>) throws(FileError) -> UInt64? {
        for segment in later {
            var reader = LineReader(try FileReader(folder.path(of: segment)))
            guard let line = try reader.next(), line.isWhole else { continue }
            return AuditLine(line.bytes).flatMap { JournalOpening.abandons($0) ? $0.seq : nil }
        }
        return nil
    }
}

/// The way through one node's segments: which record must come next.
struct JournalWalk {
    let node: AuditNode
    let checkpoints: CheckpointVerifier?
    let anchor: AuditHead?
    let allowsMissingBeginning: Bool
    var report: AuditReport.Node
    private var chain: AuditChain
    private var isAtBeginning = true

    init(node: AuditNode, checkpoints: CheckpointVerifier?, anchor: AuditHead?, allowsMissingBeginning: Bool) {
        (self.node, self.checkpoints, self.anchor) = (node, checkpoints, anchor)
        self.allowsMissingBeginning = allowsMissingBeginning
        report = AuditReport.Node(node: node)
        chain = AuditChain(node: node)
    }

    /// Notes a fault.
    mutating func find(_ kind: AuditFinding.Kind, _ segment: SegmentName?, line: Int?) {
        report.finding = AuditFinding(kind: kind, file: segment?.file, line: line)
    }

    /// Checks a segment's lines up to the first fault; from the record `limit` on they only count as abandoned.
    mutating func read(_ file: FileReader, _ segment: SegmentName, limit: UInt64?, isLast: Bool) throws(FileError) {
        var reader = LineReader(file)
        while let line = try next(&reader, waits: isLast) {
            if let limit, chain.seq + 1 >= limit, !isAtBeginning || limit == 1 {
                report.abandoned += 1
                if line.isWhole { continue } else { return }
            }
            guard line.isWhole else { return find(.torn, segment, line: line.number) }
            guard let record = AuditLine(line.bytes) else { return find(.malformed, segment, line: line.number) }
            if let kind = check(record, before: { try? reader.next() }) { return find(kind, segment, line: line.number) }
        }
    }

    /// Checks what only the whole journal shows: that it reaches the anchor.
    mutating func end(_ last: SegmentName?) {
        guard let anchor, chain.seq < anchor.seq else { return }
        find(.truncated(expected: anchor.seq, found: chain.seq), last, line: nil)
    }

    /// The next line; an unfinished one at the end may be one that is being written, so it gets 100 ms to become whole.
    private func next(_ reader: inout LineReader, waits: Bool) throws(FileError) -> LineReader.Line? {
        var line = try reader.next()
        var rounds = waits ? 10 : 0
        while let unfinished = line, !unfinished.isWhole, rounds > 0 {
            NativeThread.sleep(.milliseconds(10))
            line = try reader.next()
            rounds -= 1
        }
        return line
    }

    private mutating func check(_ line: AuditLine, before next: () -> LineReader.Line?) -> AuditFinding.Kind? {
        if isAtBeginning, line.seq != 1 {
            guard allowsMissingBeginning, let previous = line.fields?["previous"]?.string else {
                return .missingBeginning(found: line.seq)
            }
            chain = AuditChain(seq: line.seq - 1, link: Array(previous.utf8))
        }
        isAtBeginning = false
        let expected = chain.seq + 1
        guard line.seq == expected else {
            let following = next().flatMap { AuditLine($0.bytes)?.seq }
            let isGap = line.seq > expected && following.map { $0 > line.seq } != false
            return isGap ? .gap(expected: expected, found: line.seq) : .reordered(expected: expected, found: line.seq)
        }
        guard line.follows(chain.link) else { return .changed }
        if let kind = checkMeaning(line) { return kind }
        chain = line.chain
        report.records += 1
        report.head = chain.head(of: node)
        return nil
    }

    private mutating func checkMeaning(_ line: AuditLine) -> AuditFinding.Kind? {
        if let anchor, line.seq == anchor.seq, !line.link.elementsEqual(anchor.chain.utf8) { return .rewritten }
        if line.event == JournalNotice.tampered { report.tamperNotices += 1 }
        guard line.event == Checkpoint.event else { return nil }
        guard let fields = line.fields, Checkpoint.isGenuine(fields, after: chain.head(of: node), checkpoints) else {
            return .forgedCheckpoint
        }
        report.checkpoints += 1
        report.coveredThrough = line.seq - 1
        return nil
    }
}
