import KeyCore

/// Knows nobody: so nobody can approve anything, and no rule can be enabled.
package struct NoAccounts: ApprovalDirectory {
    package init() {}
    package func caller(for user: UserID) async throws -> Caller? { nil }
    package func group(_ id: String) async throws -> (name: String, permissions: Set<Permission>)? { nil }
    package func isValid(token: String, of user: UserID) async throws -> Bool { false }
    package func deciders(in group: String?) async throws -> [Set<Permission>] { [] }
}
