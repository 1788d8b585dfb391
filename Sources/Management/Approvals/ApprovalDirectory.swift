import KeyCore

/// What the quorum must know of accounts.
package protocol ApprovalDirectory: Sendable {
    /// The person with what they may do now, and whether the password must be changed before that; nil if the account is gone or disabled.
    func caller(for user: UserID) async throws -> Caller?
    /// Whether the API token is this user's and neither revoked nor expired.
    func isValid(token: String, of user: UserID) async throws -> Bool
    /// The group's name and permissions; nil if there is none.
    func group(_ id: String) async throws -> (name: String, permissions: Set<Permission>)?
    /// The enabled people who may decide, each by what they may do; with a group, only its members.
    func deciders(in group: String?) async throws -> [Set<Permission>]
}
