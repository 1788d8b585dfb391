package import Primitives

/// How a journal is kept.
package struct AuditJournalConfiguration: Sendable {
    /// The folder; created with mode 0700 if it isn't there (its parent must be).
    package var folder: String
    /// Who writes.
    package var node: AuditNode
    /// A segment is followed by a new one before it would exceed this many bytes, and with the first record of each day (UTC).
    package var segmentBytes: UInt64 = 64 << 20
    /// A record that is not durable after this time is refused.
    package var deadline: Duration = .milliseconds(50)
    /// So many records may wait.
    package var queueLimit = 10_000
    /// A checkpoint is due after this many records …
    package var checkpointRecords = 10_000
    /// … or this long after the first record that none covers.
    package var checkpointInterval: Duration = .seconds(60)
    /// Stamps the journal's own records.
    package var clock = WallClock.system

    /// The defaults for a folder and a node.
    package init(folder: String, node: AuditNode) { (self.folder, self.node) = (folder, node) }
}
