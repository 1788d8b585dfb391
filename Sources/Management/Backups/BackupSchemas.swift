import KeyCore
import Primitives

/// Backups on the wire.
enum BackupSchemas {
    static let passphrase = Schema.secret(12...1024)
    static let pem = Schema.text(1...16384)

    static let draft = Schema.object(name: "BackupDraft", [
        .optional("scope", .oneOf(BackupHeader.Scope.self), "Everything, or the keys and endpoints that are named; all if left out"),
        .optional("key_ids", .array(.id, count: 0...1000), "With scope selected: these keys"),
        .optional("endpoint_ids", .array(.id, count: 0...1000), "With scope selected: these endpoints, with what they need"),
        .optional("passphrase", passphrase, "What opens it: either this"),
        .optional("recipient_public_key", pem, "or the private half of this RSA key (PEM)"),
        .optional("description", .text(0...256), "Stands in the header, readable by whoever has the file"),
        .optional("include_files", .boolean, "Put the configuration and the TLS files into it"),
    ])

    static let counts = Schema.object(name: "BackupCounts", [
        .required("keys", .count), .required("key_versions", .count), .required("endpoints", .count), .required("issuers", .count),
        .required("policies", .count),
    ])

    static let backup = Schema.object(name: "Backup", [
        .required("id", .id), .required("created_at", .time), .required("origin", .oneOf(StoredBackup.Origin.self)),
        .required("description", .text(0...256)), .required("bytes", .count), .required("scope", .oneOf(BackupHeader.Scope.self)),
        .required("installation", .text(0...64), "Who made it"), .required("epoch", .count, "How many restores that had seen, plus one"),
        .required("schema_step", .count), .required("program", .text(0...64)), .required("includes_files", .boolean),
        .required("files_left_out", .array(.text(0...4096), count: 0...1000), "Named by the configuration, but outside the data folder, so not in it"),
        .required("counts", counts), .required("opens_with", .oneOf(["passphrase", "private_key"])),
        .required("recipient_sha256", .nullable(.text(64...64)), "Which private key: SHA-256 of its public half (SubjectPublicKeyInfo)"),
        .required("added_at", .time), .required("added_by", .text(0...256)), .required("verified_at", .nullable(.time)),
        .required("verdict", .nullable(.text(0...1024)), "What the last check found: “intact”, or what is wrong"),
        .required("revision", .count),
    ])

    static let opener = Schema.object(name: "BackupOpener", [
        .optional("passphrase", passphrase), .optional("private_key", .secret(1...16384), "PKCS#8 PEM"),
    ])

    static let report = Schema.object(name: "BackupReport", [
        .required("intact", .boolean), .required("problem", .nullable(.text(0...1024))), .required("rows", .count),
        .required("files", .count), .required("secrets", .count, "Secret values, all of which were opened"),
        .required("tables", .map(keys: StringRule(length: 1...64), values: .count, count: 0...200), "Rows by table"),
    ])

    static let order = Schema.object(name: "RestoreOrder", [
        .optional("passphrase", passphrase), .optional("private_key", .secret(1...16384), "PKCS#8 PEM"),
        .optional("resurrect", .array(.text(1...1024), count: 0...1000), """
            What comes back although it was stopped or taken away since, as `reference` names it; of users, group_member, grant, user_certificate \
            and user_identity also all, as user:*
            """),
        .optional("confirm", .text(64...64), "The plan's confirmation; without it nothing is done"),
    ])

    static let keptPlan = Schema.object(name: "KeptRestorePlan", [
        .required("made_at", .time, "When it was shown"), .required("plan", plan, "As it was then; the restore is of this plan or refused"),
    ])

    static let result = Schema.object(name: "RestoreResult", [
        .required("restored", .boolean, "Whether it was done, or is a plan only"), .required("plan", plan),
    ])

    static let plan = Schema.object(name: "RestorePlan", [
        .required("backup", .object([
            .required("id", .id), .required("created_at", .time), .required("epoch", .count), .required("scope", .oneOf(BackupHeader.Scope.self)),
            .required("installation", .text(0...64), "Who made it"),
        ])),
        .required("installation", .text(0...64), "Who this is; empty before the first backup or restore"),
        .required("other_installation", .boolean, "Whether the backup is of another installation than this one"),
        .required("epoch", .count), .required("changes_anything", .boolean),
        .required("tables", .array(.object(name: "RestoreTable", [
            .required("table", .text(1...64)), .required("added", .count), .required("changed", .count), .required("removed", .count),
            .required("kept", .count, "Newer than the backup, and left alone"),
        ]), count: 0...200)),
        .required("changes", .array(.object(name: "RestoreChange", [
            .required("table", .text(1...64)), .required("id", .text(0...1024)), .required("name", .text(0...8192)),
            .required("change", .oneOf(RestorePlan.NamedChange.Change.self)),
        ]), count: 0...1000), "Things with names, at most 1000"),
        .required("revived", .array(.object(name: "RestoreRevived", [
            .required("kind", .text(1...64)), .required("reference", .text(1...1024)), .required("name", .text(0...8192)),
            .required("now", .text(0...64)), .required("in_backup", .text(0...64)), .required("comes_back", .boolean),
        ]), count: 0...10_000_000), "What was stopped or taken away since the backup; it stays so unless `resurrect` names it"),
        .required("conflicts", .array(.object(name: "RestoreConflict", [
            .required("kind", .text(1...64)), .required("reference", .text(1...1024)), .required("name", .text(0...1024)),
            .required("comes_back", .boolean),
        ]), count: 0...10_000_000), "Other material under the same name; the present one stays unless `resurrect` names it"),
        .required("destructions", .array(.object(name: "RestoreDestruction", [
            .required("reference", .text(1...128)), .required("name", .text(0...1024)),
            .required("at", .nullable(.time), "When it will be; null if it was called off since the backup"),
            .required("in_backup", .nullable(.time)),
        ]), count: 0...10_000_000), "Scheduled destructions; of what comes back none is sooner than in seven days"),
        .required("newer_policies", .array(.object(name: "RestorePolicy", [
            .required("id", .id), .required("name", .text(0...1024)), .required("now", .count), .required("in_backup", .count),
        ]), count: 0...1_000_000)),
        .required("warnings", .array(.text(1...8192), count: 0...1_000_000), "What somebody should know who confirms it"),
        .required("confirm", .text(64...64), "Give this back to have the plan carried out"),
    ])

