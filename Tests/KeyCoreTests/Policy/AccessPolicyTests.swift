import KeyCore
import Primitives
import Testing

@Suite("Access policy") struct AccessPolicyTests {
    typealias F = PolicyFixture

    @Test("a grant names operation, key, caller, rule and obligations")
    func grant() throws {
        let policy = try F.policy(F.allow("one", principals: "[Alice@Example.com]", "obligations: [notify, record_reason]"))
        let grant = try policy.authorize(F.request(.wrap, by: "ALICE@example.com"))
        #expect(grant.operation == .wrap)
        #expect(grant.key == F.key)
        #expect(grant.principal == "ALICE@example.com")
        #expect(grant.rule == "one")
        #expect(grant.obligations == [.notify, .recordReason])
    }

    @Test("each condition alone refuses, and is named as the cause", arguments: [
        (F.request(.sign), Rejection.Cause.operation), (F.request(by: "x@y.example"), .principal),
        (F.request(resource: nil), .resource), (F.request(resource: "b"), .resource),
        (F.request(resource: "a"), .perimeter), (F.request(resource: "a", perimeter: "q"), .perimeter),
        (F.request(resource: "a", perimeter: "p"), .network), (F.request(resource: "a", perimeter: "p", from: "11.0.0.1"), .network),
        (F.request(resource: "a", perimeter: "p", from: "10.0.0.1", at: "2026-01-01T07:59:59Z"), .time),
        (F.request(resource: "a", perimeter: "p", from: "10.0.0.1"), .attestation),
        (F.request(because: .missing, resource: "a", perimeter: "p", from: "10.0.0.1", attestation: .init(confidential: true)),
         .justification("missing")),
        (F.request(because: .unknown("WHY"), resource: "a", perimeter: "p", from: "10.0.0.1", attestation: .init(confidential: true)),
         .justification("WHY")),
    ])
    func truthTable(request: AccessRequest, cause: Rejection.Cause) throws {
        #expect(try full().cause(request) == cause)
    }

    @Test("all conditions met permit")
    func allMet() throws {
        let request = F.request(resource: "a", perimeter: "p", from: "10.0.0.1", attestation: .init(confidential: true))
        #expect(try full().rule(request) == "a")
    }

    private func full() throws -> AccessPolicy {
        try F.policy(
            F.allow(
                justifications: "[CUSTOMER_INITIATED_ACCESS]",
                """
                resources: [a], perimeters: [p], networks: [10.0.0.0/8], times: [{zone: UTC, from: "08:00", to: "18:00"}], \
                attestation: {confidential: true}
                """))
    }

    @Test("the cause is that of the rule which came closest; the first among equals decides")
    func closest() throws {
        let policy = try F.policy(
            F.allow("far", principals: "[other@example.com]"), F.allow("near", justifications: "[missing]"),
            F.allow("also", justifications: "[unknown]"))
        #expect(policy.rejection(F.request())?.cause == .justification("CUSTOMER_INITIATED_ACCESS"))
        #expect(policy.rejection(F.request())?.rule == "near")
        let two = try F.policy(F.allow("first"), F.allow("second"))
        #expect(two.rule(F.request()) == "first")
    }

    @Test("deny wins, before and behind the allow rule, and carries its obligations")
    func denyWins() throws {
        let deny = "name: d, effect: deny, operations: [unwrap], obligations: [notify]"
        for policy in [try F.policy(F.allow(), deny), try F.policy(deny, F.allow())] {
            #expect(policy.cause(F.request(.unwrap)) == .denied(rule: "d"))
            #expect(policy.rule(F.request(.wrap)) == "a")
            #expect(policy.rejection(F.request(.unwrap))?.obligations == .notify)
        }
    }

    @Test("a policy without allow rules permits nothing")
    func onlyDenies() throws {
        let policy = try F.policy("name: d, effect: deny, principals: [x@example.com]")
        #expect(policy.cause(F.request()) == .noRule)
    }

    @Test("a deny rule takes any spelling of a name, an allow rule only a plain one", arguments: [
        "SERVICE-123456789012@gcp-sa-ekms.iam.gserviceaccount.com", "service-123456789012@GCP-SA-EKMS.iam.gserviceaccount.com",
    ])
    func spelling(name: String) throws {
        #expect(try F.policy(F.allow()).cause(F.request(by: name)) == .principal)
        let denied = try F.policy(F.allow(principals: "[\"*@*\"]"), "name: d, effect: deny, principals: [\(F.client)]")
        #expect(denied.cause(F.request(by: name)) == .denied(rule: "d"))
    }

