import Primitives

extension Schema {
    /// Requests for approval, rules of the quorum, idempotency keys.
    ///
    /// What was asked for and what came of it are sealed, since a body may hold a password and an answer a token.
    static let approvals = SQLMigration(id: 6, name: "approvals", statements: [
        """
        CREATE TABLE quorum_rules (
            operation TEXT NOT NULL PRIMARY KEY, enabled {BIGINT} NOT NULL, required {BIGINT} NOT NULL, approver_group TEXT,
            expires_in_hours {BIGINT} NOT NULL, revision {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE approvals (
            id TEXT NOT NULL PRIMARY KEY, operation TEXT NOT NULL, requester_id TEXT, requester TEXT NOT NULL, route TEXT NOT NULL,
            path TEXT NOT NULL, required {BIGINT} NOT NULL, approver_group TEXT, state TEXT NOT NULL, created_at {BIGINT} NOT NULL,
            expires_at {BIGINT} NOT NULL, decided_at {BIGINT}, outcome_status {BIGINT}, outcome_code TEXT, held {BYTES} NOT NULL,
            outcome {BYTES}, revision {BIGINT} NOT NULL) {STRICT}
        """,
        "CREATE INDEX approvals_by_time ON approvals (created_at, id)",
        "CREATE INDEX approvals_by_state ON approvals (state, expires_at)",
        """
        CREATE TABLE approval_votes (
            approval_id TEXT NOT NULL REFERENCES approvals (id), user_id TEXT NOT NULL, name TEXT NOT NULL, approves {BIGINT} NOT NULL,
            comment TEXT, at {BIGINT} NOT NULL, PRIMARY KEY (approval_id, user_id)) {STRICT}
        """,
        """
        CREATE TABLE idempotency_keys (
            caller TEXT NOT NULL, key TEXT NOT NULL, process TEXT NOT NULL, created_at {BIGINT} NOT NULL, fingerprint {BYTES} NOT NULL,
            answer {BYTES}, PRIMARY KEY (caller, key)) {STRICT}
        """,
        "CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at)",
    ])
}
