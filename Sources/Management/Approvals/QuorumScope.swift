import KeyCore
import Primitives

/// Which calls of a route fall under its rule: a route often does more than what the rule is about.
struct QuorumScope: Sendable {
    let directory: any ApprovalDirectory

    func includes(_ call: APICall, of operation: QuorumOperation) async throws -> Bool {
        switch operation {
        case .disableEndpoint: ["disabled", "archived"].contains(call.body["state"]?.string)
        case .restoreBackup: call.body["confirm"].map { $0 != .null } ?? false  // without it, it only tells what it would do
        case .addToAdmins: try await givesPower(call)
        case .changePolicy: changesWhoMayUseKeys(call)
        case .destroyKey, .exportKey, .deleteEndpoint, .changeQuorum, .changeGrants, .changeAuditSettings: true
        }
    }

    /// Whether it decides who may use which key: a policy, and what an endpoint or an issuer says besides its names. To stop believing an issuer
    /// needs nobody's approval.
    private func changesWhoMayUseKeys(_ call: APICall) -> Bool {
        let isStop = call.body["enabled"]?.bool == false
        let harmless: Set<String> = if call.parameters["endpoint"] != nil {
            ["name", "description", "path"]
        } else if call.parameters["issuer"] != nil {
            isStop ? ["name", "description", "enabled"] : ["name", "description"]
        } else {
            []
        }
        guard !harmless.isEmpty else { return true }
        return call.body.object?.contains { member in
            guard member.name == "kacls", harmless.contains("path") else { return !harmless.contains(member.name) }
            return member.value.object?.contains { !QuorumScope.harmlessOptions.contains($0.name) } ?? false
        } ?? true
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

    /// Options of client-side encryption that let nobody in: all others say whose tokens count, who may take keys out, with whom they are exchanged.
    private static let harmlessOptions: Set<String> = ["origins", "private_network_access", "reason", "requests_per_second"]

    static let power: Set<Permission> = [.decideApprovals, .updateQuorum]
}
