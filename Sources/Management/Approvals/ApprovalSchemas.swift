import KeyCore
import Primitives

/// What requests for approval and the rules of the quorum look like on the wire.
enum ApprovalSchemas {
    private static let members: [Property] = [
        .required("id", .id),
        .required("operation", .oneOf(QuorumOperation.self), "Which rule holds it back"),
        .required("state", .oneOf(Approval.State.self), "“approved” is being carried out"),
        .required("action", .text(1...128), "The operation of this API, as this document names it"),
        .required("path", .text(1...4096), "What it is about"),
        .required("requester", .text(1...320)),
        .required("requester_id", .nullable(.id), "Null for the local socket"),
        .required("required", .integer(1...10), "How many must approve"),
        .required("approved", .integer(0...10), "How many have"),
        .required("approver_group_id", .nullable(.id), "Only members of this group count; null for whoever may decide"),
        .required("votes", .array(vote, count: 0...100)),
        .required("created_at", .time),
        .required("expires_at", .time),
        .required("decided_at", .nullable(.time)),
        .required("outcome", .nullable(outcome), "What came of it once it was carried out"),
        .required("revision", .integer(1...(1 << 53))),
    ]

    private static let vote = Schema.object(name: "Vote", [
        .required("user_id", .id), .required("name", .text(1...320)), .required("approves", .boolean),
        .required("comment", .nullable(.text(0...512))), .required("at", .time),
    ])

    private static let outcome = Schema.object(name: "ApprovalOutcome", [
        .required("status", .integer(200...599), "The HTTP status that it would have been answered with"),
        .required("code", .nullable(.text(1...64)), "The problem's code if it failed; “interrupted” if the server stopped in between"),
    ])

    /// A request that waits, or waited, for approval.
    static let request = Schema.object(name: "Approval", members)

    /// The same with what exactly is asked for.
    static let detail = Schema.object(
        name: "ApprovalDetail",
        members + [
            .required("query", .map(keys: StringRule(length: 1...64), values: .text(0...2048), count: 0...64)),
            .required("body", .anything, "What is asked for, without what is secret"),
            .required("result", .anything, "The answer's document, for who asked; else null"),
        ])

    static let decision = Schema.object(name: "Decision", [
        .optional("comment", .nullable(.text(0...512)), "Why; stays with the vote"),
    ])

    static let rule = Schema.object(name: "QuorumRule", [
        .required("operation", .oneOf(QuorumOperation.self)), .required("enabled", .boolean), .required("required", .integer(1...10)),
        .required("approver_group_id", .nullable(.id)), .required("expires_in_hours", .integer(1...720)),
        .required("revision", .integer(1...(1 << 53))),
    ])

    static let ruleDraft = Schema.object(name: "QuorumRuleDraft", [
        .required("enabled", .boolean),
        .required("required", .integer(1...10), "How many must approve, beside the one who asks"),
        .optional("approver_group_id", .nullable(.id), "Only members of this group count; they need decide:approvals as well"),
        .required("expires_in_hours", .integer(1...720), "After this time a request can't be approved any more"),
    ])

    static func document(_ approval: Approval) -> JSONValue {
        [
            "id": .string(approval.id.description), "operation": .string(approval.operation.rawValue),
            "state": .string(approval.state.rawValue), "action": .string(approval.route), "path": .string(approval.path),
            "requester": .string(approval.requester), "requester_id": .optional(approval.requesterID?.description),
            "required": .integer(Int64(approval.required)), "approved": .integer(Int64(approval.approvals)),
            "approver_group_id": .optional(approval.approverGroup), "votes": .array(approval.votes.map(document)),
            "created_at": .optional(approval.createdAt), "expires_at": .optional(approval.expiresAt),
            "decided_at": .optional(approval.decidedAt), "outcome": outcome(approval), "revision": .integer(approval.revision),
        ]
    }

    static func detail(_ approval: Approval, _ held: HeldCall, result: JSONValue?) -> JSONValue {
        document(approval).adding(["query": .texts(held.query), "body": held.shown, "result": result ?? .null])
    }

    static func document(_ rule: QuorumRule) -> JSONValue {
        [
            "operation": .string(rule.operation.rawValue), "enabled": .bool(rule.isEnabled), "required": .integer(Int64(rule.required)),
            "approver_group_id": .optional(rule.approverGroup), "expires_in_hours": .integer(Int64(rule.expiresInHours)),
            "revision": .integer(rule.revision),
        ]
    }

    private static func document(_ vote: Approval.Vote) -> JSONValue {
        [
            "user_id": .string(vote.userID.description), "name": .string(vote.name), "approves": .bool(vote.approves),
            "comment": .optional(vote.comment), "at": .optional(vote.at),
        ]
    }

    private static func outcome(_ approval: Approval) -> JSONValue {
        guard let status = approval.outcomeStatus else { return .null }
        return ["status": .integer(Int64(status)), "code": .optional(approval.outcomeCode)]
    }
}
