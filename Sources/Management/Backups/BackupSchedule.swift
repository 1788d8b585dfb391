import KeyCore
package import Primitives

/// When backups are made by themselves, for whom, and how that went.
package struct BackupSchedule: Sendable, Equatable {
    package var isEnabled = false
    /// The text of a `Cron`; nil as long as nothing was chosen.
    package var cron: String?
    /// How many scheduled backups are kept.
    package var keep: Int64 = 7
    /// PEM. There is no passphrase here: it would have to be kept, beside what it protects.
    package var recipient: String?
    package var includesFiles = false
    /// When it was set, and which moment was dealt with last.
    package var changedAt = Instant(nanoseconds: 0), lastDueAt: Instant?
    package var lastSuccessAt: Instant?
    /// The last failure, unless it is over.
    package var lastFailureAt: Instant?, lastFailure: String?
    /// 0 as long as nothing was chosen.
    package var revision: Int64 = 0

    /// What stands for the outcome of a backup that was begun. Should its server end before it does, it is a failure like others.
    static let unfinished = "it was begun, and has no outcome"
    static let longest = Duration.seconds(3600)

    /// Whether a backup is being made.
    package func isAtWork(at now: Instant) -> Bool {
        lastFailure == BackupSchedule.unfinished && lastFailureAt.map { now < $0 + BackupSchedule.longest } ?? false
    }

    /// The last moment at which one was due before which none has succeeded since; nil if all is well. Within an hour of it nothing is late.
    package func missed(at now: Instant) -> Instant? {
        guard isEnabled, let due = cron.flatMap({ Cron($0) })?.latest(after: changedAt, through: now - BackupSchedule.longest) else { return nil }
        return lastSuccessAt.map { $0 >= due } ?? false ? nil : due
    }

    /// The longest time between two moments in the next weeks; nil without a schedule.
    package func period(at now: Instant) -> Duration? {
        guard isEnabled, let cron = cron.flatMap({ Cron($0) }), var last = cron.next(after: now) else { return nil }
        var longest: Duration?
        for _ in 0..<16 {
            guard let next = cron.next(after: last) else { break }
            longest = max(longest ?? .zero, next - last)
            last = next
        }
        return longest
    }

    /// The next moment at which a backup is due.
    package func next(after now: Instant) -> Instant? {
        isEnabled ? cron.flatMap { Cron($0) }?.next(after: lastDueAt.map { max($0, changedAt) } ?? changedAt).map { max($0, now) } : nil
    }
}

/// The schedule in the database.
struct BackupScheduleStore: Sendable {
    let database: any SQLDatabase

    func read() async throws -> BackupSchedule { try await database.read { try BackupScheduleStore.read($0) } }

    /// Replaces what is chosen; how it went so far stays.
    func save(_ schedule: BackupSchedule, expecting revision: Int64?, at now: Instant) async throws -> BackupSchedule {
        try await database.write { connection in
            var present = try BackupScheduleStore.read(connection)
            if let revision, revision != present.revision { throw StoreError.changed("the backup schedule") }
            (present.isEnabled, present.cron, present.keep) = (schedule.isEnabled, schedule.cron, schedule.keep)
            (present.recipient, present.includesFiles) = (schedule.recipient, schedule.includesFiles)
            (present.changedAt, present.revision) = (now, present.revision + 1)
            (present.lastFailureAt, present.lastFailure) = (nil, nil)
            try BackupScheduleStore.write(present, connection)
            return present
        }
    }

    /// Takes the moment that is due, so that one server alone deals with it, for an hour. It stays due until `note` tells of a success.
    /// - Returns: the schedule before, and the moment; nil if nothing is due.
    func claim(at now: Instant, retryAfter pause: Duration) async throws -> (BackupSchedule, due: Instant)? {
        try await database.write { connection in
            let schedule = try BackupScheduleStore.read(connection)
            guard schedule.isEnabled, let cron = schedule.cron.flatMap({ Cron($0) }) else { return nil }
            let isOpen = schedule.lastFailure == BackupSchedule.unfinished
            if let failure = schedule.lastFailureAt, now < failure + (isOpen ? BackupSchedule.longest : pause) { return nil }
            let since = max(schedule.lastDueAt ?? schedule.changedAt, schedule.changedAt)
            guard let due = cron.latest(after: since, through: now) else { return nil }
            var taken = schedule
            (taken.lastFailureAt, taken.lastFailure) = (now, BackupSchedule.unfinished)
            try BackupScheduleStore.write(taken, connection)
            return (schedule, due)
        }
    }

    /// Notes how it went; after a failure the moment is due again.
    func note(_ failure: String?, of due: Instant, at now: Instant) async throws {
        try await database.write { connection in
            var schedule = try BackupScheduleStore.read(connection)
            if let failure {
                (schedule.lastFailureAt, schedule.lastFailure) = (now, failure)
            } else {
                schedule.lastDueAt = due
                (schedule.lastSuccessAt, schedule.lastFailureAt, schedule.lastFailure) = (now, nil, nil)
            }
            try BackupScheduleStore.write(schedule, connection)
        }
    }

    /// No server is making a backup now: one that was begun has failed.
    func endUnfinished() async throws {
        try await database.write { connection in
            var schedule = try BackupScheduleStore.read(connection)
            guard schedule.lastFailure == BackupSchedule.unfinished else { return }
            schedule.lastFailure = "the server ended while it was made"
            try BackupScheduleStore.write(schedule, connection)
        }
    }

    private static func read(_ connection: borrowing SQLConnection) throws -> BackupSchedule {
        guard let row = try connection.query("SELECT * FROM backup_schedule WHERE id = $1", ["schedule"]).first else { return BackupSchedule() }
        var schedule = BackupSchedule()
        schedule.isEnabled = try row.boolean("enabled")
        schedule.cron = try row.text("cron")
        schedule.keep = try row.integer("keep")
        schedule.recipient = try row.text("recipient")
        schedule.includesFiles = try row.boolean("includes_files")
        schedule.changedAt = Instant(nanoseconds: try row.integer("changed_at"))
        schedule.lastDueAt = try row.optionalInteger("last_due_at").map { Instant(nanoseconds: $0) }
        schedule.lastSuccessAt = try row.optionalInteger("last_success_at").map { Instant(nanoseconds: $0) }
        schedule.lastFailureAt = try row.optionalInteger("last_failure_at").map { Instant(nanoseconds: $0) }
        schedule.lastFailure = try row.optionalText("last_failure")
        schedule.revision = try row.integer("revision")
        return schedule
    }

    private static func write(_ schedule: BackupSchedule, _ connection: borrowing SQLConnection) throws {
        try connection.execute("DELETE FROM backup_schedule")
        try connection.execute(
            """
            INSERT INTO backup_schedule (id, enabled, cron, keep, recipient, includes_files, changed_at, last_due_at, last_success_at,
                last_failure_at, last_failure, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            """,
            [
                "schedule", .boolean(schedule.isEnabled), .text(schedule.cron ?? ""), .integer(schedule.keep),
                .text(schedule.recipient ?? ""), .boolean(schedule.includesFiles), .integer(schedule.changedAt.nanoseconds),
                .optional(schedule.lastDueAt?.nanoseconds), .optional(schedule.lastSuccessAt?.nanoseconds),
                .optional(schedule.lastFailureAt?.nanoseconds), .optional(schedule.lastFailure), .integer(schedule.revision),
            ])
    }
}
