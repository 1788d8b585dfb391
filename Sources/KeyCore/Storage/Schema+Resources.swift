import Primitives

extension Schema {
    /// What management adds to keys, endpoints, issuers and policies: revisions, labels, expiry.
    static let resources = SQLMigration(id: 3, name: "resources", statements: [])
}
