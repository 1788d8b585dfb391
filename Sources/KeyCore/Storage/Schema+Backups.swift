import Primitives

extension Schema {
    /// Backups, their schedule, and the epoch that restores raise.
    static let backups = SQLMigration(id: 5, name: "backups", statements: [])
}
