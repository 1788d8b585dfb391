import Testing

@testable import Primitives

@Suite("Hexadecimal and UUIDs") struct HexTests {
    @Test("writes lower case, reads both")
    func hex() {
        #expect(Hex.string([0x00, 0x0F, 0xA5, 0xFF]) == "000fa5ff")
        #expect(Hex.decode("000fA5fF") == [0x00, 0x0F, 0xA5, 0xFF])
        #expect(Hex.decode("") == [])
        #expect(Hex.decode(Hex.string(UInt8.min...UInt8.max)) == Array(UInt8.min...UInt8.max))
    }

    @Test("refuses what is not an even number of digits", arguments: ["0", "000", "0g", "g0", " 00", "0x00", "00\n", "٠٠", "-1", "+1"])
    func refusals(text: String) {
        #expect(Hex.decode(text) == nil)
        #expect(isRefused(text.hasSuffix("\n") ? text + "\n" : text))
    }

    private func isRefused(_ text: String) -> Bool {
        switch Hex.decodeSecret(SecretBytes(copying: text.utf8)) {
        case .none: true
        case .some: false
        }
    }

    @Test("digits of a secret come and go without leaving locked memory; one line end may follow", arguments: ["", "\n", "\r\n"])
    func secrets(end: String) throws {
        let bytes = Array(UInt8.min...UInt8.max)
        let digits = Hex.encodeSecret(SecretBytes(copying: bytes))
        #expect(digits.exposedCopy() == Array(Hex.string(bytes).utf8))
        switch Hex.decodeSecret(SecretBytes(copying: digits.exposedCopy() + Array(end.utf8))) {
        case .none: Issue.record("refused")
        case .some(let secret): #expect(secret.exposedCopy() == bytes)
        }
    }

    @Test("a UUID has one text: lower case with hyphens (RFC 9562, 4)")
    func uuid() throws {
        let text = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
        let uuid = try #require(UUIDBytes(text))
        #expect(uuid.description == text)
        #expect(uuid.array == Hex.decode("f81d4fae7dec11d0a76500a0c91e6bf6"))
        #expect(UUIDBytes(uuid.array) == uuid)
        #expect(UUIDBytes([UInt8](repeating: 1, count: 17)[...].dropFirst()) == UUIDBytes([UInt8](repeating: 1, count: 16)))
    }

    @Test("no UUID is", arguments: [
        "", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "f81d4fae7dec11d0a76500a0c91e6bf6", "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf", "f81d4fae-7dec-11d0-a765-00a0c91e6bf66", "f81d4fa-e7dec-11d0-a765-00a0c91e6bf6",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bfg", "f81d4fae-7dec-11d0-a765--0a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf\u{e9}",
    ])
    func notUUIDs(text: String) { #expect(UUIDBytes(text) == nil) }

    @Test("no UUID is of another size than 16 bytes", arguments: [0, 15, 17])
    func sizes(count: Int) { #expect(UUIDBytes([UInt8](repeating: 0, count: count)) == nil) }

    @Test("random UUIDs are of version 4 and variant 10, and differ (RFC 9562, 5.4)")
    func random() throws {
        var seen: Set<UUIDBytes> = []
        for _ in 0..<500 {
            let uuid = try UUIDBytes.random()
            #expect(uuid.array[6] >> 4 == 4)
            #expect(uuid.array[8] >> 6 == 2)
            seen.insert(uuid)
        }
        #expect(seen.count == 500)
    }
}
