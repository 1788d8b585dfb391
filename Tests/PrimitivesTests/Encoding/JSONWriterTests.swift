import Testing

@testable import Primitives

@Suite("JSON writer") struct JSONWriterTests {
    @Test("writes compactly, in order")
    func document() {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("text", "t")
            writer.member("number", -5)
            writer.member("flag", true)
            writer.member("bytes", base64: [0xFB, 0xFF])
            writer.member("secret", base64: SecretBytes(copying: [0, 1, 2] as [UInt8]))
            writer.name("list")
            writer.array { writer in
                writer.null()
                writer.array { _ in }
                writer.object { _ in }
                writer.value("x")
            }
            writer.name("inner")
            writer.openObject()
            writer.member("a", 1)
            writer.closeObject()
            writer.member("last", false)
        }
        let expected = #"{"text":"t","number":-5,"flag":true,"bytes":"+/8=","secret":"AAEC","list":[null,[],{},"x"],"inner":{"a":1},"last":false}"#
        #expect(writer.string == expected)
    }

    @Test("hostile strings stay one string and come back", arguments: [
        "", "\"", "\\", "\\\"", "\",\"admin\":true,\"x\":\"", "</script>", "\u{0}\u{1}\u{1f}\u{7f}", "\n\r\t\u{8}\u{c}", "é€𝄞", "\u{2028}\u{2029}",
        "\\u0041", "e\u{301}", "\u{feff}", String(repeating: "\\", count: 999), "\r\n{\"level\":\"info\"}",
    ])
    func strings(text: String) throws {
        var writer = JSONWriter()
        writer.object { $0.member(text, text) }
        let read = try JSONValue(parsing: writer.bytes)
        #expect(read.object?.count == 1)
        #expect(read.object?.first.map { Array($0.name.utf8) } == Array(text.utf8))
        #expect(read.object?.first?.value.string.map { Array($0.utf8) } == Array(text.utf8))
        #expect(!writer.bytes.contains { $0 < 0x20 }, "one line, whatever the text")
    }

    @Test("every character up to U+00FF comes back")
    func characters() throws {
        let text = String(String.UnicodeScalarView((0...255).map { Unicode.Scalar(UInt8($0)) }))
        var writer = JSONWriter()
        writer.value(text)
        #expect(try JSONValue(parsing: writer.bytes).string == text)
    }

    @Test("numbers come back as they were; one that JSON can't write becomes null", arguments: [
        (.integer(.min), .integer(.min)), (.integer(.max), .integer(.max)), (.real(0.1), .real(0.1)), (.real(1e300), .real(1e300)), (.real(1), .real(1)),
        (.real(-.leastNonzeroMagnitude), .real(-.leastNonzeroMagnitude)), (.real(.infinity), .null), (.real(.nan), .null), (.real(-.infinity), .null),
    ] as [(JSONValue, JSONValue)])
    func numbers(value: JSONValue, expected: JSONValue) throws {
        var writer = JSONWriter()
        writer.value(value)
        #expect(try JSONValue(parsing: writer.bytes) == expected)
    }
}
