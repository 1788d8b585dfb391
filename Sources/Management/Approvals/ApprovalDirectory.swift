import KeyCore

/// What the quorum must know of accounts.
package protocol ApprovalDirectory: Sendable {
    /// The person with what they may do now; nil if the account is gone or disabled.
    func caller(for user: UserID) async throws -> Caller?
    /// The group's name and permissions; nil if there is none.
    func group(_ id: String) async throws -> (name: String, permissions: Set<Permission>)?
    /// How many enabled people may decide; with a group, how many of its members.
    func deciders(in group: String?) async throws -> Int
}
