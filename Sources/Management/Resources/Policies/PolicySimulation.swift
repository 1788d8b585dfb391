import KeyCore
import Primitives

/// Replays recorded decisions against a draft: which of them it would have made otherwise.
struct PolicySimulation {
    /// The most decisions that are shown one by one.
    static let maxExamples = 50

    private let draft: AccessPolicy
    private(set) var considered: Int64 = 0
    private(set) var skipped: Int64 = 0
    private(set) var newlyRefused: Int64 = 0
    private(set) var newlyAllowed: Int64 = 0
    private(set) var from: Instant?
    private(set) var until: Instant?
    private(set) var examples: [JSONValue] = []

    /// Nothing is replayed yet.
    init(draft: AccessPolicy) { self.draft = draft }

    /// Replays one record. What was refused or failed for another reason than the policy says nothing about a policy and is passed over.
    mutating func replay(_ entry: AuditEntry) {
        guard let request = PolicySimulation.request(entry), let wasAllowed = PolicySimulation.wasAllowed(entry) else {
            skipped += 1
            return
        }
        considered += 1
        (from, until) = (min(from ?? request.time, request.time), max(until ?? request.time, request.time))
        let decision = draft.explain(request).outcome
        let isAllowed = if case .allowed = decision { true } else { false }
        guard isAllowed != wasAllowed else { return }
        if isAllowed { newlyAllowed += 1 } else { newlyRefused += 1 }
        if examples.count < PolicySimulation.maxExamples { examples.append(example(entry, decision)) }
    }

    /// Nil if the policy wasn't asked, or the record doesn't say.
    private static func wasAllowed(_ entry: AuditEntry) -> Bool? {
        switch entry["outcome"] {
        case "allowed": true
        case "refused" where entry["cause"]?.hasPrefix("policy-") == true: false
        default: nil
        }
    }

    /// What the policy was asked then.
    private static func request(_ entry: AuditEntry) -> AccessRequest? {
        guard let time = entry.time, let principal = entry["principal"], let key = entry["key"].flatMap({ KeyID($0) }),
            let operation = entry.event.split(separator: ".").last.flatMap({ Operation(rawValue: String($0)) })
        else { return nil }
        let justification = switch entry["justification"] {
        case nil, "missing": Justification.missing
        case let name?: Justification(name: name)
        }
        return AccessRequest(
            operation, of: key, by: principal, because: justification, resource: entry["resource"],
            from: entry["remote"].flatMap { IPAddress($0) }, at: time)
    }

    private func example(_ entry: AuditEntry, _ decision: PolicyExplanation.Outcome) -> JSONValue {
        let after: JSONValue = switch decision {
        case .allowed(let rule, _): ["outcome": "allowed", "rule": .string(rule), "cause": nil]
        case .refused(let rejection): ["outcome": "refused", "rule": .optional(rejection.rule), "cause": .string(rejection.cause.name)]
        }
        return [
            "node": .string(entry.node.description), "seq": .integer(Int64(clamping: entry.seq)), "time": .optional(entry.time),
            "event": .string(entry.event), "endpoint_name": .optional(entry["endpoint_name"]), "principal": .optional(entry["principal"]),
            "resource": .optional(entry["resource"]), "justification": .optional(entry["justification"]),
            "before": ["outcome": .optional(entry["outcome"]), "cause": .optional(entry["cause"])], "after": after,
        ]
    }

    // MARK: On the wire

    static let request = Schema.object(name: "PolicySimulationRequest", [
        PolicySchemas.source, .optional("policy_id", .id, "Only decisions at endpoints that have this policy now"),
        .optional("endpoint_id", .id, "Only decisions at this endpoint"), .optional("since", .time), .optional("until", .time),
        .optional("limit", .integer(1...50_000), "So many records at most, the latest; 10000 if left out"),
    ])

    static let report = Schema.object(name: "PolicySimulationReport", [
        .required("considered", .integer(0...Int64.max), "Recorded decisions that were replayed"),
        .required("skipped", .integer(0...Int64.max), "Records about which no policy decided"),
        .required("unchanged", .integer(0...Int64.max)), .required("newly_refused", .integer(0...Int64.max), "Were allowed, would be refused"),
        .required("newly_allowed", .integer(0...Int64.max), "Were refused, would be allowed"),
        .required("from", .nullable(.time), "The earliest decision replayed"), .required("until", .nullable(.time), "The latest"),
        .required("examples", .array(.object(name: "PolicySimulationExample", [
            .required("node", .text(0...128)), .required("seq", .integer(0...Int64.max)), .required("time", .nullable(.time)),
            .required("event", .text(0...128)), .required("endpoint_name", .nullable(.text(0...128))),
            .required("principal", .nullable(.text(0...320))), .required("resource", .nullable(.text(0...512))),
            .required("justification", .nullable(.text(0...64))),
            .required("before", .object([.required("outcome", .nullable(.text(0...16))), .required("cause", .nullable(.text(0...128)))])),
            .required("after", .object([
                .required("outcome", .oneOf(["allowed", "refused"])), .required("rule", .nullable(.text(0...1024))),
                .required("cause", .nullable(.text(0...64))),
            ])),
        ]), count: 0...maxExamples), "The first that would change, oldest first"),
    ])

    var document: JSONValue {
        [
            "considered": .integer(considered), "skipped": .integer(skipped), "unchanged": .integer(considered - newlyRefused - newlyAllowed),
            "newly_refused": .integer(newlyRefused), "newly_allowed": .integer(newlyAllowed), "from": .optional(from), "until": .optional(until),
            "examples": .array(examples),
        ]
    }
}
