import KeyCore
import Primitives

/// What the quorum asks of accounts, read anew each time.
package struct AccountDirectory: ApprovalDirectory {
    private let stores: Stores

    /// A directory over the accounts in the database.
    package init(_ stores: Stores) { self.stores = stores }

    package func caller(for user: UserID) async throws -> Caller? {
        try await stores.database.read { connection in
            let rows = try connection.query("SELECT canonical FROM users WHERE id = $1 AND enabled = 1", [.text(user.description)])
            guard let row = rows.first else { return nil }
            let authority = try Authority(of: user, in: connection)
            return Caller(
                userID: user, name: "user:\(try row.text("canonical"))", proof: .session(user.description), groups: authority.groups,
                permissions: authority.permissions, grants: authority.grants)
        }
    }

    package func group(_ id: String) async throws -> (name: String, permissions: Set<Permission>)? {
        guard let id = GroupID(id) else { return nil }
        let group: Group? = try await stores.database.read { connection in
            do { return try Group.find(id, in: connection) } catch StoreError.notFound { return nil }
        }
        return group.map { ($0.name, $0.permissions) }
    }

    package func deciders(in group: String?) async throws -> Int {
        try await stores.database.read { connection in
            let rows = try connection.query(
                """
                SELECT u.id AS user_id, g.id, g.permissions FROM users u JOIN group_members m ON m.user_id = u.id
                JOIN user_groups g ON g.id = m.group_id WHERE u.enabled = 1
                """)
            var (able, members): (Set<String>, Set<String>) = ([], [])
            for row in rows {
                let (user, id) = (try row.text("user_id"), try row.text("id"))
                if id == group { members.insert(user) }
                if Authority.permissions(ofGroup: id, stored: try row.text("permissions")).contains(.decideApprovals) { able.insert(user) }
            }
            return group == nil ? able.count : able.intersection(members).count
        }
    }
}
