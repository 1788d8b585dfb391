import Primitives

/// What a restore leaves as it is now, whatever the backup says: a revocation is not undone by going back in time.
enum RestoreRules {
    /// A column in which the later row of such words is the stricter one.
    struct Standing {
        let table: String, column: String
        /// From what serves to what is gone for good.
        let order: [SQLValue]
        /// Further columns that stand together with it.
        let companions: [String]
        /// What it is called in a plan and in `resurrect`.
        let kind: String
    }

    /// Where the present value stands if it is stricter than the backup's, unless it is named in `resurrect`.
    static let standing = [
        Standing(
            table: "key_versions", column: "state",
            order: [KeyState.active, .preActive, .suspended, .deactivated, .compromised, .destroyed].map { .text($0.rawValue) },
            companions: ["material", "destroy_at"], kind: "key_version"),
        Standing(
            table: "endpoints", column: "state",
            order: [EndpointState.active, .paused, .disabled, .archived].map { .text($0.rawValue) }, companions: [], kind: "endpoint"),
        Standing(table: "users", column: "enabled", order: [1, 0], companions: [], kind: "user"),
    ]

    /// Tables of which a restore removes nothing: material that is gone can't be made again.
    static let neverRemoved: Set<String> = ["keys", "key_versions", "secrets", "deleted_keys"]

    /// Columns that repeat what other rows say: never compared, and written anew at the end.
    static let derived: [String: Set<String>] = ["keys": ["state", "version_count"]]

    /// Writes the derived columns of a key.
    static func settle(key id: String, in connection: borrowing SQLConnection) throws(SQLError) {
        try connection.execute(
            """
            UPDATE keys SET version_count = (SELECT COUNT(*) FROM key_versions WHERE key_versions.key_id = keys.id),
                state = COALESCE((SELECT key_versions.state FROM key_versions WHERE key_versions.key_id = keys.id
                    ORDER BY key_versions.number DESC LIMIT 1), $2)
            WHERE id = $1
            """, [.text(id), .text(KeyState.destroyed.rawValue)])
    }

    /// Tables whose differences matter by themselves, so that a plan is confirmed together with their content. Of others only which rows differ
    /// counts: some note when something was last used, which changes all the time.
    static let weighed: Set<String> = [
        "keys", "key_versions", "endpoints", "endpoint_issuers", "issuers", "policies", "policy_versions",
    ]

    /// Whether a present row is the running journal's own, which signs with it.
    static func belongsToJournal(_ table: String, _ row: SQLRow) throws -> Bool {
        table == "secrets" ? try row.text("name").hasPrefix("audit-") : false
    }
}
