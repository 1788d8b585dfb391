package import KeyCore
import Primitives

/// Makes the backups that are due. After a time without a server one is made for all that were missed.
package struct BackupScheduler: Sendable {
    private static let retryAfter = Duration.seconds(600)
    /// A backlog of old ones, as after somebody has lowered how many are kept, goes slowly: there is time to notice.
    private static let maxDeletions = 2
    private let backups: Backups
    private let store: BackupScheduleStore
    private let audit: any AuditSink
    private let clock: WallClock

    /// For the installation's backups.
    package init(_ backups: Backups, stores: Stores, audit: any AuditSink) {
        (self.backups, self.audit, clock) = (backups, audit, stores.clock)
        store = BackupScheduleStore(database: stores.database)
    }

    /// The schedule, and how it went.
    package func schedule() async throws -> BackupSchedule { try await store.read() }

    /// Makes the backup that is due, if one is, and deletes scheduled ones beyond those that are kept.
    /// - Throws: why it failed, which the schedule then says too; it is due again after ten minutes.
    package func run() async throws {
        guard let (schedule, due) = try await store.claim(at: clock.now, retryAfter: BackupScheduler.retryAfter) else { return }
        do {
            let order = try BackupOrder(secret: .recipient(try PublicKey(spkiPEM: schedule.recipient ?? "")))
            try await record(.backupMade, .begun, order.id.description)
            _ = try await backups.make(order, includesFiles: schedule.includesFiles, origin: .scheduled, by: "schedule")
            try await record(.backupMade, .allowed, order.id.description)
            try await store.note(nil, of: due, at: clock.now)
        } catch {
            try await store.note("\(error)", of: due, at: clock.now)
            throw error
        }
        try await deleteOld(keeping: Int(schedule.keep))
    }

    /// After a start: a backup that was under way when the server ended isn't any more, and is due again as after a failure.
    package func recover() async throws { try await store.endUnfinished() }

    private func deleteOld(keeping count: Int) async throws {
        for id in try await backups.catalogue.scheduled().dropLast(count).prefix(BackupScheduler.maxDeletions) {
            try await record(.backupDeleted, .begun, id.description)
            do { try await backups.delete(id) } catch {
                try await record(.backupDeleted, .failed, id.description)
                throw error
            }
            try await record(.backupDeleted, .allowed, id.description)
        }
    }

    private func record(_ event: AuditEvent, _ outcome: AuditRecord.Outcome, _ target: String) async throws {
        var record = AuditRecord(event, outcome, at: clock.now)
        (record.actor, record.target) = ("schedule", target)
        try await audit.append(record)
    }
}
