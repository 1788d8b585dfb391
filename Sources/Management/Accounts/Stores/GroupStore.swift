import KeyCore
import Primitives

/// What a custom group is to be; nil leaves it as it is.
struct GroupChange: Sendable {
    var name: AccountName?
    var description: String??
    var permissions: Set<Permission>?
}

/// Groups and their members in the database.
package struct GroupStore: Sendable {
    let database: any SQLDatabase
    let clock: WallClock

    static let sorts = ["name": AccountListing.Sort(column: "canonical", isText: true), "created_at": .init(column: "created_at", isText: false)]

    // MARK: Reading

    func find(_ id: GroupID) async throws -> Group { try await database.read { try Group.find(id, in: $0) } }

    func list(_ page: Page, _ listing: AccountListing) async throws -> (groups: [Group], total: Int64) {
        try await database.read { connection in
            let (rows, total) = try listing.rows(Group.columns, from: "user_groups", id: "id", page: page, in: connection)
            return (try rows.map { try Group($0) }, total)
        }
    }

    // MARK: Changing

    func create(_ name: AccountName, description: String?, permissions: Set<Permission>, by caller: Caller) async throws -> Group {
        let id = try GroupID.random()
        let now = clock.now
        return try await database.write { connection in
            try PrivilegeRule(caller, in: connection).require(permissions)
            try GroupStore.checkName(name, of: id, in: connection)
            try connection.execute(
                """
                INSERT INTO user_groups (id, name, canonical, skeleton, description, permissions, is_system, created_at, revision)
                VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 1)
                """,
                [
                    .text(id.description), .text(name.written), .text(name.canonical), .text(name.skeleton), .optional(description),
                    .text(Authority.text(permissions)), .integer(now.nanoseconds),
                ])
            return try Group.find(id, in: connection)
        }
    }

    /// Changes a custom group; what it gains, the caller must hold.
    func update(_ id: GroupID, _ change: GroupChange, revision: Int64?, by caller: Caller) async throws -> Group {
        try await database.write { connection in
            let group = try GroupStore.custom(id, revision, in: connection)
            let permissions = change.permissions ?? group.permissions
            try PrivilegeRule(caller, in: connection).require(permissions.subtracting(group.permissions))
            let unsatisfied = try QuorumSeats.unsatisfied(in: connection)
            let name = change.name ?? AccountName(typed: group.name)
            if change.name != nil { try GroupStore.checkName(name, of: id, in: connection) }
            try connection.execute(
                """
                UPDATE user_groups SET name = $2, canonical = $3, skeleton = $4, description = $5, permissions = $6,
                    revision = revision + 1 WHERE id = $1
                """,
                [
                    .text(id.description), .text(name.written), .text(name.canonical), .text(name.skeleton),
                    .optional(change.description ?? group.description), .text(Authority.text(permissions)),
                ])
            try QuorumSeats.requireSatisfiable(since: unsatisfied, in: connection)
            return try Group.find(id, in: connection)
        }
    }

    /// Removes a custom group with its memberships and grants, unless a rule of the quorum names it.
    func delete(_ id: GroupID, revision: Int64?) async throws -> Group {
        try await database.write { connection in
            let group = try GroupStore.custom(id, revision, in: connection)
            guard try !QuorumScope.isApproverGroup(id.description, in: connection) else {
                throw Problem(
                    .wrongState, "a rule of the quorum counts the members of “\(group.name)”",
                    remedy: "give the rule another approver_group_id first: PUT /api/v1/quorum/{operation}")
            }
            let unsatisfied = try QuorumSeats.unsatisfied(in: connection)
            try connection.execute("DELETE FROM group_members WHERE group_id = $1", [.text(id.description)])
            try connection.execute("DELETE FROM grants WHERE group_id = $1", [.text(id.description)])
            try connection.execute("DELETE FROM user_groups WHERE id = $1", [.text(id.description)])
            try QuorumSeats.requireSatisfiable(since: unsatisfied, in: connection)
            return group
        }
    }

    // MARK: Members

    /// Adds a member, if the caller holds everything that the group gives.
    func add(_ user: UserID, to id: GroupID, by caller: Caller) async throws -> (group: Group, user: User) {
        let now = clock.now
        return try await database.write { connection in
            let group = try Group.find(id, in: connection)
            try PrivilegeRule(caller, in: connection).requireAll(of: group, in: connection)
            let user = try User.find(user, in: connection)
            try GroupStore.add(user.id, to: id, at: now, in: connection)
            return (group, user)
        }
    }

    /// Removes a member, if the caller holds the powers over people that the member holds; the last enabled administrator stays.
    func remove(_ user: UserID, from id: GroupID, by caller: Caller) async throws -> (group: Group, user: User) {
        try await database.write { connection in
            let group = try Group.find(id, in: connection)
            let user = try User.find(user, in: connection)
            try PrivilegeRule(caller, in: connection).requireMayStop(user.id, in: connection)
            let wasAdministrator = try LastAdministrator.isOne(user.id.description, in: connection)
            let unsatisfied = try QuorumSeats.unsatisfied(in: connection)
            let count = try connection.execute(
                "DELETE FROM group_members WHERE group_id = $1 AND user_id = $2", [.text(id.description), .text(user.id.description)])
            guard count > 0 else { throw StoreError.notFound("a member “\(user.name)” of group “\(group.name)”") }
            if wasAdministrator { try LastAdministrator.requireSome(in: connection) }
            try QuorumSeats.requireSatisfiable(since: unsatisfied, in: connection)
            return (group, user)
        }
    }

    static func add(_ user: UserID, to group: GroupID, at now: Instant, in connection: borrowing SQLConnection) throws {
        try connection.execute(
            "INSERT INTO group_members (group_id, user_id, added_at) VALUES ($1, $2, $3) ON CONFLICT (group_id, user_id) DO NOTHING",
            [.text(group.description), .text(user.description), .integer(now.nanoseconds)])
    }

    // MARK: Rows

    private static func custom(_ id: GroupID, _ revision: Int64?, in connection: borrowing SQLConnection) throws -> Group {
        let group = try Group.find(id, in: connection)
        guard !group.isSystem else {
            throw StoreError.refused("“\(group.name)” is one of the system's own groups: only its members can be changed")
        }
        guard revision == nil || revision == group.revision else { throw StoreError.changed("group “\(group.name)”") }
        return group
    }

    private static func checkName(_ name: AccountName, of id: GroupID, in connection: borrowing SQLConnection) throws {
        let others = try connection.query(
            "SELECT canonical FROM user_groups WHERE (canonical = $1 OR skeleton = $2) AND id <> $3",
            [.text(name.canonical), .text(name.skeleton), .text(id.description)])
        guard let other = others.first else { return }
        throw try other.text("canonical") == name.canonical
            ? StoreError.exists("a group named “\(name.written)”") : StoreError.exists("a group whose name looks like “\(name.written)”")
    }
}
