import Primitives

extension Schema {
    /// Users, groups, grants, sessions, tokens.
    ///
    /// `canonical` is the form by which a name is found, `skeleton` the form in which look-alike names are equal. What is secret and must be
    /// read again is sealed; what only has to be recognised is hashed.
    static let accounts = SQLMigration(id: 2, name: "accounts", statements: users + groups + credentials + openID)

    private static let users = [
        """
        CREATE TABLE users (
            id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, canonical TEXT NOT NULL UNIQUE, skeleton TEXT NOT NULL UNIQUE,
            display_name TEXT, email TEXT, email_canonical TEXT UNIQUE, enabled {BIGINT} NOT NULL, password_hash TEXT,
            must_change_password {BIGINT} NOT NULL, totp_secret {BYTES}, totp_confirmed {BIGINT} NOT NULL, totp_last_step {BIGINT} NOT NULL,
            created_at {BIGINT} NOT NULL, last_sign_in_at {BIGINT}, revision {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE password_history (
            user_id TEXT NOT NULL REFERENCES users (id), number {BIGINT} NOT NULL, password_hash TEXT NOT NULL,
            PRIMARY KEY (user_id, number)) {STRICT}
        """,
        """
        CREATE TABLE user_certificates (
            fingerprint TEXT NOT NULL PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id)) {STRICT}
        """,
        "CREATE INDEX user_certificates_by_user ON user_certificates (user_id)",
    ]

    private static let groups = [
        """
        CREATE TABLE user_groups (
            id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, canonical TEXT NOT NULL UNIQUE, skeleton TEXT NOT NULL UNIQUE,
            description TEXT, permissions TEXT NOT NULL, is_system {BIGINT} NOT NULL, created_at {BIGINT} NOT NULL,
            revision {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE group_members (
            group_id TEXT NOT NULL REFERENCES user_groups (id), user_id TEXT NOT NULL REFERENCES users (id), added_at {BIGINT} NOT NULL,
            PRIMARY KEY (group_id, user_id)) {STRICT}
        """,
        "CREATE INDEX group_members_by_user ON group_members (user_id)",
        """
        CREATE TABLE grants (
            id TEXT NOT NULL PRIMARY KEY, user_id TEXT REFERENCES users (id), group_id TEXT REFERENCES user_groups (id),
            resource_kind TEXT NOT NULL, resource_id TEXT NOT NULL, permissions TEXT NOT NULL, created_at {BIGINT} NOT NULL) {STRICT}
        """,
        "CREATE INDEX grants_by_user ON grants (user_id)",
        "CREATE INDEX grants_by_group ON grants (group_id)",
        "CREATE INDEX grants_by_resource ON grants (resource_id)",
        // Their permissions are the program's (`SystemGroup`), so none are stored.
        """
        INSERT INTO user_groups (id, name, canonical, skeleton, description, permissions, is_system, created_at, revision) VALUES
            ('00000000-0000-4000-8000-000000000001', 'Admins', 'admins', 'adrnlns', NULL, '', 1, 0, 1),
            ('00000000-0000-4000-8000-000000000002', 'Users', 'users', 'users', NULL, '', 1, 0, 1),
            ('00000000-0000-4000-8000-000000000003', 'Key Users', 'key users', 'key users', NULL, '', 1, 0, 1),
            ('00000000-0000-4000-8000-000000000004', 'Connection Admins', 'connection admins', 'connectlon adrnlns', NULL, '', 1, 0, 1),
            ('00000000-0000-4000-8000-000000000005', 'User Admins', 'user admins', 'user adrnlns', NULL, '', 1, 0, 1),
            ('00000000-0000-4000-8000-000000000006', 'Auditors', 'auditors', 'audltors', NULL, '', 1, 0, 1)
        """,
    ]

    private static let credentials = [
        """
        CREATE TABLE sessions (
            id TEXT NOT NULL PRIMARY KEY, token_hash {BYTES} NOT NULL UNIQUE, user_id TEXT NOT NULL REFERENCES users (id),
            method TEXT NOT NULL, is_cookie {BIGINT} NOT NULL, fingerprint TEXT, remote_address TEXT NOT NULL,
            created_at {BIGINT} NOT NULL, last_used_at {BIGINT} NOT NULL, expires_at {BIGINT} NOT NULL) {STRICT}
        """,
        "CREATE INDEX sessions_by_user ON sessions (user_id)",
        """
        CREATE TABLE api_tokens (
            id TEXT NOT NULL PRIMARY KEY, token_hash {BYTES} NOT NULL UNIQUE, user_id TEXT NOT NULL REFERENCES users (id),
            name TEXT NOT NULL, permissions TEXT NOT NULL, created_at {BIGINT} NOT NULL, last_used_at {BIGINT},
            expires_at {BIGINT} NOT NULL, UNIQUE (user_id, name)) {STRICT}
        """,
        // `subject` is a user that exists, or a network: what strangers type as a user name is not kept, for it may be a password.
        """
        CREATE TABLE sign_in_failures (
            subject TEXT NOT NULL PRIMARY KEY, failures {BIGINT} NOT NULL, last_at {BIGINT} NOT NULL, blocked_until {BIGINT} NOT NULL) {STRICT}
        """,
        "CREATE INDEX sign_in_failures_by_time ON sign_in_failures (last_at)",
    ]

    private static let openID = [
        """
        CREATE TABLE oidc_providers (
            id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, issuer TEXT NOT NULL UNIQUE, client_id TEXT NOT NULL,
            client_secret {BYTES}, redirect_uri TEXT NOT NULL, matches_email {BIGINT} NOT NULL, enabled {BIGINT} NOT NULL,
            created_at {BIGINT} NOT NULL, revision {BIGINT} NOT NULL) {STRICT}
        """,
        """
        CREATE TABLE user_identities (
            provider_id TEXT NOT NULL REFERENCES oidc_providers (id), subject TEXT NOT NULL, user_id TEXT NOT NULL REFERENCES users (id),
            PRIMARY KEY (provider_id, subject), UNIQUE (user_id, provider_id)) {STRICT}
        """,
    ]
}
