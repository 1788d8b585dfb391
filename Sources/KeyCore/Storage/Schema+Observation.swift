import Primitives

extension Schema {
    /// The audit index, alerts, settings.
    static let observation = SQLMigration(id: 4, name: "observation", statements: [])
}
