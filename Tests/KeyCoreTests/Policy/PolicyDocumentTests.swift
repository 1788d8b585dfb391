import KeyCore
import Primitives
import Testing

@Suite("Policy documents") struct PolicyDocumentTests {
    typealias F = PolicyFixture

    @Test("YAML and JSON are read alike, and the text is kept")
    func forms() throws {
        let json = #"{"version":1,"name":"p","description":"d","rules":[{"name":"a","effect":"allow","operations":["unwrap"],"principals":["x@example.com"],"justifications":"any"}]}"#
        let policy = try AccessPolicy(parsing: json, source: "p.json")
        #expect(policy.name == "p")
        #expect(policy.summary == "d")
        #expect(policy.source == json)
        #expect(policy.rules.map(\.name) == ["a"])
        #expect(policy.rule(F.request(by: "x@example.com")) == "a")
    }

    @Test("errors name file, line and field", arguments: [
        ("version: 1\nname: p\nrules:\n  - name: a\n    effect: allow\n    operations: [wrap]\n    principals: [a@b.example]\n    justifications: any\n    sauce: hot\n", 9, "rules[0].sauce"),
        ("version: 1\nname: p\nrules:\n  - name: a\n    effect: maybe\n", 5, "rules[0].effect"),
        ("version: 2\nname: p\nrules: [{name: a, effect: deny}]\n", 1, "version"),
        ("version: 1\nname: p\nrules: []\n", 3, "rules"), ("version: 1\nname: p\nrules: all\n", 3, "rules"),
        ("version: 1\nname: ''\nrules: [{name: a, effect: deny}]\n", 2, "name"), ("version: 1\nrules: [{name: a, effect: deny}]\n", 1, ""),
        ("name: p\nrules: [{name: a, effect: deny}]\n", 1, ""), ("version: 1\nname: p\n", 1, ""), ("version: 1\nname: p\nrules:\n", 3, "rules"),
        ("version: 1\nname: p\nrules:\n  - {effect: deny}\n", 4, "rules[0]"), ("version: 1\nname: p\nrules:\n  - {name: a}\n", 4, "rules[0]"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny}\n  - {name: a, effect: deny}\n", 5, "rules[1]"),
        ("version: 1\nname: p\nrules:\n  - name: a\n    effect: deny\n    operations:\n      - wrap\n      - shred\n", 8, "rules[0].operations[1]"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, operations: all}\n", 4, "rules[0].operations"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, operations: []}\n", 4, "rules[0].operations"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, principals: x@example.com}\n", 4, "rules[0].principals"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, principals: [[x]]}\n", 4, "rules[0].principals[0]"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, justifications: [5]}\n", 4, "rules[0].justifications[0]"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, resources: [\"a***\"]}\n", 4, "rules[0].resources[0]"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, resources: []}\n", 4, "rules[0].resources"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, perimeters: {a: b}}\n", 4, "rules[0].perimeters"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, networks: [10.0.0.1/8]}\n", 4, "rules[0].networks[0]"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, attestation: {}}\n", 4, "rules[0].attestation"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, attestation: {confidential: \"true\"}}\n", 4, "rules[0].attestation.confidential"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, attestation: {zones: []}}\n", 4, "rules[0].attestation.zones"),
        ("version: 1\nname: p\nrules:\n  - {name: a, effect: deny, obligations: [sing]}\n", 4, "rules[0].obligations[0]"),
        ("version: 1\nname: p\nrules:\n  - {name: \"a\\u0007\", effect: deny}\n", 4, "rules[0].name"), ("[1, 2]", 1, ""), ("just text", 1, ""),
    ])
    func errors(text: String, line: Int, field: String) {
        let problems = AccessPolicy.problems(in: text, source: "my.yaml")
        #expect(problems.count == 1)
        #expect(problems.first?.source == "my.yaml")
        #expect(problems.first?.line == line)
        #expect(problems.first?.field == field)
        #expect(AccessPolicy.error(in: text, source: "my.yaml") == problems.first)
    }

    @Test("all that is wrong is told at once, and the first of it is thrown")
    func collects() {
        let text = """
            version: 3
            name: p
            rules:
              - {name: a, effect: allow, operations: [shred], networks: [x]}
              - {name: b, effect: deny, obligations: []}
            """
        let problems = AccessPolicy.problems(in: text, source: "p.yaml")
        #expect(
            problems.map(\.field) == [
                "version", "rules[0]", "rules[0]", "rules[0].operations[0]", "rules[0].networks[0]", "rules[1].obligations",
            ])
        #expect(AccessPolicy.error(in: text, source: "p.yaml") == problems[0])
        #expect(problems[0].description.hasPrefix("p.yaml:1: version: expected"))
    }

    @Test("hostile documents are refused quickly and by name", arguments: [
        ("empty", "", 1), ("blank", "\n\n", 1), ("no YAML", "version: [1\nname", 3), ("two documents", "version: 1\n---\nversion: 1\n", 2),
        ("control characters", "version: 1\nname: \u{1}\n", nil), ("duplicates", "version: 1\nname: a\nname: b\n", 2),
        ("aliases", "version: 1\nname: &n p\ndescription: *n\n", 2),
        ("many laughs", "version: 1\nname: p\nrules:\n- &a [x,x,x,x,x,x]\n- &b [*a,*a,*a,*a,*a,*a]\n- [*b,*b,*b,*b,*b,*b]\n", 4),
        ("merge keys", "version: 1\n<<: {name: p}\nrules: [{name: a, effect: deny}]\n", 2),
        ("keys that are lists", "version: 1\n? [a]\n: b\n", 1),
    ])
    func hostile(what: String, text: String, line: Int?) {
        let problems = AccessPolicy.problems(in: text, source: "h.yaml")
        #expect(problems.count == 1, "\(what)")
        #expect(problems.first?.source == "h.yaml")
        #expect(problems.first?.line == line, "\(what): \(problems)")
        #expect(problems.first?.message.contains("anchors") == text.contains("&"))
    }

    @Test("deep nesting is refused, whether valid or not", arguments: [50, 900, 100_000])
    func deep(depth: Int) {
        for text in [
            "version: 1\nname: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth),
            "version: 1\nname: " + String(repeating: "{a: ", count: depth), String(repeating: "[", count: depth),
        ] { #expect(!AccessPolicy.problems(in: text, source: "d.yaml").isEmpty) }
    }

    @Test("a document over 1 MiB is refused unread, one of 1001 rules by its last")
    func large() {
        let long = "version: 1\nname: p\n#" + String(repeating: "x", count: 1 << 20)
        #expect(AccessPolicy.problems(in: long, source: "l.yaml").map(\.line) == [nil])
        let many = "version: 1\nname: p\nrules:\n" + (0...1000).map { "  - {name: r\($0), effect: deny}\n" }.joined()
        #expect(AccessPolicy.problems(in: many, source: "l.yaml").map(\.field) == ["rules[1000]"])
    }
}
