import Primitives

extension Schema {
    /// What requests for approval remember of who asked, and what is shown once; recovery codes of second factors.
    static let access = SQLMigration(id: 7, name: "access", statements: [
        "ALTER TABLE approvals ADD COLUMN token_id TEXT",
        // With what is secret in it, until who asked has fetched it once, or for a day; `outcome` has the rest.
        "ALTER TABLE approvals ADD COLUMN secret_outcome {BYTES}",
        """
        CREATE TABLE recovery_codes (
            user_id TEXT NOT NULL REFERENCES users (id), code_hash TEXT NOT NULL, PRIMARY KEY (user_id, code_hash)) {STRICT}
        """,
    ])
}
