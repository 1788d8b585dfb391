package import Primitives

/// Why a policy decides as it does: each rule, and in it each condition.
package struct PolicyExplanation: Sendable {
    /// The decision.
    package enum Outcome: Sendable, Equatable {
        case allowed(rule: String, Obligations)
        case refused(Rejection)
    }

    /// One condition of one rule.
    package struct Condition: Sendable, Equatable {
        /// Which.
        package let condition: PolicyCondition
        /// Whether the request meets it.
        package let holds: Bool
        /// What the rule asks, in the document's words; `any` if it asks nothing.
        package let expected: String
        /// What the request has; `nothing` if it lacks the fact.
        package let found: String
    }

    /// One rule.
    package struct Rule: Sendable, Equatable {
        /// Its name.
        package let name: String
        /// Its effect.
        package let effect: PolicyRule.Effect
        /// All conditions in their order.
        package let conditions: [Condition]

        /// Whether the request meets them all.
        package var matches: Bool { conditions.allSatisfy(\.holds) }
    }

    /// The decision, the same that `authorize` makes.
    package let outcome: Outcome
    /// All rules in the document's order.
    package let rules: [Rule]

    /// Lines for a terminal: the decision, then each rule with what it failed by.
    package var text: String {
        var lines =
            switch outcome {
            case .allowed(let rule, let obligations):
                ["allowed by the rule “\(rule)”" + (obligations.isEmpty ? "" : ", with \(obligations.names.joined(separator: ", "))")]
            case .refused(let rejection): [rejection.description]
            }
        for rule in rules {
            lines.append("  \(rule.effect.rawValue) “\(rule.name)”: \(rule.matches ? "matches" : "does not match")")
            for condition in rule.conditions where !condition.holds {
                lines.append("    \(condition.condition.name): expected \(condition.expected); found \(condition.found)")
            }
        }
        return lines.joined(separator: "\n")
    }

    /// Writes `{"outcome":…,"rule":…,"cause":…,"rules":[…]}`.
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch outcome {
            case .allowed(let rule, let obligations):
                writer.member("outcome", "allow")
                writer.member("rule", rule)
                writer.name("obligations")
                writer.array { writer in for name in obligations.names { writer.value(name) } }
            case .refused(let rejection):
                writer.member("outcome", "deny")
                if let rule = rejection.rule { writer.member("rule", rule) }
                writer.member("cause", rejection.cause.name)
                writer.member("message", rejection.description)
            }
            writer.name("rules")
            writer.array { writer in for rule in rules { rule.write(to: &writer) } }
        }
    }
}

extension PolicyExplanation.Rule {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("effect", effect.rawValue)
            writer.member("matches", matches)
            writer.name("conditions")
            writer.array { writer in
                for condition in conditions {
                    writer.object { writer in
                        writer.member("condition", condition.condition.name)
                        writer.member("holds", condition.holds)
                        writer.member("expected", condition.expected)
                        writer.member("found", condition.found)
                    }
                }
            }
        }
    }
}

extension AccessPolicy {
    /// The decision on the request and each rule's part in it; grants nothing.
    package func explain(_ request: AccessRequest) -> PolicyExplanation {
        let outcome: PolicyExplanation.Outcome
        do {
            let grant = try authorize(request)
            outcome = .allowed(rule: grant.rule, grant.obligations)
        } catch {
            outcome = .refused(error)
        }
        let verdicts = rules.map { rule in
            PolicyExplanation.Rule(
                name: rule.name, effect: rule.effect,
                conditions: PolicyCondition.allCases.map { condition in
                    PolicyExplanation.Condition(
                        condition: condition, holds: rule.holds(condition, request), expected: rule.expectation(condition),
                        found: request.fact(condition))
                })
        }
        return PolicyExplanation(outcome: outcome, rules: verdicts)
    }
}

extension PolicyRule {
    /// What the rule asks of one condition, in words.
    fileprivate func expectation(_ condition: PolicyCondition) -> String {
        func words(_ list: [String]?) -> String { list.map { $0.joined(separator: ", ") } ?? "any" }
        return switch condition {
        case .operation: words(operations == .any ? nil : operations.names)
        case .principal: words(principals?.texts)
        case .caller: words(callers?.names)
        case .claims: words(claims?.map(\.words))
        case .resource: words(resources?.map(\.text))
        case .perimeter: words(perimeters?.map { $0.isEmpty ? "none" : $0 })
        case .network: words(networks?.map(\.description))
        case .time: words(times?.map(\.description))
        case .attestation: words(attestation?.words)
        case .justification: words(justifications == .any ? nil : justifications.names)
        }
    }
}

extension AttestationCondition {
    fileprivate var words: [String] {
        var words = isRequired ? [] : ["only if attested"]
        if let confidential { words.append(confidential ? "confidential" : "not confidential") }
        for (name, list) in [("zone", zones), ("project", projects), ("instance", instances)] {
            if let list { words.append("\(name) \(list.joined(separator: " or "))") }
        }
        return words
    }
}

extension AccessRequest {
    /// What the request has for one condition, in words.
    fileprivate func fact(_ condition: PolicyCondition) -> String {
        switch condition {
        case .operation: operation.rawValue
        case .principal: principal
        case .caller: kinds.names.joined(separator: " and ")
        case .claims: tokens?.words ?? "nothing"
        case .resource: resource ?? "nothing"
        case .perimeter: perimeter.flatMap { $0.isEmpty ? nil : $0 } ?? "none"
        case .network: address?.description ?? "nothing"
        case .time: RFC3339.string(time)
        case .attestation: attestation?.words ?? "nothing"
        case .justification: justification.name
        }
    }
}

extension TokenFacts {
    /// Which claims there are; not what they say, which may be long.
    fileprivate var words: String {
        let named = [("authentication", authentication), ("authorization", authorization)].compactMap { token, claims in
            claims?.object.map { members in "\(token) with \(members.map(\.name).prefix(32).joined(separator: " "))" }
        }
        return named.isEmpty ? "nothing" : named.joined(separator: ", ")
    }
}

extension AttestationFacts {
    fileprivate var words: String {
        let facts = [zone.map { "zone \($0)" }, project.map { "project \($0)" }, instance.map { "instance \($0)" }].compactMap { $0 }
        return (facts + [confidential ? "confidential" : "not confidential"]).joined(separator: ", ")
    }
}
