import KeyCore
import Primitives

/// Nobody hands out what they don't hold themselves: by membership, permissions of a group, grants, the scope of a token, or a credential
/// of somebody who may do more.
///
/// It is asked within the transaction that hands out, and looks at what the caller holds then.
struct PrivilegeRule {
    private let caller: Caller
    private let held: Authority

    /// The rule for what `caller` holds now.
    init(_ caller: Caller, in connection: borrowing SQLConnection) throws {
        self.caller = caller
        var held = Authority()
        (held.permissions, held.grants) = (caller.permissions, caller.grants)
        if let user = caller.userID {  // at most what it held when it was authenticated: a token's scope counts too
            let now = try Authority(of: user, in: connection)
            held.permissions.formIntersection(now.permissions)
            held.grants = held.grants.reduce(into: [:]) { rest, grant in
                rest[grant.key] = now.permissions.contains(grant.key) ? grant.value : grant.value.intersection(now.grants[grant.key] ?? [])
            }
        }
        self.held = held
    }

    /// Throws `.permissionDenied` unless the caller holds all these, everywhere or on that thing.
    func require(_ permissions: some Sequence<Permission>, on resource: String? = nil) throws(Problem) {
        let missing = permissions.filter { !held.may($0, on: resource) }.map(\.rawValue).sorted()
        guard let first = missing.first else { return }
        throw Problem(
            .permissionDenied,
            missing.count == 1 ? "this would give “\(first)”, which you don't have yourself"
                : "this would give “\(first)” and \(missing.count - 1) more permissions that you don't have yourself",
            remedy: "ask somebody who has them")
    }

    /// Throws `.permissionDenied` unless the caller may do everything that this user may. A person may do to themselves what they may do; an API
    /// token is not its owner, whose powers may be wider than its scope.
    func requireAll(of user: UserID, in connection: borrowing SQLConnection) throws {
        if user == caller.userID {
            guard case .token = caller.proof else { return }
        }
        let other = try Authority(of: user, in: connection)
        try require(other.permissions)
        for (permission, resources) in other.grants {
            for resource in resources { try require([permission], on: resource) }
        }
    }

    /// Throws `.permissionDenied` unless the caller may stop this user, or let guesses at their password go on: whoever has powers over people that the
    /// caller lacks is out of reach. Powers over keys don't count: who looks after accounts must be able to stop a custodian.
    func requireMayStop(_ user: UserID, in connection: borrowing SQLConnection) throws {
        if user == caller.userID {
            guard case .token = caller.proof else { return }
        }
        let powers = try Authority(of: user, in: connection).permissions.intersection(Permission.overPeople)
        let missing = powers.filter { !held.may($0, on: nil) }.map(\.rawValue).sorted()
        guard let first = missing.first else { return }
        throw Problem(
            .permissionDenied, "this user has powers over people that you don't have: “\(first)”\(missing.count > 1 ? " and \(missing.count - 1) more" : "")",
            remedy: "ask somebody who has them")
    }

    /// Throws `.permissionDenied` unless the caller holds everything that members of this group get by it: its permissions and its grants.
    func requireAll(of group: Group, in connection: borrowing SQLConnection) throws {
        try require(group.permissions)
        for row in try connection.query("SELECT permissions, resource_id FROM grants WHERE group_id = $1", [.text(group.id.description)]) {
            try require(Authority.parse(try row.text("permissions")), on: try row.text("resource_id"))
        }
    }

    /// Throws `.permissionDenied` if somebody changes by way of administration how they sign in themselves: that is what `/self` is for, which
    /// asks for the present password.
    static func refuseOwn(_ user: UserID, of caller: Caller, instead remedy: String) throws(Problem) {
        guard user == caller.userID else { return }
        throw Problem(.permissionDenied, "nobody resets, or adds to, what they sign in with themselves", remedy: remedy)
    }

    /// Throws `.permissionDenied` unless the caller holds everything that anybody holds.
    func requireAllOfEverybody(in connection: borrowing SQLConnection) throws {
        for row in try connection.query(
            "SELECT id, permissions FROM user_groups WHERE id IN (SELECT group_id FROM group_members)")
        { try require(Authority.permissions(ofGroup: try row.text("id"), stored: try row.text("permissions"))) }
        for row in try connection.query("SELECT DISTINCT permissions, resource_id FROM grants") {
            try require(Authority.parse(try row.text("permissions")), on: try row.text("resource_id"))
        }
    }
}

/// At least one enabled administrator remains: otherwise nobody could ever add one again.
enum LastAdministrator {
    /// Whether this user is an enabled member of Admins.
    static func isOne(_ user: String, in connection: borrowing SQLConnection) throws -> Bool {
        try !connection.query(
            "SELECT u.id FROM users u JOIN group_members m ON m.user_id = u.id WHERE u.id = $1 AND u.enabled = 1 AND m.group_id = $2",
            [.text(user), .text(SystemGroup.admins.id.description)]).isEmpty
    }

    /// Throws `.wrongState` if nobody is left; asked after the change, within its transaction.
    static func requireSome(in connection: borrowing SQLConnection) throws {
        let rows = try connection.query(
            "SELECT u.id FROM users u JOIN group_members m ON m.user_id = u.id WHERE u.enabled = 1 AND m.group_id = $1 LIMIT 1",
            [.text(SystemGroup.admins.id.description)])
        guard rows.isEmpty else { return }
        throw Problem(
            .wrongState, "this is the last enabled member of Admins", remedy: "add somebody else to Admins first")
    }
}
