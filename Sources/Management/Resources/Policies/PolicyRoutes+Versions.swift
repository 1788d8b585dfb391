import KeyCore
import Primitives

/// The versions of a policy.
extension PolicyRoutes {
    var versionRoutes: [Route] {
        [
            Route(
                .get, "/api/v1/policies/{policy}/versions", "listPolicyVersions", "A policy's versions, newest first", tag: "Policies",
                access: .needs(.readPolicies),
                query: Page.parameters(sorts: []).filter { $0.name != "sort" },
                answers: [200: .json(Page.schema(of: PolicySchemas.versionSummary, name: "PolicyVersionPage"))], handler: versions),
            Route(
                .post, "/api/v1/policies/{policy}/versions", "savePolicyVersion", "Save the next version, which serves at once",
                tag: "Policies", access: .needs(.writePolicies), event: .policySaved, quorum: .changePolicy,
                body: .json(PolicySchemas.versionDraft), answers: [201: .json(PolicySchemas.policy)], isCreation: true, allowsDryRun: true,
                allowsIfMatch: true, handler: append),
            Route(
                .get, "/api/v1/policies/{policy}/versions/{version}", "getPolicyVersion", "One version with its document", tag: "Policies",
                access: .needs(.readPolicies), parameters: ["version": .integer(1...Int64.max)],
                answers: [200: .json(PolicySchemas.version)], handler: version),
            Route(
                .get, "/api/v1/policies/{policy}/diff", "diffPolicyVersions", "What differs between two versions", tag: "Policies",
                access: .needs(.readPolicies),
                query: [
                    QueryParameter("from", .integer(1...Int64.max), "The earlier version; the one before to if left out"),
                    QueryParameter("to", .integer(1...Int64.max), "The later version; the latest if left out"),
                ],
                answers: [200: .json(PolicySchemas.diff)], handler: diff),
            Route(
                .post, "/api/v1/policies/{policy}/rollback", "rollBackPolicy", "Save an earlier version's document as the next version",
                tag: "Policies", access: .needs(.writePolicies), event: .policySaved, quorum: .changePolicy,
                body: .json(.object(name: "PolicyRollback", [.required("version", .integer(1...Int64.max))])),
                answers: [201: .json(PolicySchemas.policy)], isCreation: true, allowsDryRun: true, allowsIfMatch: true, handler: rollBack),
        ]
    }

    private func versions(_ call: APICall) async throws -> APIAnswer {
        let id: PolicyID = try call.id("policy")
        var query = call.query
        query["sort"] = "-version"
        let page = try Page(query, sorts: ["version"])
        let found = try await call.stores.policies.versions(of: id, below: page.after?.value.integer, limit: page.limit)
        return APIAnswer(200, .json(page.document(
            found.items, total: found.total, key: { (.integer($0.version), "\($0.version)") }, { PolicySchemas.document($0, of: id) })))
    }

    private func append(_ call: APICall) async throws -> APIAnswer {
        let policy = try await call.stores.policies.append(
            try PolicyText.parse(call.body), to: try call.id("policy"), author: call.caller.name, note: call.body["description"]?.string ?? "",
            expecting: call.expectedRevision)
        return saved(policy)
    }

    private func version(_ call: APICall) async throws -> APIAnswer {
        let id: PolicyID = try call.id("policy")
        let version = try await call.stores.policies.version(call.parameters["version"].flatMap { Int64($0) } ?? 0, of: id)
        return APIAnswer(200, .json(PolicySchemas.document(version, of: id).adding(["source": .string(version.source)])))
    }

    private func diff(_ call: APICall) async throws -> APIAnswer {
        let id: PolicyID = try call.id("policy")
        let policies = call.stores.policies
        var latest = call.query["to"].flatMap { Int64($0) } ?? 0
        if latest == 0 { latest = try await policies.find(id).version }
        let earlier = call.query["from"].flatMap { Int64($0) } ?? max(1, latest - 1)
        let (old, new) = (try await policies.version(earlier, of: id), try await policies.version(latest, of: id))
        let text = try await Offload.run {
            UnifiedDiff.text(old.source, new.source, from: "version \(old.version)", to: "version \(new.version)")
        }
        return APIAnswer(200, .json([
            "from": .integer(earlier), "to": .integer(latest), "identical": .bool(text.isEmpty), "diff": .string(text),
        ]))
    }

    private func rollBack(_ call: APICall) async throws -> APIAnswer {
        let policy = try await call.stores.policies.rollBack(
            try call.id("policy"), to: call.body["version"]?.integer ?? 0, author: call.caller.name, expecting: call.expectedRevision)
        return saved(policy)
    }
}