    static let schedule = Schema.object(name: "BackupSchedule", [
        .required("enabled", .boolean),
        .required("cron", .nullable(.text(1...128)), "Minute, hour, day of month, month, day of week, in UTC"),
        .required("keep", .integer(1...1000), "How many scheduled backups are kept"),
        .required("recipient_public_key", .nullable(pem), "The RSA key (PEM) that they are encrypted to"),
        .required("include_files", .boolean), .required("next_at", .nullable(.time)), .required("last_success_at", .nullable(.time)),
        .required("last_failure_at", .nullable(.time)), .required("last_failure", .nullable(.text(0...1024))), .required("revision", .count),
    ])

    static let scheduleDraft = Schema.object(name: "BackupScheduleDraft", [
        .required("enabled", .boolean),
        .required("cron", .text(1...128), "Five fields in UTC as 30 2 * * 1-5, or “daily HOUR”, or “weekly HOUR” (on Sundays)"),
        .required("keep", .integer(1...1000)), .required("recipient_public_key", pem), .optional("include_files", .boolean),
    ])

    // MARK: Documents

    static func document(_ backup: StoredBackup) -> JSONValue {
        let header = backup.header
        var recipient: JSONValue = nil
        if case .recipient(let digest, _) = header.lock { recipient = .string(Hex.string(digest)) }
        return [
            "id": .string(header.id.description), "created_at": .optional(header.createdAt), "origin": .string(backup.origin.rawValue),
            "description": .string(text(header.description, 256)), "bytes": .integer(backup.bytes), "scope": .string(header.scope.rawValue),
            "installation": .string(text(header.installation, 64)), "epoch": .integer(header.epoch), "schema_step": .integer(header.schemaStep),
            "program": .string(text(header.program, 64)), "includes_files": .bool(header.includesFiles),
            "files_left_out": .strings(header.filesLeftOut.prefix(1000).map { text($0, 4096) }),
            "counts": [
                "keys": .integer(header.counts.keys), "key_versions": .integer(header.counts.keyVersions),
                "endpoints": .integer(header.counts.endpoints), "issuers": .integer(header.counts.issuers),
                "policies": .integer(header.counts.policies),
            ],
            "opens_with": .string(recipient == .null ? "passphrase" : "private_key"), "recipient_sha256": recipient,
            "added_at": .optional(backup.addedAt), "added_by": .string(text(backup.addedBy, 256)), "verified_at": .optional(backup.verifiedAt),
            "verdict": .optional(backup.verdict.map { text($0, 1024) }), "revision": .integer(backup.revision),
        ]
    }

    static func document(_ result: Result<BackupReport, BackupError>) -> JSONValue {
        switch result {
        case .success(let report):
            [
                "intact": true, "problem": nil, "rows": .integer(report.rows), "files": .integer(report.files),
                "secrets": .integer(report.secrets),
                "tables": .object(report.tables.sorted { $0.key < $1.key }.map { (name: $0.key, value: .integer($0.value)) }),
            ]
        case .failure(let error):
            ["intact": false, "problem": .string(text(error.description, 1024)), "rows": 0, "files": 0, "secrets": 0, "tables": [:]]
        }
    }

    static func document(_ schedule: BackupSchedule, next: Instant?) -> JSONValue {
        [
            "enabled": .bool(schedule.isEnabled), "cron": .optional(schedule.cron), "keep": .integer(schedule.keep),
            "recipient_public_key": .optional(schedule.recipient), "include_files": .bool(schedule.includesFiles), "next_at": .optional(next),
            "last_success_at": .optional(schedule.lastSuccessAt), "last_failure_at": .optional(schedule.lastFailureAt),
            "last_failure": .optional(schedule.lastFailure.map { text($0, 1024) }), "revision": .integer(schedule.revision),
        ]
    }

    /// What came from a file, cut and printable.
    private static func text(_ text: String, _ limit: Int) -> String { AuditText.clean(text, limit: limit) }
}

extension Schema {
    /// A number of things.
    fileprivate static let count = Schema.integer(0...(1 << 53))
}
