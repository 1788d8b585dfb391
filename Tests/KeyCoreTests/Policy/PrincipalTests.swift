import KeyCore
import Primitives
import Testing

@Suite("Principals of a rule") struct PrincipalTests {
    typealias F = PolicyFixture

    @Test("match", arguments: [
        ("alice@example.com", "Alice@EXAMPLE.com", true), ("Alice@Example.com", "alice@example.com", true),
        ("alice@example.com", "alice@example.co", false), ("subject-17", "subject-17", true), ("subject-17", "Subject-17", false),
        ("K-1", "\u{212A}-1", false),  // KELVIN SIGN, which Unicode takes for a K
        ("domain:example.com", "bob@example.com", true), ("domain:Example.COM", "bob@EXAMPLE.com", true),
        ("domain:example.com", "bob@sub.example.com", false), ("domain:example.com", "bob@notexample.com", false),
        ("domain:example.com", "example.com", false), ("domain:example.com", "@example.com", false),
        ("domain:example.com", "x@evil.com@example.com", false), ("domain:example.com", "bob@example.com.evil.com", false),
        ("*@example.com", "bob@example.com", true), ("*@example.com", "bob@sub.example.com", false),
        ("*@*.example.com", "bob@sub.example.com", true), ("*@*.example.com", "bob@example.com", false),
        ("oncall-?@example.com", "oncall-7@example.com", true), ("oncall-?@example.com", "oncall-17@example.com", false),
        ("service-*", "service-1@evil.com", false), ("service-*", "service-17", true), ("alice*", "alice@example.com", false),
        ("a*b@example.com", "axxb@example.com", true), ("*@*", "anybody@anywhere.example", true), ("*@*", "subject-17", false),
        ("*@*", "a@b@c.example", false), ("*@*", "b\u{F6}b@example.com", false), ("*@*", "a b@example.com", false),
    ])
    func matches(pattern: String, name: String, fits: Bool) throws {
        let policy = try F.policy(F.allow(principals: "[\"\(pattern)\"]"))
        #expect((policy.cause(F.request(by: name)) == nil) == fits)
    }

    @Test("a document is refused whose principal is", arguments: [
        "", "*", "**@example.com", "domain:", "domain:com", "domain:*.example.com", "domain:exa mple.com", "domain:.example.com",
        "domain:a@example.com", "*@", "*@com", "a@b@c.example", "@example.com", "alice@", "b\u{F6}b@example.com", "alice @example.com",
        String(repeating: "a", count: 256),
    ])
    func refused(principal: String) {
        let text = "version: 1\nname: p\nrules:\n  - {\(F.allow(principals: "[x@example.com, \"\(principal)\"]"))}"
        #expect(AccessPolicy.problems(in: text, source: "p").map(\.field) == ["rules[0].principals[1]"])
    }
}
