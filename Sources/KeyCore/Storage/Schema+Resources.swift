import Primitives

extension Schema {
    /// What management adds to keys, endpoints, issuers and policies: revisions, labels, expiry, and what lists are sorted and filtered by.
    ///
    /// `keys.state` and `keys.version_count` repeat what `key_versions` says, so that a page of keys reads one table; `KeyRow.settle` keeps
    /// them true. A key without expiry has the largest integer, so that lists can be sorted by it. `keys.labels` is for showing,
    /// `key_labels` for finding.
    static let resources = SQLMigration(id: 3, name: "resources", statements: [
        "ALTER TABLE keys ADD COLUMN description TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE keys ADD COLUMN labels TEXT NOT NULL DEFAULT '{}'",
        "ALTER TABLE keys ADD COLUMN expires_at {BIGINT} NOT NULL DEFAULT 9223372036854775807",
        "ALTER TABLE keys ADD COLUMN exportable {BIGINT} NOT NULL DEFAULT 0",
        "ALTER TABLE keys ADD COLUMN export_policy_id TEXT REFERENCES policies (id)",
        "ALTER TABLE keys ADD COLUMN state TEXT NOT NULL DEFAULT 'active'",
        "ALTER TABLE keys ADD COLUMN version_count {BIGINT} NOT NULL DEFAULT 1",
        "ALTER TABLE keys ADD COLUMN revision {BIGINT} NOT NULL DEFAULT 1",
        "ALTER TABLE keys ADD COLUMN updated_at {BIGINT} NOT NULL DEFAULT 0",
        """
        UPDATE keys SET updated_at = created_at,
            version_count = (SELECT COUNT(*) FROM key_versions WHERE key_versions.key_id = keys.id),
            state = COALESCE((SELECT key_versions.state FROM key_versions WHERE key_versions.key_id = keys.id
                ORDER BY key_versions.number DESC LIMIT 1), 'destroyed')
        """,
        "ALTER TABLE key_versions ADD COLUMN origin TEXT NOT NULL DEFAULT 'generated'",
        """
        CREATE TABLE key_labels (
            key_id TEXT NOT NULL REFERENCES keys (id), name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key_id, name)) {STRICT}
        """,
        "CREATE INDEX key_labels_by_value ON key_labels (name, value, key_id)",
        "CREATE INDEX keys_by_creation ON keys (created_at, id)",
        "CREATE INDEX keys_by_change ON keys (updated_at, id)",
        "CREATE INDEX keys_by_expiry ON keys (expires_at, id)",
        "CREATE INDEX keys_by_state ON keys (state, name, id)",
        "CREATE INDEX keys_by_kind ON keys (algorithm, name, id)",
        "CREATE INDEX keys_by_purpose ON keys (purpose, name, id)",
        // Whatever a list is filtered by but for names: counts read this index only.
        "CREATE INDEX keys_by_facets ON keys (source, state, purpose, algorithm, expires_at, id)",
        "CREATE INDEX key_versions_by_destruction ON key_versions (destroy_at)",
        "ALTER TABLE issuers ADD COLUMN description TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE issuers ADD COLUMN revision {BIGINT} NOT NULL DEFAULT 1",
        "ALTER TABLE issuers ADD COLUMN updated_at {BIGINT} NOT NULL DEFAULT 0",
        "UPDATE issuers SET updated_at = created_at",
        "ALTER TABLE endpoints ADD COLUMN description TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE endpoints ADD COLUMN revision {BIGINT} NOT NULL DEFAULT 1",
        "ALTER TABLE endpoints ADD COLUMN updated_at {BIGINT} NOT NULL DEFAULT 0",
        "UPDATE endpoints SET updated_at = created_at",
        "CREATE INDEX endpoints_by_key ON endpoints (key_id)",
        "CREATE INDEX endpoints_by_policy ON endpoints (policy_id)",
        "CREATE INDEX endpoint_issuers_by_issuer ON endpoint_issuers (issuer_id)",
        "ALTER TABLE policies ADD COLUMN updated_at {BIGINT} NOT NULL DEFAULT 0",
        "UPDATE policies SET updated_at = created_at",
        "ALTER TABLE policy_versions ADD COLUMN author TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE policy_versions ADD COLUMN note TEXT NOT NULL DEFAULT ''",
    ])
}
