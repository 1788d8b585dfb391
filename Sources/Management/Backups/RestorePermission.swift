import KeyCore
import Primitives

/// Who may restore: accounts, memberships and rules come back with everything else, so only somebody who may do whatever anybody may, before and
/// afterwards; and somebody remains who can manage accounts.
enum RestorePermission {
    static func of(_ caller: Caller) -> Restore.Permit {
        { connection in
            let rule = try PrivilegeRule(caller, in: connection)
            try rule.requireAllOfEverybody(in: connection)
            let hasAdministrator = try LastAdministrator.remains(in: connection)
            return { connection in
                try rule.requireAllOfEverybody(in: connection)
                guard try hasAdministrator && !LastAdministrator.remains(in: connection) else { return }
                throw Problem(
                    .wrongState, "after this restore nobody would be an enabled member of Admins",
                    remedy: "have somebody come back: name a user and its group_member in “resurrect”")
            }
        }
    }
}

extension LastAdministrator {
    /// Whether there is an enabled administrator.
    static func remains(in connection: borrowing SQLConnection) throws -> Bool {
        do { try requireSome(in: connection) } catch is Problem { return false }
        return true
    }
}
