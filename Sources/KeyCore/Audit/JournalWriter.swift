import Primitives

/// What the writer thread owns: the open segment and the chain. Each commit is one write and one `fdatasync`, or it never happened.
struct JournalWriter {
    /// The segment that is written.
    struct Segment {
        /// What a failure left behind.
        enum Damage { case partWritten, unsynced }

        let name: SegmentName
        let file: any JournalFile
        /// The bytes that are durable.
        var length: UInt64 = 0
        /// Days since 1970 in UTC.
        let day: Int64
        /// Whether the folder's entry may not be durable yet.
        var needsDirectorySync = false
        var damage: Damage?
    }

    let configuration: AuditJournalConfiguration
    let folder: JournalFolder
    let files: any JournalFiles
    let signer: CheckpointSigner?
    let headStore: @Sendable (AuditHead) -> Void
    let metrics: AuditJournalMetrics

    var chain: AuditChain
    /// Nil until the first one is begun.
    var segment: Segment?
    /// What the open segment's first record will say; nil once it is durable.
    var opening: JournalOpening?
    /// Records of the journal's own that go before the next batch.
    var notices: [[UInt8]] = []
    /// A tampering that no durable record tells of yet.
    var owedTampering: AuditTampering?
    /// A tampering that nobody has taken note of yet.
    var newTampering: AuditTampering?
    /// Whether the last checkpoint that was due couldn't be signed.
    var isUnsigned = false
    /// The records that no checkpoint covers.
    var uncovered = 0
    /// When a checkpoint is due, on the monotonic clock; nil if nothing is uncovered.
    var checkpointDue: UInt64?
    private var lines: [UInt8] = []

    init(_ configuration: AuditJournalConfiguration, chain: AuditChain, files: any JournalFiles, signer: CheckpointSigner?,
        headStore: @escaping @Sendable (AuditHead) -> Void, metrics: AuditJournalMetrics = AuditJournalMetrics()
    ) {
        self.metrics = metrics
        (self.configuration, self.chain, self.files) = (configuration, chain, files)
        (self.signer, self.headStore) = (signer, headStore)
        folder = JournalFolder(path: configuration.folder)
    }

    /// Makes the bodies durable as the chain's next records, after whatever the journal itself has to say; with a checkpoint behind them if
    /// one is due or asked for.
    /// - Throws: what prevented it; the chain is then where it was, and the next commit repairs what is left in the file.
    mutating func commit(_ bodies: [[UInt8]], checkpoint: Bool = false) throws(FileError) {
        if !bodies.isEmpty { metrics.batchRecords.observe(bodies.count) }
        try prepare(adding: bodies.reduce(0) { $0 + $1.count + 128 })
        let isDue = checkpoint && uncovered > 0 || uncovered + bodies.count >= configuration.checkpointRecords
        try write(bodies, checkpoint: isDue || isUnsigned)
    }

    /// Writes a checkpoint, if there is anything to cover.
    mutating func commitCheckpoint() throws(FileError) { try commit([], checkpoint: true) }

    /// Writes to the open segment as it is.
    mutating func write(_ bodies: [[UInt8]], checkpoint: Bool) throws(FileError) {
        var chain = chain
        let isCovered = compose(bodies, checkpoint: checkpoint, &chain)
        guard !lines.isEmpty else { return }
        try store()
        adopt(chain, isCovered: isCovered)
    }

    /// Fills `lines` with what follows in the chain; whether a checkpoint ends it.
    private mutating func compose(_ bodies: [[UInt8]], checkpoint: Bool, _ chain: inout AuditChain) -> Bool {
        let now = configuration.clock.now
        lines.removeAll(keepingCapacity: true)
        if let opening { chain.append(own(opening, at: now), to: &lines) }
        for body in notices { chain.append(body, to: &lines) }
        for body in bodies { chain.append(body, to: &lines) }
        guard checkpoint else { return false }
        let body = Checkpoint.body(after: chain.head(of: configuration.node), at: now, signer: signer)
        isUnsigned = body == nil
        if let body { chain.append(body, to: &lines) }
        return body != nil
    }

    /// Appends `lines` durably; a part of them that a failure left behind is taken back, at once or before the next write.
    private mutating func store() throws(FileError) {
        guard let file = segment?.file else { return }
        do {
            segment?.damage = .partWritten
            try file.append(lines)
            segment?.damage = .unsynced
            let start = MonotonicClock.nanoseconds
            try file.dataSync()
            metrics.syncTime.observe(Int(MonotonicClock.nanoseconds - start))
        } catch {
            _ = repair()
            throw error
        }
        segment?.damage = nil
        segment?.length += UInt64(lines.count)
    }

    private func own(_ opening: JournalOpening, at time: Instant) -> [UInt8] {
        opening.body(at: time, node: configuration.node, previous: chain.link, tampering: owedTampering)
    }

    private mutating func adopt(_ chain: AuditChain, isCovered: Bool) {
        uncovered = isCovered ? 0 : uncovered + Int(chain.seq - self.chain.seq)
        self.chain = chain
        if opening != nil { owedTampering = nil }
        opening = nil
        notices.removeAll()
        if isCovered {
            checkpointDue = nil
            headStore(chain.head(of: configuration.node))
        } else if checkpointDue == nil {
            postponeCheckpoint()
        }
    }

    /// Sets the next checkpoint's time to one interval from now.
    mutating func postponeCheckpoint() {
        checkpointDue = MonotonicClock.nanoseconds + UInt64(clamping: configuration.checkpointInterval.nanoseconds)
    }
}
