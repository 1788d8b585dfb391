import KeyCore
package import Primitives

/// The first administrator, for `holdfast init` and, with access to the root key, for `holdfast reset-admin`.
package enum AccountSeeds {
    /// The groups of an administrator who can do everything, and therefore hand out everything.
    private static let groups: [SystemGroup] = [.admins, .users, .userAdmins, .connectionAdmins]

    /// Makes the user `admin`, or opens it again: enabled, unlocked, in those groups, without second factor, certificates, identities,
    /// sessions and API tokens, with a one-time password that must be changed.
    /// - Returns: the one-time password, which is kept nowhere.
    package static func createFirstAdministrator(
        database: any SQLDatabase, clock: WallClock, name: String = "admin", cost: PasswordCost = .standard
    ) async throws -> String {
        let name = try AccountName(new: name)
        let password = try PasswordPolicy.oneTime()
        let hash = try await PasswordBench(cost: cost, threads: 1).hash(PasswordPolicy.bytes(password))
        let newID = try UserID.random()
        let now = clock.now
        try await database.write { connection in
            let present = try Credentials.find("canonical", name.canonical, in: connection)
            if let present {
                try reset(present.id, hash, in: connection)
            } else {
                var draft = UserDraft(name: name)
                draft.passwordHash = hash
                try UserStore.insert(draft, newID, at: now, in: connection)
            }
            for group in groups { try GroupStore.add(present?.id ?? newID, to: group.id, at: now, in: connection) }
        }
        return password
    }

    private static func reset(_ id: UserID, _ hash: PasswordHash, in connection: borrowing SQLConnection) throws {
        try connection.execute(
            """
            UPDATE users SET enabled = 1, password_hash = $2, must_change_password = 1, totp_secret = NULL, totp_confirmed = 0,
                totp_last_step = 0, revision = revision + 1 WHERE id = $1
            """, [.text(id.description), .text(hash.stored)])
        for table in ["sessions", "api_tokens", "recovery_codes", "user_certificates", "user_identities"] {
            try connection.execute("DELETE FROM \(table) WHERE user_id = $1", [.text(id.description)])
        }
        try PasswordStore.remember(hash, of: id, in: connection)
        try SignInAttempts.forget(id, in: connection)
    }
}
