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
            companions: ["material"], kind: "key_version"),
        Standing(
            table: "endpoints", column: "state",
            order: [EndpointState.active, .paused, .disabled, .archived].map { .text($0.rawValue) }, companions: [], kind: "endpoint"),
        Standing(table: "users", column: "enabled", order: [1, 0], companions: [], kind: "user"),
        Standing(table: "issuers", column: "enabled", order: [1, 0], companions: [], kind: "issuer"),
        Standing(table: "oidc_providers", column: "enabled", order: [1, 0], companions: [], kind: "oidc_provider"),
        Standing(table: "salesforce_keys", column: "enabled", order: [1, 0], companions: [], kind: "cache_only_key"),
    ]

    /// What somebody proves with that it is them: where it was replaced since the backup, the present one stands unless it is named.
    struct Credential {
        let table: String
        /// The first one tells whether it was replaced; the others stand with it.
        let columns: [String]
        let kind: String
    }

    static let credentials = [
        Credential(table: "users", columns: ["password_hash", "must_change_password"], kind: "password"),
        Credential(table: "users", columns: ["totp_secret", "totp_confirmed"], kind: "totp"),
    ]

    /// Material that can't be made again: of two different ones under one name the present one stands unless the other is named.
    static let irreplaceable = ["key_versions": (column: "material", kind: "material"), "secrets": (column: "sealed", kind: "secret")]

    /// Rows that let somebody in. In an installation with accounts one that isn't there any more, or is another one, was taken away since the
    /// backup: it comes back only if it is named, by itself or as `KIND:*`.
    static let access = [
        "users": "user", "group_members": "group_member", "grants": "grant", "user_certificates": "user_certificate",
        "user_identities": "user_identity", "oidc_providers": "oidc_provider",
    ]

    /// Rows that hold people back as long as they are enabled: then they stay as they are unless they are named.
    static let guards = ["quorum_rules": "quorum_rule"]

    /// What is an installation's own: comes from a backup only where there is none yet.
    static let ofInstallation: Set<String> = ["backup_schedule"]

    /// What goes with a user's password, and stays with it.
    static let passwordTables: Set<String> = ["password_history"]

    /// The group `Admins`.
    static let administrators = "00000000-0000-4000-8000-000000000001"

    /// Tables that are no part of what is confirmed: `Restore.run` writes down itself, before it compares, what it finds in the change log.
    static let unconfirmed: Set<String> = ["deleted_keys"]

    /// Tables of which a restore removes nothing: material that is gone can't be made again.
    static let neverRemoved: Set<String> = ["keys", "key_versions", "secrets", "deleted_keys", "salesforce_keys", "kacls_key_domains"]

    /// Columns that repeat what other rows say: never compared, and written anew at the end.
    static let derived: [String: Set<String>] = ["keys": ["state", "version_count"]]

    /// Columns that note when something was last used, or how far it is: neither compared nor taken back.
    static let volatile: [String: Set<String>] = ["users": ["last_sign_in_at", "totp_last_step"]]

    /// References that the schema doesn't know as such: `column` holds the primary key of `target`.
    static let looseReferences = [(table: "quorum_rules", column: "approver_group", target: "user_groups")]

    /// A key that comes back is not destroyed sooner than this, so that somebody can still call it off.
    static let graceOfDestruction = Duration.seconds(7 * 86_400)

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

    /// Whether a present row is the running journal's own, which signs with it.
    static func belongsToJournal(_ table: String, _ row: SQLRow) throws -> Bool {
        table == "secrets" ? try row.text("name").hasPrefix("audit-") : false
    }

    /// Whether rows of the table are parts of what they refer to first, and named by it.
    static func isPart(_ table: SQLTable) -> Bool {
        guard let owner = table.references.first else { return false }
        return owner.columns.count == 1 && table.primaryKey.contains(owner.columns[0])
    }
}

extension RestoreRules.Standing {
    /// The value in a plan's words.
    func word(_ value: SQLValue) -> String { column == "enabled" ? (value == 1 ? "enabled" : "disabled") : value.word }
}

extension SQLValue {
    /// The value as text, for a plan; never used for bytes that are secret.
    var word: String {
        switch self {
        case .null: ""
        case .integer(let integer): String(integer)
        case .real(let real): "\(real)"
        case .text(let text): text
        case .blob(let blob): Hex.string(Digest.sha256(blob).prefix(8))
        }
    }
}
