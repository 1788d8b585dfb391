package import Primitives
import Synchronization

/// How far the audit index is.
package struct AuditIndexStatus: Sendable, Equatable {
    /// One journal in the index.
    package struct Node: Sendable, Equatable {
        package let node: AuditNode
        /// The last record that is in the index.
        package let seq: UInt64
        /// When it was decided.
        package let time: Instant
    }

    /// By name.
    package var nodes: [Node] = []
    /// When the end of all journals was last reached; nil if not yet.
    package var caughtUpAt: Instant?
    /// What prevents it from going on; nil if nothing does.
    package var failure: String?
}

/// Copies the journals' records into the database, for search and statistics: each exactly once by (node, number), whatever is stopped in
/// between, because a batch and the position behind it are one transaction.
///
/// It reads the files that the journal has written and never makes a writer wait. It may lag; whoever searches lets it catch up first.
package final class AuditIndexer: Sendable {
    private struct State: Sendable {
        var follower: AuditFollower?
        var status = AuditIndexStatus()
    }

    private static let batch = 500
    private let folder: String
    private let database: any SQLDatabase
    private let clock: WallClock
    private let thread: BlockingThread
    private let state = Mutex(State())

    /// An indexer of the journals in `folder`; it does nothing before `run` or `catchUp`.
    /// - Throws: `FileError` if the system has no thread to give.
    package init(folder: String, database: any SQLDatabase, clock: WallClock) throws(FileError) {
        (self.folder, self.database, self.clock) = (folder, database, clock)
        thread = try BlockingThread("audit index")
    }

    /// How far it is.
    package var status: AuditIndexStatus { state.withLock { $0.status } }

    /// Follows until its task is cancelled. With much to do it rests between batches, so that the data plane has the processor.
    package func run() async {
        while !Task.isCancelled {
            let start = MonotonicClock.nanoseconds
            let hasMore = (try? await thread.run { self.copyBatch() }) ?? false
            let busy = Duration.nanoseconds(Int64(MonotonicClock.nanoseconds - start))
            try? await Task.sleep(for: hasMore ? busy * 2 : .milliseconds(250))
        }
    }

    /// Copies what was durable when this was called.
    /// - Returns: whether it has; false if it takes longer than `limit` or something fails.
    package func catchUp(within limit: Duration = .seconds(5)) async -> Bool {
        let deadline = MonotonicClock.nanoseconds + UInt64(clamping: limit.nanoseconds)
        return await withDeadline(limit) {
            (try? await self.thread.run {
                while self.copyBatch() { if MonotonicClock.nanoseconds > deadline { return false } }
                return self.status.failure == nil
            }) ?? false
        } ?? false
    }

    // MARK: On the thread

    /// Copies at most so many records of each journal; whether there may be more.
    private func copyBatch() -> Bool {
        do {
            var follower = try state.withLock({ $0.follower }) ?? begin()
            let entries = try follower.poll(limit: AuditIndexer.batch)
            if !entries.isEmpty { try store(entries) }
            let isAtEnd = !Dictionary(grouping: entries, by: \.node).contains { $0.value.count >= AuditIndexer.batch }
            let now = clock.now
            state.withLock { state in
                state.follower = follower
                state.status.failure = nil
                if isAtEnd { state.status.caughtUpAt = now }
            }
            return !isAtEnd
        } catch {
            // The follower is ahead of the table now: the next one begins where the table ends.
            state.withLock { state in
                state.follower = nil
                state.status.failure = "\(error)"
            }
            return false
        }
    }

    private func store(_ entries: [AuditEntry]) throws {
        let rows = entries.map { AuditIndexRow($0).arguments }
        let last = Dictionary(entries.map { ($0.node, $0) }) { _, later in later }.values.map(AuditIndexPosition.init)
        try database.writeBlocking { connection in
            for row in rows { try connection.execute(AuditIndexRow.insertion, row) }
            for position in last { try position.save(in: connection) }
        }
        try publish()
    }

    /// A follower that begins behind what the table has. It looks at each journal's last copied record again: if another one stands
    /// there now (a failing disk had left it unconfirmed, or the journal was written anew), that journal is copied from its beginning.
    private func begin() throws -> AuditFollower {
        let positions = try database.readBlocking { try AuditIndexPosition.all(in: $0) }
        var probe = AuditFollower(folder: folder, after: Dictionary(uniqueKeysWithValues: positions.map { ($0.node, $0.seq - 1) }))
        var seen = Dictionary(uniqueKeysWithValues: positions.map { ($0.node, $0.seq) })
        for entry in try probe.poll(limit: 1) {
            guard let position = positions.first(where: { $0.node == entry.node }), entry.seq == position.seq else { continue }
            if entry["chain"] != position.chain { seen[entry.node] = nil }
        }
        try publish()
        return AuditFollower(folder: folder, after: seen)
    }

    private func publish() throws {
        let nodes = try database.readBlocking { try AuditIndexPosition.all(in: $0) }.map {
            AuditIndexStatus.Node(node: $0.node, seq: $0.seq, time: $0.time)
        }
        state.withLock { $0.status.nodes = nodes }
    }
}

/// How far one journal is in the table.
struct AuditIndexPosition: Sendable {
    let node: AuditNode
    let seq: UInt64
    let time: Instant
    let chain: String

    /// Behind this record.
    init(_ entry: AuditEntry) {
        (node, seq) = (entry.node, entry.seq)
        (time, chain) = (entry.time ?? Instant(nanoseconds: 0), entry["chain"] ?? "")
    }

    private init?(_ row: SQLRow) throws(SQLError) {
        guard let node = AuditNode(try row.text("node")) else { return nil }
        (self.node, seq) = (node, UInt64(clamping: try row.integer("seq")))
        (time, chain) = (Instant(nanoseconds: try row.integer("at")), try row.text("chain"))
    }

    static func all(in connection: borrowing SQLConnection) throws(SQLError) -> [AuditIndexPosition] {
        var positions: [AuditIndexPosition] = []
        for row in try connection.query("SELECT node, seq, at, chain FROM audit_positions ORDER BY node") {
            if let position = try AuditIndexPosition(row), position.seq > 0 { positions.append(position) }
        }
        return positions
    }

    func save(in connection: borrowing SQLConnection) throws(SQLError) {
        try connection.execute(
            """
            INSERT INTO audit_positions (node, seq, at, chain) VALUES ($1, $2, $3, $4)
            ON CONFLICT (node) DO UPDATE SET seq = excluded.seq, at = excluded.at, chain = excluded.chain
            """,
            [.text(node.description), .integer(Int64(seq)), .integer(time.nanoseconds), .text(chain)])
    }
}
