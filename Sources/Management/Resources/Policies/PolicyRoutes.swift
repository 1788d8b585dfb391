import KeyCore
import Primitives

/// Policies: who may use which key, for what, why. Every version is kept; the latest serves.
package struct PolicyRoutes: RouteProvider {
    let services: ResourceServices

    /// Routes that need these services.
    package init(services: ResourceServices) { self.services = services }

    package var routes: [Route] { own + versionRoutes + trialRoutes }

    private var own: [Route] {
        [
            Route(
                .get, "/api/v1/policies", "listPolicies", "Policies, without their documents", tag: "Policies", access: .needs(.readPolicies),
                query: Page.parameters(sorts: NamedSorts.all.map(\.name)) + [
                    QueryParameter("name", .text(1...128), "Only the one with exactly this name")
                ],
                answers: [200: .json(Page.schema(of: PolicySchemas.summary, name: "PolicyPage"))], handler: list),
            Route(
                .post, "/api/v1/policies", "createPolicy", "Save a new policy", tag: "Policies", access: .needs(.writePolicies),
                event: .policySaved, quorum: .changePolicy, body: .json(PolicySchemas.draft), answers: [201: .json(PolicySchemas.policy)],
                isCreation: true, allowsDryRun: true, handler: create),
            Route(
                .get, "/api/v1/policies/{policy}", "getPolicy", "One policy with its latest document", tag: "Policies",
                access: .needs(.readPolicies), answers: [200: .json(PolicySchemas.policy)], handler: get),
            Route(
                .delete, "/api/v1/policies/{policy}", "deletePolicy", "Remove a policy that nothing uses, with all its versions",
                tag: "Policies", access: .needs(.deletePolicies), event: .policyDeleted, quorum: .changePolicy, answers: [204: .empty],
                allowsDryRun: true, allowsIfMatch: true, handler: delete),
        ]
    }

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: NamedSorts.all.map(\.name))
        let found = try await call.stores.policies.list(name: call.query["name"], page.keyset(NamedSorts.all))
        return APIAnswer(200, .json(page.document(
            found.items, total: found.total,
            key: { (NamedSorts.value(page.sort, name: $0.name, $0.createdAt, $0.updatedAt), $0.id.description) },
            PolicySchemas.document)))
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        let policy = try await call.stores.policies.create(
            try PolicyText.parse(call.body), name: call.body["name"]?.string ?? "", author: call.caller.name,
            note: call.body["description"]?.string ?? "")
        return saved(policy)
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        let policy = try await call.stores.policies.find(try call.id("policy", as: PolicyID.self))
        return .thing(PolicyRoutes.document(policy), revision: policy.version)
    }

    private func delete(_ call: APICall) async throws -> APIAnswer {
        let policy = try await call.stores.policies.delete(try call.id("policy"), expecting: call.expectedRevision)
        return APIAnswer(204, audit: AuditDetail(target: policy.name), changesDataPlane: true)
    }

    // MARK: Parts

    static func document(_ policy: StoredPolicy) -> JSONValue {
        PolicySchemas.document(policy).adding(["source": .string(policy.policy.source)])
    }

    func saved(_ policy: StoredPolicy) -> APIAnswer {
        .thing(
            PolicyRoutes.document(policy), revision: policy.version, status: 201, location: "/api/v1/policies/\(policy.id)",
            audit: AuditDetail(target: policy.name, cause: "version \(policy.version)"), changesDataPlane: true)
    }
}
