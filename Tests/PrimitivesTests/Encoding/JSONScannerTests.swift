import Testing

@testable import Primitives

@Suite("JSON scanner") struct JSONScannerTests {
    @Test("walks over a document and skips what nobody asked for")
    func walk() throws {
        var scanner = JSONScanner(Array(#" {"skip":[1,{"x":"\n"},[]],"name":"va\u006cue","list":[true,null,-1.5e2],"last":0} "#.utf8))
        var seen: [String] = []
        try scanner.beginObject()
        while let name = try scanner.nextMember() {
            if scanner.text(name, foldsTo: "name") {
                let text = try scanner.text()
                #expect(text.hasEscapes)
                #expect(Array(scanner.raw(text)) == Array(#"va\u006cue"#.utf8))
                #expect(scanner.string(text) == "value")
                seen.append("name")
            } else if scanner.text(name, foldsTo: "list") {
                try scanner.beginArray()
                #expect(try scanner.nextElement())
                #expect(try scanner.bool())
                #expect(try scanner.nextElement())
                #expect(try scanner.skipNull())
                #expect(try scanner.nextElement())
                #expect(try scanner.skipNull() == false)
                #expect(Array(try scanner.number()) == Array("-1.5e2".utf8))
                #expect(try scanner.nextElement() == false)
                seen.append("list")
            } else {
                try scanner.skipValue()
            }
        }
        try scanner.endDocument()
        #expect(seen == ["name", "list"])
    }

    @Test("says what comes next without reading it", arguments: [
        ("{", .object), ("[", .array), ("\"", .string), ("-", .number), ("7", .number), (" t", .bool), ("f", .bool), ("\nn", .null),
    ] as [(String, JSONScanner.Kind)])
    func peek(text: String, kind: JSONScanner.Kind) throws {
        var scanner = JSONScanner(Array(text.utf8))
        #expect(try scanner.peek() == kind)
        #expect(try scanner.peek() == kind)
    }

    @Test("another type than expected is told apart from what is no JSON, with its offset")
    func types() {
        func read(_ text: String, _ step: (inout JSONScanner) throws -> Void) throws {
            var scanner = JSONScanner(Array(text.utf8))
            try step(&scanner)
        }
        #expect(throws: JSONScanner.Failure.type(offset: 1)) { try read(" 1") { _ = try $0.text() } }
        #expect(throws: JSONScanner.Failure.type(offset: 0)) { try read("\"1\"") { _ = try $0.number() } }
        #expect(throws: JSONScanner.Failure.type(offset: 0)) { try read("null") { _ = try $0.bool() } }
        #expect(throws: JSONScanner.Failure.type(offset: 0)) { try read("[]") { try $0.beginObject() } }
        #expect(throws: JSONScanner.Failure.type(offset: 0)) { try read("{}") { try $0.beginArray() } }
        #expect(throws: JSONScanner.Failure.syntax(offset: 0)) { try read("x") { try $0.beginArray() } }
        #expect(throws: JSONScanner.Failure.syntax(offset: 3)) { try read("trux") { _ = try $0.bool() } }
        #expect(throws: JSONScanner.Failure.syntax(offset: 1)) {
            try read("[") { scanner in
                try scanner.beginArray()
                try scanner.endDocument()
            }
        }
    }

    @Test("a name folds to its proto3 spellings", arguments: [
        ("additional_context", true), ("additionalContext", true), ("AdditionalContext", true), ("additionalcontext", true),
        ("additional-context", false), ("additionalContex", false), ("additionalContextX", false), ("", false), (#"\u0061dditionalContext"#, false),
    ])
    func folding(name: String, folds: Bool) throws {
        var scanner = JSONScanner(Array("\"\(name)\"".utf8))
        let text = try scanner.text()
        #expect(scanner.text(text, foldsTo: "additionalcontext") == folds)
    }

    static let seeds = [
        #"{"iss":"https://example.test","aud":["a","b"],"exp":1764000000,"n":-0.5e-3,"u":"\u00e9\ud83d\ude00"}"#,
        #"[[],{},[{"a":[true,false,null]}],"\\\"\/",0,1e5,-1,"é€𝄞"]"#,
        #" { "plaintext" : "AAECAwQFBgc=" , "additional_context" : { "relativeResourceName" : "projects/p" } } "#,
    ]

    @Test("50 000 damaged documents: no crash, reader and skipper agree, and what is read is written and read again the same", arguments: seeds)
    func fuzz(seed: String) throws {
        var random = SeededGenerator(seed: 8259)
        let alphabet = Array("{}[]\",:\\/ue+-.0123456789truefalsn \n\u{0}".utf8) + [0x80, 0xC3, 0xED, 0xFF]
        var accepted = 0
        for _ in 0..<(50_000 / Self.seeds.count + 1) {
            var bytes = Array(seed.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) { damage(&bytes, alphabet, &random) }
            let isSkipped = isSkippable(bytes)
            do {
                let value = try JSONValue(parsing: bytes)
                accepted += 1
                #expect(isSkipped, "\(bytes)")
                var writer = JSONWriter()
                writer.value(value)
                #expect(try JSONValue(parsing: writer.bytes) == value, "\(bytes)")
            } catch .malformed {
                #expect(!isSkipped, "\(bytes)")
            } catch {}  // what only the reader refuses: duplicates, numbers out of range
        }
        #expect(accepted > 100, "the mutations leave enough documents whole to prove something")
    }

    private func isSkippable(_ bytes: [UInt8]) -> Bool {
        var scanner = JSONScanner(bytes)
        do {
            try scanner.skipValue()
            try scanner.endDocument()
            return true
        } catch {
            return false
        }
    }

    private func damage(_ bytes: inout [UInt8], _ alphabet: [UInt8], _ random: inout SeededGenerator) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes.remove(at: place)
        case 1: bytes.insert(alphabet.randomElement(using: &random)!, at: place)
        case 2: bytes[place] = alphabet.randomElement(using: &random)!
        case 3: bytes.removeSubrange(place..<min(bytes.count, place + 8))
        default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 8)], at: place)
        }
    }
}
