import KeyCore
import Primitives

/// Who could decide on requests at one moment, and whether that is enough for the rules: one that nobody could satisfy would lock everybody out.
struct QuorumSeats: Sendable {
    /// An enabled person who may decide.
    struct Decider: Sendable {
        let permissions: Set<Permission>
        /// The groups' ids.
        let groups: Set<String>
    }

    private let deciders: [Decider]

    /// As the database says now.
    init(in connection: borrowing SQLConnection) throws {
        var people: [String: (permissions: Set<Permission>, groups: Set<String>)] = [:]
        for row in try connection.query(
            """
            SELECT u.id AS user_id, g.id, g.permissions FROM users u JOIN group_members m ON m.user_id = u.id
            JOIN user_groups g ON g.id = m.group_id WHERE u.enabled = 1
            """)
        {
            let (user, group) = (try row.text("user_id"), try row.text("id"))
            people[user, default: ([], [])].permissions.formUnion(Authority.permissions(ofGroup: group, stored: try row.text("permissions")))
            people[user, default: ([], [])].groups.insert(group)
        }
        deciders = people.values.filter { $0.permissions.contains(.decideApprovals) }.map { Decider(permissions: $0.permissions, groups: $0.groups) }
    }

    /// Those who count for a rule.
    func deciders(in group: String?) -> [Decider] { deciders.filter { decider in group.map { decider.groups.contains($0) } ?? true } }

    /// How many a rule needs: one more if one who decides may ask as well, since nobody approves their own request.
    static func needed(_ rule: QuorumRule, of deciders: [Set<Permission>]) -> Int {
        rule.required + (deciders.contains { !$0.isDisjoint(with: rule.operation.askers) } ? 1 : 0)
    }

    /// The enabled rules that too few people could satisfy.
    static func unsatisfied(in connection: borrowing SQLConnection) throws -> Set<QuorumOperation> {
        let rules = try QuorumOperation.allCases.map { try QuorumRuleStore.load($0, in: connection) }.filter(\.isEnabled)
        guard !rules.isEmpty else { return [] }
        let seats = try QuorumSeats(in: connection)
        return Set(rules.filter { rule in
            let deciders = seats.deciders(in: rule.approverGroup).map(\.permissions)
            return deciders.count < needed(rule, of: deciders)
        }.map(\.operation))
    }

    /// Throws `.wrongState` if a rule can't be satisfied any more that could before; asked after the change, within its transaction.
    static func requireSatisfiable(since before: Set<QuorumOperation>, in connection: borrowing SQLConnection) throws {
        guard let lost = try unsatisfied(in: connection).subtracting(before).map(\.rawValue).sorted().first else { return }
        throw Problem(
            .wrongState, "too few people would be left to approve what the quorum's rule “\(lost)” holds back",
            remedy: "let somebody else decide first, or change that rule: PUT /api/v1/quorum/\(lost)")
    }
}

extension QuorumOperation {
    /// Who may do what the rule holds back.
    var askers: Set<Permission> {
        switch self {
        case .destroyKey: [.destroyKeys]
        case .exportKey: [.exportKeys]
        case .deleteEndpoint: [.deleteEndpoints]
        case .disableEndpoint: [.changeStateOfEndpoints]
        case .changePolicy: [.writePolicies, .deletePolicies, .createEndpoints, .updateEndpoints, .createIssuers, .updateIssuers]
        case .restoreBackup: [.restoreBackups]
        case .makeBackup: [.createBackups]
        case .addToAdmins: [.createGroups, .updateGroups, .updateUsers, .updateSettings]
        case .changeAuditSettings: [.updateAlerts, .updateSettings]
        case .changeQuorum: [.updateQuorum]
        case .changeGrants: [.writeGrants]
        }
    }
}
