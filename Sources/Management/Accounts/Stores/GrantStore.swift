import KeyCore
package import Primitives

/// Permissions on one thing, for one user or the members of one group.
package struct Grant: Sendable {
    package let id: GrantID
    package let user: String?
    package let group: String?
    package let kind: ResourceKind
    package let resource: String
    package let permissions: Set<Permission>
    package let createdAt: Instant

    static let columns = "id, user_id, group_id, resource_kind, resource_id, permissions, created_at"

    init(_ row: SQLRow) throws {
        let (key, kind) = (try row.text("id"), try row.text("resource_kind"))
        guard let id = GrantID(key), let kind = ResourceKind(rawValue: kind) else { throw StoreError.corrupt("grant \(key)") }
        (self.id, self.kind) = (id, kind)
        (user, group, resource) = (try row.optionalText("user_id"), try row.optionalText("group_id"), try row.text("resource_id"))
        permissions = Authority.parse(try row.text("permissions"))
        createdAt = Instant(nanoseconds: try row.integer("created_at"))
    }
}

/// Grants in the database.
package struct GrantStore: Sendable {
    /// To whom.
    enum Holder: Sendable {
        case user(UserID)
        case group(GroupID)
    }

    let database: any SQLDatabase
    let clock: WallClock

    static let sorts = ["created_at": AccountListing.Sort(column: "created_at", isText: false)]

    func list(_ page: Page, _ listing: AccountListing) async throws -> (grants: [Grant], total: Int64) {
        try await database.read { connection in
            let (rows, total) = try listing.rows(Grant.columns, from: "grants", id: "id", page: page, in: connection)
            return (try rows.map { try Grant($0) }, total)
        }
    }

    /// Grants permissions that the caller holds on that thing.
    func create(
        _ permissions: Set<Permission>, on kind: ResourceKind, _ resource: String, to holder: Holder, by caller: Caller
    ) async throws -> Grant {
        let id = try GrantID.random()
        let now = clock.now
        return try await database.write { connection in
            try PrivilegeRule(caller, in: connection).require(permissions, on: resource)
            let table = switch kind { case .key: "keys"; case .endpoint: "endpoints" }
            guard try !connection.query("SELECT id FROM \(table) WHERE id = $1", [.text(resource)]).isEmpty else {
                throw StoreError.invalid(field: "resource_id", expected: "the id of a \(kind.rawValue) that exists")
            }
            let user: String?, group: String?
            switch holder {
            case .user(let id): (user, group) = (try User.find(id, in: connection).id.description, nil)
            case .group(let id): (user, group) = (nil, try Group.find(id, in: connection).id.description)
            }
            let rows = try connection.query(
                """
                INSERT INTO grants (id, user_id, group_id, resource_kind, resource_id, permissions, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING \(Grant.columns)
                """,
                [
                    .text(id.description), .optional(user), .optional(group), .text(kind.rawValue), .text(resource),
                    .text(Authority.text(permissions)), .integer(now.nanoseconds),
                ])
            guard let row = rows.first else { throw StoreError.corrupt("grant \(id)") }
            return try Grant(row)
        }
    }

    /// Withdraws a grant.
    func delete(_ id: GrantID) async throws -> Grant {
        try await database.write { connection in
            let rows = try connection.query("DELETE FROM grants WHERE id = $1 RETURNING \(Grant.columns)", [.text(id.description)])
            guard let row = rows.first else { throw StoreError.notFound("grant \(id)") }
            return try Grant(row)
        }
    }
}
