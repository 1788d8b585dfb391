import KeyCore
package import Primitives

/// Who may restore: accounts, memberships and rules come back with everything else, so only somebody who may do whatever anybody may, before and
/// afterwards; and people remain who can manage accounts, and who can approve what the quorum holds back.
enum RestorePermission {
    static func of(_ caller: Caller) -> Restore.Permit {
        { connection in
            let rule = try PrivilegeRule(caller, in: connection)
            try rule.requireAllOfEverybody(in: connection)
            let hasAdministrator = try LastAdministrator.remains(in: connection)
            let unsatisfied = try QuorumSeats.unsatisfied(in: connection)
            return { connection in
                try rule.requireAllOfEverybody(in: connection)
                if try hasAdministrator && !LastAdministrator.remains(in: connection) {
                    throw Problem(
                        .wrongState, "after this restore nobody would be an enabled member of Admins",
                        remedy: "have somebody come back: name a user and its group_member in “resurrect”")
                }
                if let lost = try QuorumSeats.unsatisfied(in: connection).subtracting(unsatisfied).map(\.rawValue).min() {
                    throw Problem(
                        .wrongState, "after this restore too few people could approve what the quorum's rule “\(lost)” holds back",
                        remedy: "have them come back: name users and their group_members in “resurrect”; or restore without a server, which "
                            + "`holdfast reset-admin --reset-quorum` can follow")
                }
            }
        }
    }
}

/// What locks people out after a restore by whoever holds the root key, who may do it nevertheless.
package enum RestoreGaps {
    /// What is missing, and what to do, in sentences.
    package static func find(in database: any SQLDatabase) async throws -> [String] {
        try await database.read { connection in
            var gaps: [String] = []
            if try !LastAdministrator.remains(in: connection) {
                gaps.append("nobody is an enabled member of Admins: `holdfast reset-admin` makes one")
            }
            for operation in try QuorumSeats.unsatisfied(in: connection).map(\.rawValue).sorted() {
                gaps.append(
                    "too few people can approve what the quorum's rule “\(operation)” holds back: add some, or disable every rule with "
                        + "`holdfast reset-admin --reset-quorum`")
            }
            return gaps
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
