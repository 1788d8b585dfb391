/// Who may use a key, for what and why: a list of rules, read from a document and compiled. Whatever no allow rule permits is
/// refused, and a matching deny rule outweighs every allow rule.
package struct AccessPolicy: Sendable {
    /// The policy's name.
    package let name: String
    /// What it is for; may be empty.
    package let summary: String
    /// The document, as it was written: what is stored, and what a version is a digest of.
    package let source: String
    /// The rules in the document's order.
    package let rules: [PolicyRule]
    private let denies: [PolicyRule]
    private let allows: [PolicyRule]

    /// Permits nothing.
    static let nothing = AccessPolicy(name: "nothing", summary: "", source: "", rules: [])

    init(name: String, summary: String, source: String, rules: [PolicyRule]) {
        (self.name, self.summary, self.source, self.rules) = (name, summary, source, rules)
        denies = rules.filter { $0.effect == .deny }
        allows = rules.filter { $0.effect == .allow }
    }

    /// The proof that the first matching allow rule permits the request and no deny rule matches.
    /// - Throws: `Rejection` with the deny rule that matched, or with the condition at which the closest allow rule failed.
    package func authorize(_ request: borrowing AccessRequest) throws(Rejection) -> Grant {
        for index in denies.indices where denies[index].firstFailure(request) == nil {
            throw Rejection(.denied(rule: denies[index].name), rule: denies[index].name, obligations: denies[index].obligations)
        }
        var closest: (failure: PolicyCondition, rule: Int)?
        for index in allows.indices {
            guard let failure = allows[index].firstFailure(request) else { return Grant(request, by: allows[index]) }
            if closest.map({ failure.rawValue > $0.failure.rawValue }) ?? true { closest = (failure, index) }
        }
        guard let closest else { throw Rejection(.noRule, rule: nil, obligations: []) }
        throw Rejection(.init(closest.failure, request), rule: allows[closest.rule].name, obligations: [])
    }
}

/// The proof that a policy permits one operation on one key. Only `AccessPolicy.authorize` makes one.
package struct Grant: Sendable, Equatable {
    /// What is permitted.
    package let operation: Operation
    /// The key on which it is permitted.
    package let key: KeyID
    /// The caller, as the token spells the name.
    package let principal: String
    /// The allow rule that matched.
    package let rule: String
    /// What must happen besides.
    package let obligations: Obligations

    fileprivate init(_ request: borrowing AccessRequest, by rule: borrowing PolicyRule) {
        (operation, key, principal) = (request.operation, request.key, request.principal)
        (self.rule, obligations) = (rule.name, rule.obligations)
    }
}

/// Why a policy refuses a request.
package struct Rejection: Error, Sendable, Equatable, CustomStringConvertible {
    /// The condition by which the closest allow rule failed, or the deny rule that matched.
    package enum Cause: Sendable, Equatable {
        /// The policy permits nothing.
        case noRule
        /// No rule for this operation.
        case operation
        /// No rule for this caller.
        case principal
        /// No rule for callers of this kind.
        case caller
        /// The tokens' claims are others.
        case claims
        /// The resource is outside.
        case resource
        /// The perimeter is outside.
        case perimeter
        /// The address is outside.
        case network
        /// The hour is outside.
        case time
        /// The machine isn't proven to be a permitted one.
        case attestation
        /// The reason isn't permitted: Google's name for it, `missing`, or the unknown text.
        case justification(String)
        /// This deny rule matched.
        case denied(rule: String)

        init(_ condition: PolicyCondition, _ request: borrowing AccessRequest) {
            self =
                switch condition {
                case .operation: .operation
                case .principal: .principal
                case .caller: .caller
                case .claims: .claims
                case .resource: .resource
                case .perimeter: .perimeter
                case .network: .network
                case .time: .time
                case .attestation: .attestation
                case .justification: .justification(request.justification.name)
                }
        }

        /// One word: a condition's name, `no_rule` or `denied`.
        package var name: String {
            switch self {
            case .noRule: "no_rule"
            case .operation: "operation"
            case .principal: "principal"
            case .caller: "caller"
            case .claims: "claims"
            case .resource: "resource"
            case .perimeter: "perimeter"
            case .network: "network"
            case .time: "time"
            case .attestation: "attestation"
            case .justification: "justification"
            case .denied: "denied"
            }
        }

        /// Every name.
        package static let names = PolicyCondition.allCases.map(\.name) + ["no_rule", "denied"]
    }

    /// Why.
    package let cause: Cause
    /// The rule that decided: the deny rule, or the allow rule that came closest; nil for `.noRule`.
    package let rule: String?
    /// What the deny rule asks for besides.
    package let obligations: Obligations

    fileprivate init(_ cause: Cause, rule: String?, obligations: Obligations) {
        (self.cause, self.rule, self.obligations) = (cause, rule, obligations)
    }

    /// One line for an operator.
    package var description: String {
        switch cause {
        case .noRule: "refused: the policy has no allow rule"
        case .denied(let rule): "refused by the deny rule “\(rule)”"
        case .justification(let name): "refused: justification “\(name)” is not permitted (closest rule: “\(rule ?? "")”)"
        default: "refused: \(cause.name) does not fit (closest rule: “\(rule ?? "")”)"
        }
    }
}
