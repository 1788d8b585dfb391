import KeyCore
import Primitives

/// What the quorum asks of accounts, read anew each time.
package struct AccountDirectory: ApprovalDirectory {
    private let stores: Stores

    /// A directory over the accounts in the database.
    package init(_ stores: Stores) { self.stores = stores }

    package func caller(for user: UserID) async throws -> Caller? {
        try await stores.database.read { connection in
            let rows = try connection.query(
                """
                SELECT canonical, must_change_password FROM users WHERE id = $1 AND enabled = 1
                """, [.text(user.description)])
            guard let row = rows.first else { return nil }
            let authority = try Authority(of: user, in: connection)
            return Caller(
                userID: user, name: "user:\(try row.text("canonical"))", proof: .session(user.description), groups: authority.groups,
                permissions: authority.permissions, grants: authority.grants,
                mustChangePassword: try row.boolean("must_change_password") && !AccountDirectory.signsInOtherwise(user, in: connection))
        }
    }

    /// Whether the user has another way in than the password that has to be changed.
    private static func signsInOtherwise(_ user: UserID, in connection: borrowing SQLConnection) throws -> Bool {
        try !connection.query(
            """
            SELECT user_id FROM user_certificates WHERE user_id = $1
            UNION ALL SELECT i.user_id FROM user_identities i JOIN oidc_providers p ON p.id = i.provider_id WHERE i.user_id = $1 AND p.enabled = 1
            UNION ALL SELECT u.id FROM users u JOIN oidc_providers p ON p.enabled = 1 AND p.matches_email = 1
                WHERE u.id = $1 AND u.email IS NOT NULL
            """, [.text(user.description)]).isEmpty
    }

    package func group(_ id: String) async throws -> (name: String, permissions: Set<Permission>)? {
        guard let id = GroupID(id) else { return nil }
        let group: Group? = try await stores.database.read { connection in
            do { return try Group.find(id, in: connection) } catch StoreError.notFound { return nil }
        }
        return group.map { ($0.name, $0.permissions) }
    }

    package func isValid(token: String, of user: UserID) async throws -> Bool {
        let now = stores.clock.now
        return try await !stores.database.query(
            "SELECT id FROM api_tokens WHERE id = $1 AND user_id = $2 AND expires_at > $3",
            [.text(token), .text(user.description), .integer(now.nanoseconds)]).isEmpty
    }

    package func deciders(in group: String?) async throws -> [Set<Permission>] {
        try await stores.database.read { try QuorumSeats(in: $0).deciders(in: group).map(\.permissions) }
    }
}
