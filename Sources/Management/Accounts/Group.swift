import KeyCore
package import Primitives

/// Users who may do the same.
package struct Group: Sendable {
    package let id: GroupID
    package let name: String
    let canonical: String
    package let description: String?
    package let permissions: Set<Permission>
    package let isSystem: Bool
    package let memberCount: Int64
    package let createdAt: Instant
    package let revision: Int64

    static let columns = """
        id, name, canonical, description, permissions, is_system, created_at, revision,
        (SELECT CAST(COUNT(*) AS {BIGINT}) FROM group_members m WHERE m.group_id = user_groups.id) AS members
        """

    /// From a row of `columns`.
    init(_ row: SQLRow) throws {
        let key = try row.text("id")
        guard let id = GroupID(key) else { throw StoreError.corrupt("group \(key)") }
        self.id = id
        (name, canonical) = (try row.text("name"), try row.text("canonical"))
        description = if let system = SystemGroup(id: key) { system.summary } else { try row.optionalText("description") }
        permissions = Authority.permissions(ofGroup: key, stored: try row.text("permissions"))
        (isSystem, memberCount) = (try row.boolean("is_system"), try row.integer("members"))
        createdAt = Instant(nanoseconds: try row.integer("created_at"))
        revision = try row.integer("revision")
    }

    /// The group of that id.
    /// - Throws: `.notFound`.
    static func find(_ id: GroupID, in connection: borrowing SQLConnection) throws -> Group {
        guard let row = try connection.query("SELECT \(columns) FROM user_groups WHERE id = $1", [.text(id.description)]).first else {
            throw StoreError.notFound("group \(id)")
        }
        return try Group(row)
    }
}
