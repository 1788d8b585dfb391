import KeyCore
import Primitives

/// Which calls of a route fall under its rule: a route often does more than what the rule is about.
struct QuorumScope: Sendable {
    let directory: any ApprovalDirectory

    func includes(_ call: APICall, of route: Route, under operation: QuorumOperation) async throws -> Bool {
        switch operation {
        case .disableEndpoint: try await stops(call)
        case .makeBackup: call.body["enabled"]?.bool != false  // a schedule that ends makes none
        case .restoreBackup: call.body["confirm"].map { $0 != .null } ?? false  // without it, it only tells what it would do
        case .addToAdmins: if try await givesPower(call) { true } else { try await opensPower(call) }
        case .changePolicy: try await changesWhoMayUseKeys(call, route)
        case .destroyKey, .exportKey, .deleteEndpoint, .changeQuorum, .changeGrants, .changeAuditSettings: true
        }
    }

    /// Whether it has the vendor give up keys: the state of an endpoint, or of what an org is served there. To Salesforce 503 is as bad as 404.
    private func stops(_ call: APICall) async throws -> Bool {
        let state = call.body["state"]?.string
        if let version = call.parameters["version"].flatMap({ KeyVersionNumber($0) }) {
            guard state == KeyState.suspended.rawValue else { return false }
            return try await !call.stores.cacheOnlyKeys.served(version, of: try call.id("key")).isEmpty
        }
        if ["disabled", "archived"].contains(state) { return true }
        let endpoint: EndpointID = try call.id("endpoint")
        if let kid = call.parameters["kid"] {
            guard state == nil else { return false }
            let present = try await call.stores.cacheOnlyKeys.find(kid, at: endpoint)
            return SalesforceRoutes.stops(present.key, CacheOnlyKeyChange(call.body), at: call.stores.clock.now)
        }
        guard state == EndpointState.paused.rawValue else { return false }
        return try await call.stores.endpoints.find(endpoint).door == .salesforce
    }

    /// Whether it decides who may use which key: a policy, what an endpoint or an issuer says besides its names, and another key than its own
    /// for an org. To stop believing an issuer needs nobody's approval.
    private func changesWhoMayUseKeys(_ call: APICall, _ route: Route) async throws -> Bool {
        let isStop = call.body["enabled"]?.bool == false
        let endpoint = try call.parameters["endpoint"].map { _ in try call.id("endpoint", as: EndpointID.self) }
        let present: EndpointEntry? = if let endpoint { try await call.stores.endpoints.find(endpoint) } else { nil }
        if let present, route.operation == "createCacheOnlyKey" {
            return call.body.id("key_id", as: KeyID.self).map { $0 != present.keyID } ?? false
        }
        let harmless: Set<String> = if let present {
            EndpointSchemas.describing(present.door)
        } else if call.parameters["issuer"] != nil {
            isStop ? ["name", "description", "enabled"] : ["name", "description"]
        } else {
            []
        }
        guard !harmless.isEmpty else { return true }
        return call.body.object?.contains { member in
            guard member.name == "kacls", present != nil else { return !harmless.contains(member.name) }
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
            if try await call.stores.database.read({ try QuorumScope.isApproverGroup(group, in: $0) }) { return true }
        }
        return false
    }

    /// Options of client-side encryption that let nobody in: all others say whose tokens count, who may take keys out, with whom they are exchanged.
    private static let harmlessOptions: Set<String> = ["origins", "private_network_access", "reason", "requests_per_second"]

    /// Whether it could let somebody sign in as one who has such power: one person could then speak for two.
    private func opensPower(_ call: APICall) async throws -> Bool {
        if let user = call.parameters["user"].flatMap({ UserID($0) }), call.parameters["group"] == nil {
            let opens = call.body.object?.contains { QuorumScope.opening.contains($0.name) && $0.value != false } ?? true
            return opens ? try await call.stores.database.read { try QuorumScope.hasPower(user, in: $0) } : false
        }
        if call.body.has("issuer") || call.parameters["provider"] != nil {
            return call.body.object?.contains { $0.name != "name" && $0.value != false } ?? false
        }
        return SettingsPatch.redirectsSignIn(call.body) ? try await call.stores.database.read { try OIDCProvider.isAnyEnabled(in: $0) } : false
    }

    /// What of a user lets somebody sign in.
    private static let opening: Set<String> = ["enabled", "email", "certificates", "identities"]
    static let power: Set<Permission> = [.decideApprovals, .updateQuorum]

    /// Whether members of this group decide on approvals, or could change who does.
    static func hasPower(_ group: Group, in connection: borrowing SQLConnection) throws -> Bool {
        try !group.permissions.isDisjoint(with: power) || isApproverGroup(group.id.description, in: connection)
    }

    private static func hasPower(_ user: UserID, in connection: borrowing SQLConnection) throws -> Bool {
        let authority = try Authority(of: user, in: connection)
        return !authority.permissions.isDisjoint(with: power)
    }

    /// Whether a rule counts only this group's members.
    static func isApproverGroup(_ id: String, in connection: borrowing SQLConnection) throws -> Bool {
        try !connection.query("SELECT operation FROM quorum_rules WHERE approver_group = $1", [.text(id)]).isEmpty
    }
}
