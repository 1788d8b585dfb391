import Primitives
import Testing

@Suite("AES key wrap") struct AESKeyWrapTests {
    struct Case: Sendable {
        let mode: AESKeyWrap.Mode
        let kek: String
        let key: String
        let wrapped: String
    }

    static let published: [Case] = [
        // RFC 3394, 4.1, 4.2 and 4.6
        Case(
            mode: .kw, kek: "000102030405060708090a0b0c0d0e0f", key: "00112233445566778899aabbccddeeff",
            wrapped: "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
        Case(
            mode: .kw, kek: "000102030405060708090a0b0c0d0e0f1011121314151617", key: "00112233445566778899aabbccddeeff",
            wrapped: "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"),
        Case(
            mode: .kw, kek: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            key: "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
            wrapped: "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"),
        // RFC 5649, 6
        Case(
            mode: .kwp, kek: "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
            key: "c37b7e6492584340bed12207808941155068f738",
            wrapped: "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"),
        Case(
            mode: .kwp, kek: "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", key: "466f7250617369",
            wrapped: "afbeb0f07dfbf5419200f2ccb50bb24f"),
    ]

    @Test("wraps and unwraps the vectors of RFC 3394 and RFC 5649", arguments: published)
    func vectors(vector: Case) throws {
        let kek = Vector.secret(vector.kek)
        #expect(Vector.hex(try AESKeyWrap.wrap(Vector.secret(vector.key), under: kek, mode: vector.mode)) == vector.wrapped)
        let unwrapped = try AESKeyWrap.unwrap(Vector.bytes(vector.wrapped), under: kek, mode: vector.mode).exposedCopy()
        #expect(Vector.hex(unwrapped) == vector.key)
    }

    @Test("refuses a wrapped key with any one bit changed, and another KEK", arguments: published)
    func tampered(vector: Case) throws {
        let wrapped = Vector.bytes(vector.wrapped)
        for bit in 0..<wrapped.count * 8 {
            var changed = wrapped
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: AEADError.unauthentic) {
                _ = try AESKeyWrap.unwrap(changed, under: Vector.secret(vector.kek), mode: vector.mode).count
            }
        }
        #expect(throws: AEADError.unauthentic) {
            _ = try AESKeyWrap.unwrap(wrapped, under: SecretBytes(copying: [UInt8](0..<16)).reversed(), mode: vector.mode).count
        }
    }

    @Test("keeps every size from 1 byte with padding, and only whole blocks without")
    func sizes() throws {
        let kek = SecretBytes(copying: [UInt8](0..<32))
        for count in 0...80 {
            let key = [UInt8](repeating: 7, count: count)
            let wrap = { (mode: AESKeyWrap.Mode) throws(AEADError) in
                try AESKeyWrap.wrap(SecretBytes(copying: key), under: SecretBytes(copying: [UInt8](0..<32)), mode: mode)
            }
            if count == 0 {
                #expect(throws: AEADError.malformed) { try wrap(.kwp) }
            } else {
                #expect(try AESKeyWrap.unwrap(wrap(.kwp), under: kek, mode: .kwp).exposedCopy() == key)
            }
            if count >= 16, count % 8 == 0 {
                #expect(try AESKeyWrap.unwrap(wrap(.kw), under: kek, mode: .kw).exposedCopy() == key)
            } else {
                #expect(throws: AEADError.malformed) { try wrap(.kw) }
            }
        }
    }

    @Test("calls KEKs and wrapped keys of a wrong size malformed")
    func malformed() {
        for count in [0, 15, 17, 31, 33] {
            #expect(throws: AEADError.malformed) {
                try AESKeyWrap.wrap(
                    SecretBytes(copying: [UInt8](0..<16)), under: SecretBytes(copying: [UInt8](repeating: 0, count: count)), mode: .kw)
            }
        }
        for (count, mode) in [(0, AESKeyWrap.Mode.kw), (16, .kw), (23, .kw), (25, .kw), (8, .kwp), (15, .kwp), (17, .kwp)] {
            #expect(throws: AEADError.malformed) {
                _ = try AESKeyWrap.unwrap(
                    [UInt8](repeating: 0, count: count), under: SecretBytes(copying: [UInt8](0..<16)), mode: mode).count
            }
        }
    }
}

extension SecretBytes {
    /// Another key of the same size.
    fileprivate borrowing func reversed() -> SecretBytes { SecretBytes(copying: exposedCopy().reversed()) }
}
