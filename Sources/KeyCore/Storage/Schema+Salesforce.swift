import Primitives

extension Schema {
    /// The key identifiers of Salesforce orgs, and the nonces of their callouts. Identifiers outlive their endpoint and their key, so they refer
    /// to neither: see `CacheOnlyKeyStore`.
    static let salesforce = SQLMigration(id: 20, name: "salesforce", statements: [
        """
        CREATE TABLE salesforce_keys (
            id TEXT NOT NULL PRIMARY KEY, endpoint_id TEXT NOT NULL, identifier TEXT NOT NULL, path TEXT NOT NULL, key_id TEXT NOT NULL,
            key_version {BIGINT} NOT NULL, certificate TEXT NOT NULL, enabled {BIGINT} NOT NULL, not_before {BIGINT}, not_after {BIGINT},
            created_at {BIGINT} NOT NULL, updated_at {BIGINT} NOT NULL, revision {BIGINT} NOT NULL) {STRICT}
        """,
        "CREATE UNIQUE INDEX salesforce_keys_identifier ON salesforce_keys (endpoint_id, identifier)",
        "CREATE INDEX salesforce_keys_key ON salesforce_keys (key_id, key_version)",
        """
        CREATE TABLE salesforce_nonces (
            endpoint_id TEXT NOT NULL, nonce TEXT NOT NULL, seen_at {BIGINT} NOT NULL, PRIMARY KEY (endpoint_id, nonce)) {STRICT}
        """,
        "CREATE INDEX salesforce_nonces_seen ON salesforce_nonces (seen_at)",
        // What callers call their requests, as Salesforce's `requestId`, to find one in the audit.
        "ALTER TABLE audit_records ADD COLUMN caller_request TEXT",
        "CREATE INDEX audit_records_caller_request ON audit_records (caller_request, at, seq, node)",
    ])
}
