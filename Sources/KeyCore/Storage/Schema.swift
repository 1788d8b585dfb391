package import Primitives

/// The tables, in the common dialect (`SQLDialect`). Instants are nanoseconds since 1970.
package enum Schema {
    /// All steps so far; a released one never changes.
    package static let migrations = [foundation, accounts, resources, observation, backups, approvals, access, workspace, salesforce]

    static let foundation = SQLMigration(id: 1, name: "keys, issuers, policies, endpoints, secrets, changes", statements: [
        """
        CREATE TABLE sealing_keys (
            id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, salt {BYTES}, log_n {BIGINT}, sealed {BYTES} NOT NULL,
            created_at {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE keys (
            id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, purpose TEXT NOT NULL, algorithm TEXT NOT NULL,
            source TEXT NOT NULL, created_at {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE key_versions (
            key_id TEXT NOT NULL REFERENCES keys (id), number {BIGINT} NOT NULL, state TEXT NOT NULL, material {BYTES},
            created_at {BIGINT} NOT NULL, destroy_at {BIGINT}, PRIMARY KEY (key_id, number)) {STRICT}
        """,
        """
        CREATE TABLE issuers (
            id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL, enabled {BIGINT} NOT NULL,
            development {BIGINT} NOT NULL, created_at {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE policies (
            id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, version {BIGINT} NOT NULL,
            created_at {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE policy_versions (
            policy_id TEXT NOT NULL REFERENCES policies (id), version {BIGINT} NOT NULL, source TEXT NOT NULL,
            created_at {BIGINT} NOT NULL, PRIMARY KEY (policy_id, version)) {STRICT}
        """,
        """
        CREATE TABLE endpoints (
            id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, door TEXT NOT NULL, path TEXT NOT NULL UNIQUE,
            hostnames TEXT NOT NULL, key_id TEXT NOT NULL REFERENCES keys (id),
            policy_id TEXT NOT NULL REFERENCES policies (id), state TEXT NOT NULL, options TEXT NOT NULL,
            created_at {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE endpoint_issuers (
            endpoint_id TEXT NOT NULL REFERENCES endpoints (id), issuer_id TEXT NOT NULL REFERENCES issuers (id),
            PRIMARY KEY (endpoint_id, issuer_id)) {STRICT}
        """,
        """
        CREATE TABLE secrets (
            name TEXT NOT NULL PRIMARY KEY, sealed {BYTES} NOT NULL, public TEXT, created_at {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE audit_heads (
            node TEXT NOT NULL PRIMARY KEY, sequence {BIGINT} NOT NULL, chain TEXT NOT NULL, at {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE changes (
            sequence {BIGINT} NOT NULL PRIMARY KEY, entity TEXT NOT NULL, entity_id TEXT NOT NULL, at {BIGINT} NOT NULL) {STRICT}
        """,
    ])
}
