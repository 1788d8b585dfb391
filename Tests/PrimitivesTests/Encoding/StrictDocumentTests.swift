import Testing

@testable import Primitives

@Suite("Strict documents") struct StrictDocumentTests {
    static let text = """
        # a comment & more
        name: "door"
        rules:
          - effect: allow
            operations: [wrap, unwrap]
          - effect: deny
            limit: 12
        wait: 250ms
        size: 2MiB
        empty:
        on: true
        """

    @Test("reads mappings, lists and scalars")
    func reads() throws {
        let members = try document(Self.text).members(["name", "rules", "wait", "size", "empty", "on"])
        #expect(try members["name"]?.string() == "door")
        let rules = try #require(try members["rules"]?.elements())
        #expect(try rules[0].members(["effect", "operations"])["operations"]?.strings() == ["wrap", "unwrap"])
        #expect(try rules[1].members(["effect", "limit"])["limit"]?.integer(in: 1...12) == 12)
        #expect(try members["wait"]?.duration(in: .zero ... .seconds(1)) == .milliseconds(250))
        #expect(try members["size"]?.bytes(in: 0...Int.max) == 2 << 20)
        #expect(members["empty"]?.isNull == true)
        #expect(try members["on"]?.bool() == true)
        #expect(try document(#"{"a": [1, "x"], "b": {"c": null}}"#).entries().map(\.name) == ["a", "b"], "JSON is a subset")
    }

