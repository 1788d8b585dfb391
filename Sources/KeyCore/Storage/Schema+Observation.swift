import Primitives

extension Schema {
    /// The audit index, settings, alerts.
    static let observation = SQLMigration(id: 4, name: "observation", statements: [
        // `text` holds the texts of a record in lower case, for search; `line` the record as it stands in the journal.
        """
        CREATE TABLE audit_records (
            node TEXT NOT NULL, seq {BIGINT} NOT NULL, at {BIGINT} NOT NULL, event TEXT NOT NULL, outcome TEXT, request TEXT,
            endpoint TEXT, key TEXT, principal TEXT, actor TEXT, project TEXT, resource TEXT, cause TEXT, remote TEXT, text TEXT NOT NULL,
            line TEXT NOT NULL,
            PRIMARY KEY (node, seq)) {STRICT}
        """,
        "CREATE INDEX audit_records_at ON audit_records (at, seq, node)",
        "CREATE INDEX audit_records_request ON audit_records (request, at, seq, node)",
        "CREATE INDEX audit_records_endpoint ON audit_records (endpoint, at, seq, node)",
        "CREATE INDEX audit_records_key ON audit_records (key, at, seq, node)",
        "CREATE INDEX audit_records_principal ON audit_records (principal, at, seq, node)",
        "CREATE INDEX audit_records_actor ON audit_records (actor, at, seq, node)",
        "CREATE INDEX audit_records_outcome ON audit_records (outcome, at, seq, node)",
        // How far each journal is in the table: committed together with the records.
        """
        CREATE TABLE audit_positions (
            node TEXT NOT NULL PRIMARY KEY, seq {BIGINT} NOT NULL, at {BIGINT} NOT NULL, chain TEXT NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE settings (
            id TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL, sealed {BYTES}, revision {BIGINT} NOT NULL,
            changed_at {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE alerts (
            id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, severity TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL,
            state TEXT NOT NULL, since {BIGINT} NOT NULL, resolved_at {BIGINT}, acknowledged_at {BIGINT}, acknowledged_by TEXT,
            revision {BIGINT} NOT NULL) {STRICT}
        """,
        "CREATE INDEX alerts_since ON alerts (since, id)",
        "CREATE INDEX alerts_subject ON alerts (kind, subject, state)",
        // What is to be told to a webhook, until it was, or was tried too often.
        """
        CREATE TABLE alert_deliveries (
            id TEXT NOT NULL PRIMARY KEY, webhook TEXT NOT NULL, body TEXT NOT NULL, attempts {BIGINT} NOT NULL, due_at {BIGINT} NOT NULL,
            created_at {BIGINT} NOT NULL) {STRICT}
        """,
    ])
}
