import Testing

@testable import Primitives

@Suite("JWK") struct JWKTests {
    /// RFC 7638, 3.1.
    static let modulus =
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W"
        + "-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08q"
        + "NLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"

    @Test("reads, writes and names RFC 7638's example")
    func thumbprint() throws {
        let jwk = JWK.rsa(n: JWKTests.modulus, e: "AQAB")
        #expect(jwk.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        let key = try PublicKey(jwk: jwk)
        #expect(key.type == .rsa(bits: 2048))
        #expect(try key.jwk() == jwk)
        #expect(jwk.members.map(\.name) == ["kty", "n", "e"])
    }

    @Test("finds its members by name, and refuses incomplete, foreign and private keys")
    func members() throws {
        let read = { (object: [String: String]) throws(KeyImportError) in try JWK { object[$0] } }
        #expect(try read(["kty": "RSA", "n": "AQ", "e": "AQAB", "kid": "1"]) == .rsa(n: "AQ", e: "AQAB"))
        #expect(try read(["kty": "EC", "crv": "P-256", "x": "AQ", "y": "Ag"]) == .ec(crv: "P-256", x: "AQ", y: "Ag"))
        let refused: [[String: String]] = [
            [:], ["kty": "RSA", "n": "AQ"], ["kty": "EC", "crv": "P-256", "x": "AQ"], ["kty": "oct", "k": "AQ"],
            ["kty": "rsa", "n": "AQ", "e": "AQAB"], ["kty": "RSA", "n": "AQ", "e": "AQAB", "d": "AQ"],
        ]
        for object in refused { #expect(throws: KeyImportError.self) { try read(object) } }
    }

    @Test("refuses numbers that are not canonical base64url", arguments: [
        "AQAB=", "AQAB ", "AQ+B", "AQ/B", "AQABA", "AQB", "", "AAEAAQ", "AQ\u{0}AB", "ÄQAB",
    ])
    func notCanonical(exponent: String) {
        #expect(throws: KeyImportError.malformed(
            expected: "“e” as canonical base64url of a positive number without leading zeros")
        ) {
            try PublicKey(jwk: .rsa(n: JWKTests.modulus, e: exponent))
        }
    }

    @Test("refuses coordinates that are not of the curve's full size")
    func coordinates() throws {
        let x = JWKText.encode([UInt8](repeating: 1, count: 31))
        #expect(throws: KeyImportError.malformed(expected: "“x” as canonical base64url of 32 bytes")) {
            try PublicKey(jwk: .ec(crv: "P-256", x: x, y: x))
        }
    }

    @Test("base64url keeps every length, and accepts no second spelling")
    func base64url() {
        for count in 0...70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + 250) }
            #expect(JWKText.decode(JWKText.encode(bytes)) == bytes)
        }
        #expect(JWKText.encode([0xFB, 0xFF]) == "-_8")
        #expect(JWKText.decode("-_9") == nil && JWKText.decode("-_8=") == nil && JWKText.decode("A") == nil)
    }
}