    @Test("a complaint names file, line and field")
    func complaints() throws {
        let unknown = try #require(error { _ = try document(Self.text).members(["name", "rules", "wait", "size", "on"]) })
        #expect(unknown == DocumentError(
            source: "policy.yaml", line: 10, field: "empty", message: "unknown field; expected one of name, rules, wait, size, on"))
        let members = try document(Self.text).members(["name", "rules", "wait", "size", "empty", "on"])
        let rule = try #require(try members["rules"]?.elements()[1])
        let limit = try #require(error { _ = try rule.members(["effect", "limit"])["limit"]?.integer(in: 1...10) })
        #expect(limit.description == "policy.yaml:7: rules[1].limit: expected a whole number from 1 to 10, found “12”")
        let whole = try #require(error { _ = try document("- 1").members(["a"]) })
        #expect(whole.description == "policy.yaml:1: expected a mapping of fields, found a list")
    }

    @Test("an unknown or doubled field is told with the line of its name, not of its value")
    func nameLine() throws {
        let unknown = error { _ = try document("a: 1\nlimts:\n  b:\n    c: 2\n").members(["a", "limits"]) }
        #expect(unknown?.line == 2)
        #expect(unknown?.field == "limts")
    }

    @Test("a field that occurs twice is refused, with its line", arguments: [
        ("a: 1\nb: 2\na: 3\n", "a"), ("x:\n  a: 1\n  a: 1\n", "a"), ("1: x\n\"1\": y\n", "1"), ("{\"a\": 1, \"a\": 2}", "a"), ("'a': 1\na: 2", "a"),
    ])
    func duplicates(text: String, name: String) throws {
        let complaint = try #require(error { _ = try document(text).entries() })
        #expect(complaint.message.contains("twice"))
        #expect(complaint.message.contains(name) || complaint.field == name)
        #expect(complaint.line != nil)
    }

    @Test("anchors, aliases and tags are refused with their line", arguments: [
        ("a: &x 1\nb: *x", 1), ("a: 1\nb: &x {c: 1}", 2), ("a: 1\n\nb: &x\n  - 1", 3), ("a: *x", 1), ("- 1\n- &x", 2), ("[&x 1]", 1), ("? &x a\n: 1", 1),
        ("&x a: 1", 1), ("a: !!str 1", 1), ("a: 1\nb: !!binary AAAA", 2), ("a: !custom {}", 1), ("a: ! 1", 1), ("!!map {}", 1), ("a: !<tag:x> 1", 1),
        ("base: &b {x: 1}\nuse:\n  <<: *b", 1), ("a: \"x\"\nb: 'y'\nc: &z |\n  text", 3), ("--- &x\na: 1", 1),
    ])
    func expansion(text: String, line: Int) throws {
        let complaint = try #require(error { _ = try document(text) })
        #expect(complaint.message.contains("anchors and aliases are not supported; write the value out"))
        #expect(complaint.line == line)
    }

    @Test("a small document that would grow beyond measure is refused at once", .timeLimit(.minutes(1)))
    func laughs() {
        let levels = (1...40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1), *a\($0 - 1)]" }
        let text = "a0: &a0 [x]\n" + levels.joined(separator: "\n")
        #expect(error { _ = try document(text) }?.line == 1)
        #expect(error { _ = try document(text + "\n? *a40\n: 1\n") }?.line == 1)
    }

    @Test("their signs within text are text")
    func signs() throws {
        let text = """
            plain: R&D *not* here! a & b
            double: "&a *b !c"
            single: '!x'
            block: |
              &a
              *b
              !c
            folded: >-
              * item
            R&D!: 1  # &comment *x !y
            """
        let entries = try document(text).entries()
        #expect(entries.map(\.name) == ["plain", "double", "single", "block", "folded", "R&D!"])
        #expect(try entries.dropLast().map { try $0.value.string() } == [
            "R&D *not* here! a & b", "&a *b !c", "!x", "&a\n*b\n!c\n", "* item",
        ])
    }

    @Test("a value of another type is refused", arguments: [
        ("[1]", "text"), ("{a: 1}", "text"), ("", "text"), ("~", "text"), ("null", "text"),
        ("'5'", "number"), ("\"5\"", "number"), ("5.0", "number"), ("0x10", "number"), ("1_0", "number"), ("five", "number"), ("11", "number"), ("[5]", "number"),
        ("9223372036854775808", "number"),
        ("yes", "bool"), ("True", "bool"), ("'true'", "bool"), ("1", "bool"), ("", "bool"), ("on", "bool"),
        ("a", "list"), ("{a: 1}", "list"), ("", "list"), ("a", "mapping"), ("[a]", "mapping"), ("", "mapping"),
    ])
    func types(text: String, type: String) throws {
        let value = try #require(try document("f: \(text)").members(["f"])["f"])
        let complaint = error {
            switch type {
            case "text": _ = try value.string()
            case "number": _ = try value.integer(in: 0...10)
            case "bool": _ = try value.bool()
            case "list": _ = try value.elements()
            default: _ = try value.entries()
            }
        }
        #expect(complaint?.field == "f")
        #expect(complaint?.line == 1)
        #expect(complaint?.message.hasPrefix("expected ") == true)
        #expect(complaint?.message.contains("found") == true)
    }

    @Test("a quoted text may be empty, or look like something else", arguments: [
        ("''", ""), ("\"\"", ""), ("'null'", "null"), ("'~'", "~"), ("5", "5"), ("yes", "yes"), ("2026-01-01", "2026-01-01"), ("0777", "0777"),
    ])
    func texts(text: String, value: String) throws {
        let field = try #require(try document("f: \(text)").members(["f"])["f"])
        #expect(try field.string() == value)
        #expect(!field.isNull)
        #expect(field.isScalar && !field.isMapping && !field.isSequence)
    }

    @Test("time spans have a unit", arguments: [
        ("0s", .zero), ("250ms", .milliseconds(250)), ("30s", .seconds(30)), ("5min", .seconds(300)), ("12h", .seconds(43200)), ("30d", .seconds(2_592_000)),
        ("30", nil), ("s", nil), ("", nil), ("1.5s", nil), ("-1s", nil), ("1 s", nil), ("1m", nil), ("1S", nil), ("1sec", nil), ("31d", nil),
        ("99999999999999999999s", nil), ("1s1s", nil),
    ] as [(String, Duration?)])
    func durations(text: String, expected: Duration?) throws {
        let field = try #require(try document("f: '\(text)'").members(["f"])["f"])
        #expect((try? field.duration(in: .zero ... .seconds(30 * 86400))) == expected)
    }

    @Test("sizes are in bytes or binary units", arguments: [
        ("0", 0), ("512", 512), ("512B", 512), ("4KiB", 4096), ("1MiB", 1 << 20), ("1GiB", 1 << 30),
        ("2GiB", nil), ("1KB", nil), ("1kib", nil), ("KiB", nil), ("-1", nil), ("1.5MiB", nil), ("1 MiB", nil), ("8589934591GiB", nil),
        ("9223372036854775807GiB", nil), ("", nil),
    ] as [(String, Int?)])
    func sizes(text: String, expected: Int?) throws {
        let field = try #require(try document("f: '\(text)'").members(["f"])["f"])
        #expect((try? field.bytes(in: 0...1 << 30)) == expected)
    }

    @Test("what is not one YAML document is refused, with the line where that can be told", arguments: [
        ("", 1), ("# only a comment\n", 1), ("a: 1\n---\nb: 2\n", 2), ("a: [1, 2", 1), ("a: 1\n b: 2", 2), ("a: 'x", 1), ("\tx: 1", 1), ("a: 1\nb: }", 2),
        ("a: \u{0}", nil), ("a: \u{7}", nil),
    ] as [(String, Int?)])
    func malformed(text: String, line: Int?) throws {
        let complaint = try #require(error { _ = try document(text) })
        #expect(complaint.source == "policy.yaml")
        if let line { #expect((line...line + 1).contains(complaint.line ?? 0), "\(complaint)") }
    }

    @Test("a document of more than 1 MiB is refused, and so is one that nests without end")
    func limits() throws {
        let large = "a: " + String(repeating: "x", count: 1 << 20)
        #expect(error { _ = try document(large) }?.message.hasPrefix("expected at most 1 MiB") == true)
        #expect(throws: DocumentError.self) { try document(String(repeating: "[", count: 500_000)) }
        #expect(throws: DocumentError.self) { try document(String(repeating: "- ", count: 500_000)) }
        #expect(throws: DocumentError.self) { try document(String(repeating: "{a: ", count: 100_000)) }
        let nested = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(try document(nested).isSequence)
    }

    @Test("a complaint repeats at most 64 characters of what it found")
    func shortComplaints() throws {
        let long = String(repeating: "x", count: 10_000)
        let field = try #require(try document("f: \(long)").members(["f"])["f"])
        for complaint in [
            error { _ = try field.integer() }, error { _ = try field.bool() }, error { _ = try field.duration(in: .zero ... .seconds(1)) },
            error { _ = try field.bytes(in: 0...1) },
        ] {
            #expect((complaint?.message.count ?? 999) < 250)
        }
    }

    private func document(_ text: String) throws(DocumentError) -> StrictDocument { try StrictDocument(parsing: text, source: "policy.yaml") }

    private func error(_ body: () throws -> Void) -> DocumentError? {
        do { try body() } catch { return error as? DocumentError }
        return nil
    }
}
