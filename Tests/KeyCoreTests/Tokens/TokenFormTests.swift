import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("The form of tokens") struct TokenFormTests {
    typealias F = TokenFixture
    let world: TokenFixture
    init() throws { world = try TokenFixture() }

    /// Deep, large, crowded: whatever makes a parser work.
    private func hostile() throws -> [(name: String, token: String)] {
        let claims = world.claims
        let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
        let deepObjects = String(repeating: #"{"a":"#, count: 1500) + "1" + String(repeating: "}", count: 1500)
        let crowd = (0..<900).map { #""c\#($0)":\#($0)"# }.joined(separator: ",")
        let key = F.googleKey
        let token = try world.token()
        let parts = token.split(separator: ".").map(String.init)
        return [
            ("nothing", ""), ("one segment", parts[0]), ("two segments", parts[0] + "." + parts[1]), ("four segments", token + ".AAAA"),
            ("five segments (JWE)", token + ".AAAA.AAAA"), ("only dots", ".."), ("a million dots", String(repeating: ".", count: 1 << 20)),
            ("a megabyte", parts[0] + "." + String(repeating: "A", count: 1 << 20) + "." + parts[2]),
            ("a megabyte of signature", parts[0] + "." + parts[1] + "." + String(repeating: "A", count: 1 << 20)),
            ("no header", "." + parts[1] + "." + parts[2]), ("no payload", parts[0] + ".." + parts[2]),
            ("deep arrays", try key.token(claims.with("deep", deep).json)), ("deep objects", try key.token(claims.with("deep", deepObjects).json)),
            ("a deep header", try key.token(header: key.header(more: #","x":"# + deep), claims.json)),
            ("duplicate claim", try key.token(claims.json.dropLast() + #","aud":"https://evil.example"}"#)),
            ("duplicate claim, escaped", try key.token(claims.json.dropLast() + #","\u0061ud":"https://evil.example"}"#)),
            ("duplicate claim within", try key.token(claims.with("x", #"{"a":1,"a":2}"#).json)),
            ("duplicate alg", try key.token(header: #"{"alg":"none","alg":"RS256","kid":"google-1"}"#, claims.json)),
            ("duplicate alg, escaped", try key.token(header: #"{"alg":"RS256","kid":"google-1","\u0061lg":"none"}"#, claims.json)),
            ("duplicate kid", try key.token(header: #"{"alg":"RS256","kid":"google-1","kid":"google-1"}"#, claims.json)),
            ("a crowd of duplicates", try key.token("{" + crowd + "," + crowd.prefix(60) + "}")),
            ("header no object", try key.token(header: "[]", claims.json)), ("header text", try key.token(header: #""RS256""#, claims.json)),
            ("payload array", try key.token("[\(claims.json)]")), ("payload null", try key.token("null")), ("payload empty object", try key.token("{}")),
            ("payload text", try key.token("hello")), ("two documents", try key.token(claims.json + claims.json)),
            ("junk behind", try key.token(claims.json + "x")), ("comment", try key.token("/**/" + claims.json)),
            ("trailing comma", try key.token(claims.json.dropLast() + ",}")), ("BOM", try key.token("\u{FEFF}" + claims.json)),
            ("single quotes", try key.token(claims.json.replacing("\"", with: "'"))), ("NaN", try key.token(claims.with("x", "NaN").json)),
            ("leading zero", try key.token(claims.with("x", "01").json)), ("half a surrogate", try key.token(claims.with("x", #""\ud800""#).json)),
            ("huge number", try key.token(claims.with("x", "1e999").json)), ("control character", try key.token(claims.with("x", "\"\u{1}\"").json)),
        ]
    }

    @Test("N5 every malformed token is refused, without a verification, in a few milliseconds")
    func malformed() async throws {
        for (name, token) in try hostile() {
            let bytes = Array(token.utf8)
            var best = UInt64.max
            var rejection: TokenRejection?
            for _ in 0..<5 {
                let start = MonotonicClock.nanoseconds
                rejection = await world.rejection(bytes)
                best = min(best, MonotonicClock.nanoseconds - start)
            }
            #expect(rejection?.isMalformed == true || rejection == .issuer || rejection?.isHeader == true, "\(name): \(String(describing: rejection))")
            // 5 ms is the promise of an optimised build; this one isn't.
            #expect(best < 25_000_000, "\(name): \(best) ns")
        }
        #expect(world.verifier.counts.verifications == 0)
    }

    @Test("N5 bytes that are no UTF-8 are refused in header and payload")
    func notUTF8() async throws {
        for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] {
            let payload = Array(world.claims.json.utf8.dropLast()) + Array(#","x":""#.utf8) + bytes + Array("\"}".utf8)
            let token = try F.googleKey.signed(Base64.urlEncoded(F.googleKey.header().utf8) + "." + Base64.urlEncoded(payload))
            #expect(await world.rejection(token)?.isMalformed == true)
        }
    }

    @Test("a token of the largest accepted size verifies, one byte more is refused")
    func size() async throws {
        func token(_ padding: Int) throws -> String {
            try F.googleKey.token(world.claims.with("x", "\"" + String(repeating: "y", count: padding) + "\"").json)
        }
        let bare = try token(0).utf8.count
        let padding = ((16 << 10) - bare) * 3 / 4
        var largest = padding
        while try token(largest).utf8.count > 16 << 10 { largest -= 1 }
        while try token(largest + 1).utf8.count <= 16 << 10 { largest += 1 }
        #expect(await world.rejection(try token(largest)) == nil)
        #expect(await world.rejection(try token(largest + 2)) == .malformed("larger than 16384 bytes"))
    }

    @Test("of 50,000 mutations of a valid token none verifies")
    func mutations() async throws {
        let token = Array(try world.token().utf8)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ".utf8)
        var random = SeededGenerator(seed: 2026)
        var survivors: [String] = []
        for number in 0..<50_000 {
            if number.isMultiple(of: 50) { await Task.yield() }  // the tests beside this one have deadlines
            let mutant = Self.mutate(token, alphabet, &random)
            if mutant != token, await world.rejection(mutant) == nil { survivors.append(String(decoding: mutant, as: UTF8.self)) }
        }
        #expect(survivors == [])
        #expect(await world.rejection(token) == nil)
        #expect(world.verifier.counts.cacheHits == 0)
    }

    private static func mutate(_ token: [UInt8], _ alphabet: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = token
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1, 2, 3: bytes[at] = alphabet.randomElement(using: &random) ?? 0x41
            case 4: bytes.insert(alphabet.randomElement(using: &random) ?? 0x41, at: at)
            case 5: bytes.remove(at: at)
            case 6: bytes.swapAt(at, Int.random(in: 0..<bytes.count, using: &random))
            default:
                let end = min(bytes.count, at + Int.random(in: 1...40, using: &random))
                bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0..<bytes.count, using: &random))
            }
        }
        return bytes
    }
}
