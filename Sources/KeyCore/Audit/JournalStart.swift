import Primitives

/// How a journal takes up where it ended: in order, after a crash, or after somebody touched it.
extension JournalWriter {
    /// Finds the chain's end in the last segment (or an earlier one, if that is empty), moves an unfinished line aside, and writes down
    /// what was found. Afterwards the journal is proven writable unless it had nothing to write.
    mutating func start(anchor: AuditHead?) throws(FileError) {
        let segments = try folder.segments(of: configuration.node)
        var found: AuditTampering?
        if let last = segments.last { found = try resume(last, before: segments.dropLast(), anchor: anchor) }
        if let anchor, anchor.node == configuration.node, chain.seq < anchor.seq {
            chain = AuditChain(seq: anchor.seq, link: Array(anchor.chain.utf8))
            let name = segments.last ?? SegmentName(node: configuration.node, number: 1)
            found = AuditTampering(kind: segments.isEmpty ? .deleted : .truncated, segment: name.file)
        }
        if let found { (newTampering, owedTampering) = (found, found) }
        try commit([])
    }

    private mutating func resume(
        _ last: SegmentName, before earlier: ArraySlice<SegmentName>, anchor: AuditHead?
    ) throws(FileError) -> AuditTampering? {
        let tail = try JournalTail(folder.path(of: last), node: configuration.node, anchor: anchor)
        let file = try files.open(folder.path(of: last))
        if tail.wholeEnd < tail.size { try moveAside(last, tail, file) }
        let now = configuration.clock.now
        segment = Segment(name: last, file: file, length: tail.wholeEnd, day: JournalWriter.day(tail.time ?? now))
        if !tail.endsInCheckpoint {
            uncovered = 1
            postponeCheckpoint()
        }
        if tail.isDisturbed {
            if let chain = tail.chain { self.chain = chain }
            return AuditTampering(kind: .changed, segment: last.file)
        }
        if let chain = tail.chain {
            self.chain = chain
            return nil
        }
        opening = JournalOpening(cause: earlier.isEmpty ? .first : .failure)
        for name in earlier.reversed() {
            let tail = try JournalTail(folder.path(of: name), node: configuration.node, anchor: anchor)
            if tail.wholeEnd < tail.size { opening?.abandons = true }
            guard let chain = tail.chain else { continue }
            self.chain = chain
            return tail.isDisturbed ? AuditTampering(kind: .changed, segment: name.file) : nil
        }
        return nil
    }

    /// Copies the unfinished line to `….torn` and cuts it off. It was never confirmed to anybody.
    private mutating func moveAside(_ name: SegmentName, _ tail: JournalTail, _ file: any JournalFile) throws(FileError) {
        let source = try FileReader(folder.path(of: name))
        let path = folder.path(of: name) + ".torn"
        let target: AppendOnlyFile
        do { target = try AppendOnlyFile(creating: path) } catch where error.category == .exists {
            target = try AppendOnlyFile(opening: path)
        }
        var offset = tail.wholeEnd
        while case let bytes = try source.read(at: offset, count: 1 << 20), !bytes.isEmpty {
            try target.append(bytes)
            offset += UInt64(bytes.count)
        }
        try target.dataSync()
        try files.syncDirectory(folder.path)
        try file.truncate(to: tail.wholeEnd)
        let body = JournalNotice.body(JournalNotice.recovered, at: configuration.clock.now, node: configuration.node) { writer in
            writer.member("segment", name.file)
            writer.member("torn_bytes", Int64(offset - tail.wholeEnd))
        }
        notices.append(body)
    }
}
