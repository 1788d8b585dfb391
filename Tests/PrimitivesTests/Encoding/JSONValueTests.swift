import Testing

@testable import Primitives

@Suite("JSON documents") struct JSONValueTests {
    @Test("accepts", arguments: [
        ("null", .null), (" true ", .bool(true)), ("\t\r\nfalse\n", .bool(false)), ("0", .integer(0)), ("-0", .integer(0)),
        ("\"\"", .string("")), ("[]", .array([])), ("[ ]", .array([])), ("{}", .object([])), ("{ }", .object([])),
        ("[1,2 , 3]", .array([.integer(1), .integer(2), .integer(3)])), ("[[],{}]", .array([.array([]), .object([])])),
        ("{\"a\":{\"b\":[null]}}", .object([("a", .object([("b", .array([.null]))]))])), ("{\"\":0}", .object([("", .integer(0))])),
        ("0.5", .real(0.5)), ("-1.5e3", .real(-1500)), ("1E+2", .real(100)), ("1e-2", .real(0.01)), ("0e1", .real(0)), ("1.0", .real(1)),
        (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{c}\n\r\t")), (#""\u00e9\u20AC""#, .string("é€")),
        (#""\uD834\uDD1E""#, .string("𝄞")), (#""\u0000""#, .string("\0")), ("\"é€𝄞\u{7f}\"", .string("é€𝄞\u{7f}")),
        (#"{"\u0061":1}"#, .object([("a", .integer(1))])), (#"{"a":1,"A":2}"#, .object([("a", .integer(1)), ("A", .integer(2))])),
        (#""\ud83d\ude00x\uffff""#, .string("😀x\u{ffff}")),
    ] as [(String, JSONValue)])
    func accepts(text: String, value: JSONValue) throws { #expect(try parse(text) == value) }

    @Test("reads numbers at the edges of 64 bits", arguments: [
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .real(9.223372036854775808e18)), ("-9223372036854775809", .real(-9.223372036854775808e18)),
        ("1.7976931348623157e308", .real(.greatestFiniteMagnitude)), ("5e-324", .real(.leastNonzeroMagnitude)), ("9007199254740993", .integer(9007199254740993)),
    ] as [(String, JSONValue)])
    func numbers(text: String, value: JSONValue) throws { #expect(try parse(text) == value) }

    @Test("refuses a number that nothing holds", arguments: ["1e309", "-1e309", "1e999999999999"])
    func hugeNumbers(text: String) { #expect(throws: JSONValue.Failure.number) { try parse(text) } }

    @Test("refuses as malformed", arguments: [
        // truncated
        "", " ", "[", "{", "[1", "[1,", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "\"", "\"a", "\"\\", "\"\\u12", "tru", "nul", "fals", "-", "1.", "1e", "1e+",
        // commas and colons
        "[1,]", "[,1]", "[,]", "[1,,2]", "{\"a\":1,}", "{,\"a\":1}", "{,}", "{\"a\":1,,\"b\":2}", "[1 2]", "{\"a\" 1}", "{\"a\"::1}", "{\"a\":}",
        "{\"a\":1 \"b\":2}", "[1:2]", "{\"a\",1}", "[\"a\":1]",
        // brackets
        "[1}", "{\"a\":1]", "]", "}", "[[]", "[]]", "{}}", "[{]}",
        // numbers
        "01", "-01", "00", "+1", ".5", "-.5", "1.e1", "0x10", "1_000", "1e1.5", "--1", "NaN", "Infinity", "-Infinity", "1a", "- 1", "1,5", "٣",
        // words and names
        "True", "NULL", "nullx", "undefined", "{a:1}", "{'a':1}", "{1:1}", "{null:1}", "{[]:1}", "'a'", "\"a\"\"b\"",
        // strings
        "\"\u{0}\"", "\"\n\"", "\"\t\"", "\"\u{1f}\"", "[\"\u{1b}\"]", "{\"\n\":1}",
        // trailing bytes and what isn't space
        "1 2", "{} {}", "[] x", "null,", "1\u{0}", "\u{feff}1", "\u{a0}1", "1\u{c}", "\u{b}1", "// c\n1", "1 /* c */", "[1]//",
    ])
    func malformed(text: String) {
        #expect { try parse(text) } throws: { if case .malformed = $0 as? JSONValue.Failure { true } else { false } }
    }

    @Test("refuses strings with invalid escapes, lone surrogates or invalid UTF-8", arguments: [
        #""\a""#, #""\'""#, #""\U0041""#, #""\x41""#, #""\u""#, #""\u12""#, #""\u123g""#, #""\u+123""#, #""\u 123""#, "\"\\\n\"", "\"\\\u{e9}\"",
        #""\uD834""#, #""\uDD1E""#, #""\uDD1E\uD834""#, #""\uD834\uD834""#, #""\uD834x""#, #""\uD834\n""#, #""\uD834\u0041""#, #""\ud800\udbff""#,
    ].map { Array($0.utf8) } + [
        [0x80], [0xC3], [0xC3, 0x28], [0xC0, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFF],
        [0xC3, 0x5C, 0x75, 0x30, 0x30, 0x41, 0x39],
    ].map { [0x22] + $0 + [0x22] })
    func texts(bytes: [UInt8]) {
        #expect(throws: JSONValue.Failure.text) { try JSONValue(parsing: bytes) }
        #expect(throws: JSONScanner.Failure.self, "a scanner that skips the value") { try skip(bytes) }
        let asName = [0x7B] + bytes + Array(":1}".utf8)
        #expect(throws: JSONValue.Failure.self, "as a name") { try JSONValue(parsing: asName) }
        #expect(throws: JSONScanner.Failure.self, "as a name that is skipped") { try skip(asName) }
    }

    private func skip(_ bytes: [UInt8]) throws {
        var scanner = JSONScanner(bytes)
        try scanner.skipValue()
        try scanner.endDocument()
    }

    @Test("refuses a member that occurs twice, however it is written", arguments: [
        #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":null}"#, #"[{"x":{"a":1,"a":2}}]"#, #"{"a":1,"\u0061":2}"#,
    ])
    func duplicates(text: String) { #expect(throws: JSONValue.Failure.duplicate("a")) { try parse(text) } }

    @Test("takes as many levels as allowed and not one more", arguments: [("[", "]"), ("{\"a\":", "}")])
    func depth(opening: String, closing: String) throws {
        func nested(_ levels: Int) -> String { String(repeating: opening, count: levels) + "1" + String(repeating: closing, count: levels) }
        #expect(throws: Never.self) { try parse(nested(16)) }
        #expect(throws: JSONValue.Failure.malformed(.tooDeep)) { try parse(nested(17)) }
        #expect(throws: JSONValue.Failure.malformed(.tooDeep)) { try parse(String(repeating: opening, count: 1_000_000)) }
        #expect(try JSONValue(parsing: Array("[1]".utf8), maxDepth: 1) == .array([.integer(1)]))
        #expect(throws: JSONValue.Failure.malformed(.tooDeep)) { try JSONValue(parsing: Array("[1]".utf8), maxDepth: 0) }
    }

    @Test("members are found by name, equality ignores their order and nothing else")
    func access() throws {
        let value = try parse(#"{"s":"t","i":1,"b":true,"a":[1],"o":{"x":null}}"#)
        #expect(value["s"]?.string == "t")
        #expect(value["i"]?.integer == 1)
        #expect(value["b"]?.bool == true)
        #expect(value["a"]?.array == [.integer(1)])
        #expect(value["o"]?.object?.map(\.name) == ["x"])
        #expect(value["S"] == nil)
        #expect(value["s"]?["s"] == nil)
        #expect(value["s"]?.integer == nil)
        #expect(value == (try parse(#"{"o":{"x":null},"a":[1],"b":true,"i":1,"s":"t"}"#)))
        #expect(value != (try parse(#"{"o":{"x":null},"a":[1],"b":true,"i":1}"#)))
        #expect(try parse("[1,2]") != parse("[2,1]"))
        #expect(try parse("1") != parse("\"1\""))
    }

    private func parse(_ text: String) throws(JSONValue.Failure) -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }
}
