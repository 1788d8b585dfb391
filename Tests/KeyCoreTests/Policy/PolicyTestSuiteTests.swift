import Foundation
import KeyCore
import Primitives
import Testing

@Suite("Policy tests") struct PolicyTestSuiteTests {
    typealias F = PolicyFixture

    private func run(_ tests: String, _ policy: AccessPolicy) throws -> [PolicyTestResult] {
        try PolicyTestSuite(parsing: "version: 1\ndefaults: {operation: unwrap, principal: \(F.client)}\ntests:\n\(tests)", source: "t.yaml")
            .run(against: policy)
    }

    @Test("a case passes if decision, cause, rule and obligations are as expected")
    func passes() throws {
        let policy = try F.policy(F.allow("a", justifications: "[CUSTOMER_INITIATED_ACCESS, unknown]", "obligations: [notify]"))
        let results = try run(
            """
              - {name: one, request: {justification: 5}, expect: allow, rule: a, obligations: [notify]}
              - {name: two, request: {justification: "unknown:X"}, expect: allow}
              - {name: three, expect: deny, cause: justification, rule: a, obligations: []}
              - {name: four, request: {principal: x@example.com}, expect: deny, cause: principal}
            """, policy)
        #expect(results.map(\.name) == ["one", "two", "three", "four"])
        #expect(results.map(\.passed) == [true, true, true, true])
    }

    @Test("a case fails, with what was expected and the explanation")
    func fails() throws {
        let policy = try F.policy(F.allow("a", justifications: "[missing]"))
        let results = try run(
            """
              - {name: one, expect: deny}
              - {name: two, request: {justification: 3}, expect: deny, cause: principal}
              - {name: three, expect: allow, rule: b}
              - {name: four, expect: allow, obligations: [notify]}
            """, policy)
        #expect(results.map(\.passed) == [false, false, false, false])
        #expect(results[0].failures == ["expected the decision deny, found allow"])
        #expect(results[1].failures == ["expected the cause principal, found justification"])
        #expect(results[2].failures == ["expected the rule b, found a"])
        #expect(results[1].text.contains("justification: expected missing; found THIRD_PARTY_DATA_REQUEST"))
    }

    @Test("a suite is refused by name", arguments: [
        ("tests: [{name: a, expect: deny}]", ""), ("version: 1\ntests: []", "tests"), ("version: 1", ""),
        ("version: 1\ntests: [{name: a, expect: deny}]", "tests[0]"),
        ("version: 1\ntests: [{name: a, request: {operation: wrap, principal: a, justification: BECAUSE}, expect: deny}]", "tests[0].request.justification"),
        ("version: 1\ntests: [{name: a, request: {operation: wrap, principal: a, justification: 12}, expect: deny}]", "tests[0].request.justification"),
        ("version: 1\ntests: [{name: a, request: {operation: wrap, principal: a, address: b}, expect: deny}]", "tests[0].request.address"),
        ("version: 1\ntests: [{name: a, request: {operation: wrap, principal: a, time: noon}, expect: deny}]", "tests[0].request.time"),
        ("version: 1\ntests: [{name: a, request: {operation: wrap, principal: a, key: K}, expect: deny}]", "tests[0].request.key"),
        ("version: 1\ntests: [{name: a, request: {operation: wrap, principal: a}, expect: deny, cause: mood}]", "tests[0].cause"),
        ("version: 1\ntests: [{name: a, request: {operation: wrap, principal: a}, expect: allow, cause: time}]", "tests[0].cause"),
        ("version: 1\ndefaults: {sauce: hot}\ntests: [{name: a, expect: deny}]", "defaults.sauce"),
    ])
    func refused(text: String, field: String) {
        let error = #expect(throws: DocumentError.self) { try PolicyTestSuite(parsing: text, source: "t.yaml") }
        #expect(error?.field == field)
    }

    @Test("every policy that ships passes the tests beside it", arguments: Shipped.policies)
    func shipped(file: String) throws {
        let policy = try AccessPolicy(parsing: try Shipped.text(file), source: file)
        let tests = String(file.prefix { $0 != "." }) + ".test.yaml"
        let results = try PolicyTestSuite(parsing: try Shipped.text(tests), source: tests).run(against: policy)
        #expect(results.count >= 5)
        for result in results where !result.passed { Issue.record("\(file): \(result.text)") }
    }

    @Test("the folder of shipped policies holds the default, the examples, and a test for each")
    func complete() throws {
        #expect(Set(Shipped.policies) == [
            "default.yaml", "google-ekm-strict.yaml", "google-ekm-outage-safe.yaml", "break-glass.yaml", "deny-list.yaml", "cckm-basic.json", "workspace.yaml",
            "workspace-perimeters.yaml", "salesforce.yaml",
        ])
    }

    @Test("an explanation is JSON for programs and lines for people")
    func explanation() throws {
        let policy = try F.policy(F.allow("a", "networks: [10.0.0.0/8]"), "name: d, effect: deny, justifications: [THIRD_PARTY_DATA_REQUEST]")
        let explanation = policy.explain(F.request(from: "192.0.2.1"))
        #expect(explanation.text == """
            refused: network does not fit (closest rule: “a”)
              allow “a”: does not match
                network: expected 10.0.0.0/8; found 192.0.2.1
              deny “d”: does not match
                justification: expected THIRD_PARTY_DATA_REQUEST; found CUSTOMER_INITIATED_ACCESS
            """)
        var writer = JSONWriter()
        explanation.write(to: &writer)
        let json = try JSONValue(parsing: writer.bytes)
        #expect(json["outcome"]?.string == "deny")
        #expect(json["cause"]?.string == "network")
        #expect(json["rules"]?.array?.count == 2)
        #expect(json["rules"]?.array?[0]["conditions"]?.array?.count == 10)
        #expect(json["rules"]?.array?[0]["conditions"]?.array?[1]["holds"]?.bool == true)
    }
}

/// The folder `policies` of this repository.
private enum Shipped {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("policies")

    static let policies: [String] = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter { name in
        (name.hasSuffix(".yaml") || name.hasSuffix(".json")) && !name.hasSuffix(".test.yaml")
    }.sorted()

    static func text(_ file: String) throws -> String { try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8) }
}
