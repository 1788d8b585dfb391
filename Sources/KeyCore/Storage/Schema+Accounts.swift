import Primitives

extension Schema {
    /// Users, groups, grants, sessions, tokens.
    static let accounts = SQLMigration(id: 2, name: "accounts", statements: [])
}
