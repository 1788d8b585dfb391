/// The journal for people's acts, which wait for a slow disk rather than be refused as a cloud's calls are.
package struct PatientAuditSink: AuditSink {
    private let journal: AuditJournal
    private let patience: Duration

    /// A sink that waits so long for each record.
    package init(_ journal: AuditJournal, patience: Duration = .seconds(10)) { (self.journal, self.patience) = (journal, patience) }

    /// As `AuditJournal.append`, with patience.
    package func append(_ record: AuditRecord) async throws(AuditError) { try await journal.append(record, within: patience) }

    /// The journal's.
    package var health: AuditHealth { journal.health }
}
