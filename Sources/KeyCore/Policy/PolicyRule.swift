/// What a rule can ask of a request, in the order in which it is asked.
package enum PolicyCondition: Int, Sendable, CaseIterable {
    case operation, principal, caller, claims, resource, perimeter, network, time, attestation, justification

    /// The word in explanations and tests.
    package var name: String {
        switch self {
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
        }
    }
}

/// What must happen besides the operation itself, once a rule has decided.
package struct Obligations: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Tell the operators.
    package static let notify = Obligations(rawValue: 1)
    /// Keep the caller's own words about the reason in the audit record.
    package static let recordReason = Obligations(rawValue: 2)

    /// The words that documents use.
    package static let words: [(name: String, value: Obligations)] = [("notify", .notify), ("record_reason", .recordReason)]

    /// The words of those that are set.
    package var names: [String] { Obligations.words.filter { contains($0.value) }.map(\.name) }
}

/// What a rule asks of the machine. Fields that are nil ask nothing; lists match byte for byte.
struct AttestationCondition: Sendable {
    /// Whether the condition fails when nothing at all is proven about the machine.
    var isRequired = true
    var confidential: Bool?
    var zones: [String]?
    var projects: [String]?
    var instances: [String]?

    func holds(_ facts: AttestationFacts?) -> Bool {
        guard let facts else { return !isRequired || (confidential == false && zones == nil && projects == nil && instances == nil) }
        return (confidential == nil || confidential == facts.confidential)
            && AttestationCondition.fits(zones, facts.zone) && AttestationCondition.fits(projects, facts.project)
            && AttestationCondition.fits(instances, facts.instance)
    }

    private static func fits(_ list: [String]?, _ fact: String?) -> Bool {
        guard let list else { return true }
        guard let fact else { return false }
        return list.contains { $0.utf8.elementsEqual(fact.utf8) }
    }
}

/// One rule, compiled. A condition that is nil asks nothing; a fact that the request lacks satisfies no condition.
package struct PolicyRule: Sendable {
    /// Whether a matching rule permits or refuses.
    package enum Effect: String, Sendable {
        case allow, deny
    }

    /// Unique within its policy.
    package let name: String
    /// What a match does.
    package let effect: Effect
    var operations = OperationSet.any
    var principals: PrincipalSet?  // never nil in an allow rule
    var callers: CallerKinds?
    var claims: [ClaimCondition]?  // all of which must hold
    var resources: [Glob]?
    var perimeters: [String]?
    var networks: [IPNetwork]?
    var times: [TimeWindow]?
    var attestation: AttestationCondition?
    var justifications = JustificationSet.any
    /// What a match asks for besides.
    package internal(set) var obligations: Obligations = []

    init(name: String, effect: Effect) { (self.name, self.effect) = (name, effect) }

    /// The first condition, in their order, that the request fails; nil if it meets all.
    func firstFailure(_ request: borrowing AccessRequest) -> PolicyCondition? {
        for index in 0...PolicyCondition.justification.rawValue {
            guard let condition = PolicyCondition(rawValue: index) else { continue }
            if !holds(condition, request) { return condition }
        }
        return nil
    }

    /// Whether the request meets one condition.
    func holds(_ condition: PolicyCondition, _ request: borrowing AccessRequest) -> Bool {
        switch condition {
        case .operation: operations.contains(request.operation)
        case .principal: holdsPrincipal(request.caller)
        case .caller: holdsCaller(request.kinds)
        case .claims: holdsClaims(request.tokens)
        case .resource: PolicyRule.any(resources, request.resource) { $0.matches($1) }
        case .perimeter: PolicyRule.any(perimeters, request.perimeter ?? "") { $0.utf8.elementsEqual($1.utf8) }
        case .network: PolicyRule.any(networks, request.address) { $0.contains($1) }
        case .time: PolicyRule.any(times, request.time) { $0.contains($1) }
        case .attestation: attestation?.holds(request.attestation) ?? true
        case .justification: justifications.contains(request.justification)
        }
    }

    /// An allow rule needs a list and a plain name; a deny rule takes any spelling, and everybody if it has no list.
    private func holdsPrincipal(_ caller: PrincipalName) -> Bool {
        guard let principals else { return effect == .deny }
        return (caller.isPlain || effect == .deny) && principals.contains(caller)
    }

    /// Who calls in two parts needs an allow rule that names both; a deny rule that names one is enough.
    private func holdsCaller(_ kinds: CallerKinds) -> Bool {
        guard let callers else { return true }
        return effect == .deny ? !callers.isDisjoint(with: kinds) : !kinds.isEmpty && callers.isSuperset(of: kinds)
    }

    private func holdsClaims(_ tokens: TokenFacts?) -> Bool {
        guard let claims else { return true }
        return claims.allSatisfy { $0.holds(tokens, denies: effect == .deny) }
    }

    private static func any<C, F>(_ list: [C]?, _ fact: F?, _ fits: (C, F) -> Bool) -> Bool {
        guard let list else { return true }
        guard let fact else { return false }
        for index in list.indices where fits(list[index], fact) { return true }
        return false
    }
}
