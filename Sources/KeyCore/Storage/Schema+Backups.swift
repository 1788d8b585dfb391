import Primitives

extension Schema {
    /// Backups, their schedule, and the epoch that restores raise.
    static let backups = SQLMigration(id: 5, name: "backups", statements: [
        """
        CREATE TABLE installation (
            id TEXT NOT NULL PRIMARY KEY, installation_id TEXT NOT NULL, epoch {BIGINT} NOT NULL, restored_at {BIGINT},
            restored_from TEXT) {STRICT}
        """,
        "CREATE TABLE deleted_keys (id TEXT NOT NULL PRIMARY KEY) {STRICT}",
        """
        CREATE TABLE backups (
            id TEXT NOT NULL PRIMARY KEY, created_at {BIGINT} NOT NULL, origin TEXT NOT NULL, description TEXT NOT NULL,
            bytes {BIGINT} NOT NULL, header TEXT NOT NULL, added_at {BIGINT} NOT NULL, added_by TEXT NOT NULL, verified_at {BIGINT},
            verdict TEXT, revision {BIGINT} NOT NULL) {STRICT}
        """,
        "CREATE INDEX backups_by_time ON backups (created_at, id)",
        """
        CREATE TABLE backup_schedule (
            id TEXT NOT NULL PRIMARY KEY, enabled {BIGINT} NOT NULL, cron TEXT NOT NULL, keep {BIGINT} NOT NULL,
            recipient TEXT NOT NULL, includes_files {BIGINT} NOT NULL, changed_at {BIGINT} NOT NULL, last_due_at {BIGINT},
            last_success_at {BIGINT}, last_failure_at {BIGINT}, last_failure TEXT, revision {BIGINT} NOT NULL) {STRICT}
        """,
    ])
}
