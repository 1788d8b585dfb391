import KeyCore
import Primitives

/// The rules of the quorum.
package struct QuorumRoutes: RouteProvider {
    private let approvals: Approvals

    /// Routes over this quorum.
    package init(_ approvals: Approvals) { self.approvals = approvals }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/quorum", "listQuorumRules", "Which operations need the approval of several people", tag: "Approvals",
                access: .needs(.readApprovals), answers: [200: .json(Page.schema(of: ApprovalSchemas.rule, name: "QuorumRuleList"))],
                handler: list),
            Route(
                .put, "/api/v1/quorum/{operation}", "putQuorumRule", "Choose how many people must approve an operation", tag: "Approvals",
                access: .needs(.updateQuorum), event: .quorumChanged, quorum: .changeQuorum,
                parameters: ["operation": .oneOf(QuorumOperation.self)], body: .json(ApprovalSchemas.ruleDraft),
                answers: [200: .json(ApprovalSchemas.rule)], allowsDryRun: true, allowsIfMatch: true, handler: put),
        ]
    }

    private func list(_ call: APICall) async throws -> APIAnswer {
        let rules = try await approvals.rules.all()
        return .thing([
            "items": .array(rules.map(ApprovalSchemas.document)), "total": .integer(Int64(rules.count)), "next_cursor": nil,
        ])
    }

    private func put(_ call: APICall) async throws -> APIAnswer {
        guard let operation = call.parameters["operation"].flatMap(QuorumOperation.init), let isEnabled = call.body["enabled"]?.bool,
            let required = call.body["required"]?.integer, let hours = call.body["expires_in_hours"]?.integer
        else { throw Problem.invalid("/", expected: "a rule") }
        let rule = QuorumRule(
            operation: operation, isEnabled: isEnabled, required: Int(required), approverGroup: call.body["approver_group_id"]?.string,
            expiresInHours: Int(hours), revision: 0)
        try await check(rule)
        let rules = QuorumRuleStore(database: call.stores.database)
        let saved = try await rules.set(rule, expected: call.expectedRevision)
        return .thing(ApprovalSchemas.document(saved), revision: saved.revision, audit: AuditDetail(target: operation.rawValue))
    }

    /// A rule that nobody could satisfy would lock everybody out.
    private func check(_ rule: QuorumRule) async throws {
        if let group = rule.approverGroup {
            guard try await approvals.directory.group(group) != nil else {
                throw Problem.invalid("/approver_group_id", expected: "the id of a group")
            }
        }
        guard rule.isEnabled else { return }
        let deciders = try await approvals.directory.deciders(in: rule.approverGroup)
        let needed = QuorumSeats.needed(rule, of: deciders)
        guard deciders.count >= needed else {
            throw Problem(
                .wrongState,
                """
                \(rule.required) must approve, but only \(deciders.count) people can: they need decide:approvals and an enabled account\
                \(needed > rule.required ? ", and nobody approves their own request" : "")
                """,
                remedy: "let more people decide first, or require fewer")
        }
    }
}
