import KeyCore
import Primitives

/// Which calls of a route fall under its rule: a route often does more than what the rule is about.
struct QuorumScope: Sendable {
    let directory: any ApprovalDirectory

    func includes(_ call: APICall, of operation: QuorumOperation) async throws -> Bool {
        switch operation {
        case .disableEndpoint: call.body["state"]?.string == "disabled"
        case .restoreBackup: call.body["confirm"].map { $0 != .null } ?? false  // without it, it only tells what it would do
        case .addToAdmins: try await givesPower(call)
        // At an endpoint: only if it is given another policy.
        case .changePolicy: call.parameters["endpoint"] == nil || call.body["policy_id"] != nil
        case .destroyKey, .exportKey, .deleteEndpoint, .changeQuorum, .changeGrants, .changeAuditSettings: true
        }
    }

    /// Whether it makes somebody an Admin, or one who may decide on approvals or change their rules.
    private func givesPower(_ call: APICall) async throws -> Bool {
        let asked = Set(call.body["permissions"]?.array?.compactMap { $0.string.flatMap(Permission.init) } ?? [])
        if !asked.isDisjoint(with: QuorumScope.power) { return true }
        var groups = call.parameters["group"].map { [$0] } ?? []
        groups += call.body["groups"]?.array?.compactMap(\.string) ?? []
        for group in groups {
            guard let (name, permissions) = try await directory.group(group) else { continue }
            if name == SystemGroup.admins.rawValue || !permissions.isDisjoint(with: QuorumScope.power) { return true }
        }
        return false
    }

    static let power: Set<Permission> = [.decideApprovals, .updateQuorum]
}
