package import KeyCore
import Primitives

/// Makes the backups that are due. After a time without a server one is made for all that were missed.
package struct BackupScheduler: Sendable {
    private static let retryAfter = Duration.seconds(600)
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
        guard let schedule = try await store.claim(at: clock.now, retryAfter: BackupScheduler.retryAfter) else { return }
        do {
            let order = try BackupOrder(secret: .recipient(try PublicKey(spkiPEM: schedule.recipient ?? "")))
            try await record(.begun, order.id.description)
            _ = try await backups.make(order, includesFiles: schedule.includesFiles, origin: .scheduled, by: "schedule")
            try await record(.allowed, order.id.description)
            for id in try await backups.catalogue.scheduled().dropLast(Int(schedule.keep)) { try await backups.delete(id) }
            try await store.note(nil, after: schedule, at: clock.now)
        } catch {
            try await store.note("\(error)", after: schedule, at: clock.now)
            throw error
        }
    }

    private func record(_ outcome: AuditRecord.Outcome, _ target: String) async throws {
        var record = AuditRecord(.backupMade, outcome, at: clock.now)
        (record.actor, record.target) = ("schedule", target)
        try await audit.append(record)
    }
}