    @Test("an attestation list asks for facts unless required is false; not confidential fits a machine without proof")
    func attestation() throws {
        let strict = try F.policy(F.allow("a", "attestation: {zones: [z1, z2], confidential: true}"))
        #expect(strict.cause(F.request()) == .attestation)
        #expect(strict.rule(F.request(attestation: .init(zone: "z2", confidential: true))) == "a")
        #expect(strict.cause(F.request(attestation: .init(zone: "z2", confidential: false))) == .attestation)
        #expect(strict.cause(F.request(attestation: .init(confidential: true))) == .attestation)
        let lax = try F.policy(F.allow("a", "attestation: {required: false, projects: [p], instances: [i]}"))
        #expect(lax.rule(F.request()) == "a")
        #expect(lax.rule(F.request(attestation: .init(project: "p", instance: "i", confidential: true))) == "a")
        #expect(lax.cause(F.request(attestation: .init(project: "p", instance: "j", confidential: true))) == .attestation)
        let unproven = try F.policy(F.allow(), "name: d, effect: deny, attestation: {confidential: false}")
        #expect(unproven.cause(F.request()) == .denied(rule: "d"))
        #expect(unproven.rule(F.request(attestation: .init(confidential: true))) == "a")
    }

    @Test("an empty perimeter and none are the same")
    func perimeters() throws {
        let policy = try F.policy(F.allow("a", #"perimeters: ["", p]"#))
        #expect(policy.rule(F.request(perimeter: "")) == "a")
        #expect(policy.rule(F.request()) == "a")
        #expect(policy.cause(F.request(perimeter: "P")) == .perimeter)
    }

    @Test("adding a deny rule never permits more, and an allow rule never less")
    func monotone() throws {
        var random = SplitMix(state: 2026)
        for _ in 0..<200 {
            let rules = (0..<Int.random(in: 1...4, using: &random)).map { rule("r\($0)", Bool.random(using: &random), &random) }
            let before = try policy(rules)
            let withDeny = try policy(rules + [rule("deny", false, &random)])
            let withAllow = try policy(rules + [rule("allow", true, &random)])
            for request in requests {
                let granted = before.cause(request) == nil
                if !granted { #expect(withDeny.cause(request) != nil) }
                if granted { #expect(withAllow.cause(request) == nil) }
                let explanation = before.explain(request)
                let matches = { (effect: PolicyRule.Effect) in explanation.rules.contains { $0.effect == effect && $0.matches } }
                #expect(granted == (matches(.allow) && !matches(.deny)))
            }
        }
    }

    private var requests: [AccessRequest] {
        var requests: [AccessRequest] = []
        for operation in [KeyCore.Operation.wrap, .unwrap] {
            for principal in ["a@x.example", "b@y.example"] {
                for reason in [Justification.missing, .customerInitiatedAccess] {
                    for resource in [nil, "p/1"] {
                        requests.append(F.request(operation, by: principal, because: reason, resource: resource))
                    }
                }
            }
        }
        return requests
    }

    private func policy(_ rules: [String]) throws -> AccessPolicy {
        try AccessPolicy(parsing: "version: 1\nname: p\nrules:\n" + rules.map { "  - {\($0)}\n" }.joined(), source: "p.yaml")
    }

    private func rule(_ name: String, _ allow: Bool, _ random: inout SplitMix) -> String {
        let operations = ["[wrap]", "[unwrap]", "any"].randomElement(using: &random)!
        let principals = ["[a@x.example]", "[\"domain:y.example\"]", "[\"*@*\"]"].randomElement(using: &random)!
        let reasons = ["[missing]", "[CUSTOMER_INITIATED_ACCESS]", "any"].randomElement(using: &random)!
        let resources = ["", ", resources: [\"p/*\"]"].randomElement(using: &random)!
        return "name: \(name), effect: \(allow ? "allow" : "deny"), operations: \(operations), principals: \(principals), "
            + "justifications: \(reasons)\(resources)"
    }
}

/// A small reproducible generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
