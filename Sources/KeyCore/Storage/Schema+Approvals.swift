import Primitives

extension Schema {
    /// Requests for approval, rules of the quorum, idempotency keys.
    static let approvals = SQLMigration(id: 6, name: "approvals", statements: [])
}
