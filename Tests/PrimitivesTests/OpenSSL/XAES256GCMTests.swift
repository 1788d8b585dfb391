import Testing

@testable import Primitives

@Suite("XAES-256-GCM") struct XAES256GCMTests {
    @Test("seals the vectors of the C2SP specification, with both values of the subkey's first bit", arguments: [
        (UInt8(1), "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (UInt8(3), "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ])
    func published(keyByte: UInt8, aad: String, expected: String) throws {
        let key = [UInt8](repeating: keyByte, count: 32)
        let nonce = Array("ABCDEFGHIJKLMNOPQRSTUVWX".utf8)
        let plaintext = Array("XAES-256-GCM".utf8)
        let box = try AEADUnderTest.xaes.seal(plaintext, key, Array(aad.utf8), nonce)
        #expect(box == nonce + Vector.bytes(expected))
        #expect(try AEADUnderTest.xaes.open(box, key, Array(aad.utf8)) == plaintext)
    }

    @Test("passes the specification's accumulated test of 10 000 random inputs")
    func accumulated() throws {
        var input = SHAKE128()
        var output = SHAKE128()
        for _ in 0..<10_000 {
            let key = input.squeeze(32)
            let nonce = input.squeeze(24)
            let plaintext = input.squeeze(Int(input.squeeze(1)[0]))
            let aad = input.squeeze(Int(input.squeeze(1)[0]))
            let box = try AEADUnderTest.xaes.seal(plaintext, key, aad, nonce)
            let opened = try AEADUnderTest.xaes.open(box, key, aad)
            guard opened == plaintext else {
                Issue.record("a box does not open to what was sealed")
                return
            }
            output.absorb(Array(box.dropFirst(24)))
        }
        #expect(Vector.hex(output.squeeze(32)) == "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939")
    }

    @Test("the SHAKE-128 of these tests gives FIPS 202's digest of the empty string")
    func shake() {
        var shake = SHAKE128()
        #expect(Vector.hex(shake.squeeze(32)) == "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
    }
}
