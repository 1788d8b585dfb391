import KeyCore
package import Primitives

/// What somebody may do, as groups and grants add up to it at one moment.
package struct Authority: Sendable, Equatable {
    /// The groups' names.
    package var groups: Set<String> = []
    /// Everywhere.
    package var permissions: Set<Permission> = []
    /// On single things, by their ids.
    package var grants: [Permission: Set<String>] = [:]

    /// Nothing.
    package init() {}

    /// What an account's groups and grants give it now.
    package init(of user: UserID, in connection: borrowing SQLConnection) throws {
        let groups = try connection.query(
            """
            SELECT g.id, g.name, g.permissions FROM group_members m JOIN user_groups g ON g.id = m.group_id WHERE m.user_id = $1
            """, [.text(user.description)])
        for row in groups {
            self.groups.insert(try row.text("name"))
            permissions.formUnion(Authority.permissions(ofGroup: try row.text("id"), stored: try row.text("permissions")))
        }
        let grants = try connection.query(
            """
            SELECT permissions, resource_id FROM grants WHERE user_id = $1
            UNION ALL SELECT g.permissions, g.resource_id FROM grants g JOIN group_members m ON m.group_id = g.group_id WHERE m.user_id = $1
            """, [.text(user.description)])
        for row in grants {
            for permission in Authority.parse(try row.text("permissions")) {
                self.grants[permission, default: []].insert(try row.text("resource_id"))
            }
        }
    }

    /// What a group's members may do: a system group's permissions are the program's.
    static func permissions(ofGroup id: String, stored: String) -> Set<Permission> {
        SystemGroup(id: id)?.permissions ?? parse(stored)
    }

    /// What is left of it within `scope`.
    func within(_ scope: Set<Permission>) -> Authority {
        var rest = self
        rest.permissions.formIntersection(scope)
        rest.grants = grants.filter { scope.contains($0.key) }
        return rest
    }

    /// Whether it may do this on that thing; nil asks for everywhere.
    func may(_ permission: Permission, on resource: String?) -> Bool {
        permissions.contains(permission) || resource.map { grants[permission]?.contains($0) == true } ?? false
    }

    // MARK: Stored form

    /// Permissions as stored: their names with spaces between.
    static func text(_ permissions: some Sequence<Permission>) -> String { permissions.map(\.rawValue).sorted().joined(separator: " ") }

    /// A name that this version doesn't know gives nothing.
    static func parse(_ text: String) -> Set<Permission> {
        Set(text.split(separator: " ").compactMap { Permission(rawValue: String($0)) })
    }
}
