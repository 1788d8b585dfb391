import KeyCore
import Primitives

extension AuditEvent {
    static let policySimulated = AuditEvent("policy.simulated")
}

/// Drafts on trial: nothing is saved.
extension PolicyRoutes {
    var trialRoutes: [Route] {
        [
            Route(
                .post, "/api/v1/policies/validate", "validatePolicy", "Everything that is wrong with a draft, with line and field",
                tag: "Policies", access: .needs(.readPolicies),
                body: .json(.object(name: "PolicyText", [.required("source", .text(0...PolicySchemas.maxSource))])),
                answers: [200: .json(PolicySchemas.validation)], handler: validate),
            Route(
                .post, "/api/v1/policies/simulate", "simulatePolicy", 
                "Which recorded decisions a draft would have made otherwise; needs read:audit as well, since it shows some of them",
                tag: "Policies", access: .needs(.readPolicies), event: .policySimulated, body: .json(PolicySimulation.request),
                answers: [200: .json(PolicySimulation.report)], handler: simulate),
        ]
    }

    private func validate(_ call: APICall) async throws -> APIAnswer {
        let text = call.body["source"]?.string ?? ""
        let problems = AccessPolicy.problems(in: text, source: "source")
        let rules = problems.isEmpty ? try? AccessPolicy(parsing: text, source: "source").rules.count : nil
        return APIAnswer(200, .json([
            "valid": .bool(problems.isEmpty), "errors": .array(problems.prefix(1000).map(PolicySchemas.document)),
            "rule_count": .optional(rules.map(Int64.init)),
        ]))
    }

    private func simulate(_ call: APICall) async throws -> APIAnswer {
        guard call.caller.may(.readAudit) else {
            throw Problem(
                .permissionDenied, "to replay the audit needs the permission “\(Permission.readAudit.rawValue)” as well",
                remedy: "validate the draft only, or ask an administrator")
        }
        let body = call.body
        let draft = try PolicyText.parse(body)
        var filter = AuditFilter()
        filter.eventPrefix = "ekm."
        (filter.since, filter.until) = (body.instant("since"), body.instant("until"))
        if let endpoint = body["endpoint_id"]?.string {
            _ = try await call.stores.endpoints.find(EndpointID(endpoint) ?? EndpointID.random())
            filter.members["endpoint"] = endpoint
        }
        var endpoints: Set<String>?
        if let policy = body.id("policy_id", as: PolicyID.self) {
            _ = try await call.stores.policies.find(policy)
            endpoints = Set(try await call.stores.endpoints.snapshot().endpoints.filter { $0.policyID == policy }.map(\.id.description))
        }
        let (journal, wanted, count) = (services.journal, filter, Int(body["limit"]?.integer ?? 10_000))
        let simulation = try await Offload.run { [endpoints] in
            var simulation = PolicySimulation(draft: draft)
            for entry in try journal(count, wanted) where endpoints.map({ $0.contains(entry["endpoint"] ?? "") }) ?? true {
                simulation.replay(entry)
            }
            return simulation
        }
        return APIAnswer(200, .json(simulation.document), audit: AuditDetail(target: body["policy_id"]?.string))
    }
}
