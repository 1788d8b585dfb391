import KeyCore
package import Primitives

/// The schedule by which backups are made.
package struct BackupScheduleRoutes: RouteProvider {
    private let clock: WallClock

    /// Routes with this clock.
    package init(clock: WallClock) { self.clock = clock }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/backup-schedule", "getBackupSchedule", "When backups are made by themselves, and how that went",
                tag: "Backups", access: .needs(.readBackups), answers: [200: .json(BackupSchemas.schedule)], handler: get),
            Route(
                .put, "/api/v1/backup-schedule", "putBackupSchedule",
                "Choose when backups are made by themselves, and whose public key they are encrypted to", tag: "Backups",
                access: .needs(.createBackups), event: .backupScheduled, quorum: .makeBackup, body: .json(BackupSchemas.scheduleDraft),
                answers: [200: .json(BackupSchemas.schedule)], allowsDryRun: true, allowsIfMatch: true, handler: put),
        ]
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        answer(try await BackupScheduleStore(database: call.stores.database).read())
    }

    private func put(_ call: APICall) async throws -> APIAnswer {
        var schedule = BackupSchedule()
        let pem = call.body["recipient_public_key"]?.string ?? ""
        _ = try BackupRoutes.recipient(pem)
        guard let cron = call.body["cron"]?.string, let parsed = Cron(cron), parsed.next(after: clock.now) != nil else {
            throw Problem.invalid("/cron", expected: "five fields that some moment fits, as 30 2 * * 1-5, or “daily 3”, or “weekly 3”")
        }
        (schedule.isEnabled, schedule.cron, schedule.recipient) = (call.body["enabled"]?.bool ?? false, cron, pem)
        (schedule.keep, schedule.includesFiles) = (call.body["keep"]?.integer ?? 7, call.body["include_files"]?.bool ?? false)
        return answer(try await BackupScheduleStore(database: call.stores.database).save(
            schedule, expecting: call.expectedRevision, at: clock.now))
    }

    private func answer(_ schedule: BackupSchedule) -> APIAnswer {
        .thing(BackupSchemas.document(schedule, next: schedule.next(after: clock.now)), revision: schedule.revision)
    }
}
