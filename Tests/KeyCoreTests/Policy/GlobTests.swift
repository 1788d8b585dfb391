@testable import KeyCore
import Testing

@Suite("Glob") struct GlobTests {
    @Test("matches resources", arguments: [
        ("a", "a", true), ("a", "ab", false), ("a", "", false), ("*", "", true), ("*", "abc", true), ("*", "a/b", false),
        ("**", "", true), ("**", "a/b/c", true), ("a/*", "a/b", true), ("a/*", "a/b/c", false), ("a/*", "a/", true),
        ("a/**", "a/b/c", true), ("a/**", "a", false), ("a/**", "ab/c", false), ("*/c", "b/c", true), ("*/c", "a/b/c", false),
        ("**/c", "a/b/c", true), ("a?c", "abc", true), ("a?c", "a/c", false), ("a?c", "ac", false), ("a*b*c", "aXbYc", true),
        ("a*b*c", "aXbY/c", false), ("a*b**c", "aXbY/c", true), ("**/x/*", "a/x/b/x/c", true), ("**/x/*", "a/x/b/c", false),
        ("a*a", "a", false), ("a*a", "aa", true), ("**a*a**", "bab/aba", true), ("*?*", "", false), ("*?*", "x", true),
        ("**/x*y/**", "q/xa/y/xby/z", true), ("*a/a*b", "a/a/ab", false), ("A", "a", false), ("*é", "xé", true),
        ("projects/*/locations/*/keyRings/*", "projects/p/locations/europe-west3/keyRings/r", true),
        ("projects/*/locations/*/keyRings/*", "projects/p/q/locations/europe-west3/keyRings/r", false),
    ])
    func resources(pattern: String, text: String, fits: Bool) throws {
        #expect(try Glob(pattern, separator: 0x2F, allowsDeep: true).matches(text) == fits)
    }

    @Test("agrees with the plain definition on random patterns and texts")
    func definition() throws {
        var random = SplitMix(state: 7)
        var hits = 0
        for _ in 0..<20_000 {
            let pattern = (0..<Int.random(in: 0...8, using: &random)).map { _ in ["a", "b", "/", "*", "?", "**"].randomElement(using: &random)! }.joined()
            guard let glob = try? Glob(pattern, separator: 0x2F, allowsDeep: true) else { continue }
            let text = String((0..<Int.random(in: 0...8, using: &random)).map { _ in "ab/".randomElement(using: &random)! })
            let expected = Self.fits(Array(pattern.utf8)[...], Array(text.utf8)[...])
            #expect(glob.matches(text) == expected, "\(pattern) \(text)")
            hits += expected ? 1 : 0
        }
        #expect(hits > 500)
    }

    /// The definition itself, exponential as it stands.
    private static func fits(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        guard let token = pattern.first else { return text.isEmpty }
        guard token == 0x2A else {
            guard let byte = text.first, token == byte || (token == 0x3F && byte != 0x2F) else { return false }
            return fits(pattern.dropFirst(), text.dropFirst())
        }
        let isDeep = pattern.dropFirst().first == 0x2A
        let rest = pattern.dropFirst(isDeep ? 2 : 1)
        var text = text
        while true {
            if fits(rest, text) { return true }
            guard let byte = text.first, isDeep || byte != 0x2F else { return false }
            text = text.dropFirst()
        }
    }

    @Test("agrees with itself across the borders of its machine words", arguments: [60, 61, 62, 63, 64, 65, 126, 127, 128, 191, 192, 250])
    func longPatterns(count: Int) throws {
        let literal = String(repeating: "x", count: count)
        for (pattern, good, bad) in [
            ("*\(literal)*", "aa\(literal)b", "aa\(literal.dropLast())b"), ("?\(literal)?", "a\(literal)b", "a\(literal)"),
            ("**\(literal)*", "a/\(literal)b", "a/\(literal)/b"), ("*\(literal)**", "a\(literal)/b", "/\(literal)"),
        ] {
            let glob = try Glob(pattern, separator: 0x2F, allowsDeep: true)
            #expect(glob.matches(good))
            #expect(!glob.matches(bad))
        }
    }

    @Test("takes one step for each byte on patterns that make backtracking explode")
    func pathological() throws {
        let text = String(repeating: "a", count: 100_000)
        let clock = ContinuousClock()
        for pattern in [
            String(repeating: "a*", count: 100) + "b", String(repeating: "**a", count: 60) + "b*", String(repeating: "*a?", count: 60) + "/**b",
        ] {
            let glob = try Glob(pattern, separator: 0x2F, allowsDeep: true)
            var matched = true
            let time = clock.measure { matched = glob.matches(text + "c") }
            #expect(!matched)
            #expect(time < .seconds(5))
        }
    }

    @Test("is refused with too many stars or bytes")
    func refused() {
        #expect(throws: Complaint.self) { try Glob("a***", separator: 0x2F, allowsDeep: true) }
        #expect(throws: Complaint.self) { try Glob("a**", separator: 0x40) }
        #expect(throws: Complaint.self) { try Glob(String(repeating: "a", count: 256), separator: 0x40) }
    }
}
