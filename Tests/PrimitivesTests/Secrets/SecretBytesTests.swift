import Testing

@testable import Primitives

@Suite("Secret bytes") struct SecretBytesTests {
    @Test("holds what it was given, whatever kind of sequence that came in", arguments: [0, 1, 31, 32, 33, 4096])
    func copies(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        #expect(SecretBytes(copying: bytes).exposedCopy() == bytes)
        #expect(SecretBytes(copying: ([9] + bytes + [9]).dropFirst().dropLast()).exposedCopy() == bytes)
        #expect(SecretBytes(copying: bytes.lazy.map { $0 }).exposedCopy() == bytes)
        #expect(SecretBytes(copying: sequence(first: 0) { $0 + 1 }.prefix(count).lazy.map { UInt8(truncatingIfNeeded: $0) }).exposedCopy() == bytes)
        #expect(SecretBytes(copying: bytes).count == count)
        #expect(SecretBytes(copying: "text".utf8).exposedCopy() == Array("text".utf8))
    }

    @Test("lends a span of its size")
    func span() {
        let secret = SecretBytes(copying: [1, 2, 3] as [UInt8])
        #expect(secret.withSpan { $0.count } == 3)
        #expect(secret.withSpan { span in (0..<span.count).map { span[$0] } } == [1, 2, 3])
        #expect(SecretBytes(copying: []).withSpan { $0.count } == 0)
    }

    @Test("copies and slices have their own memory")
    func copiesAndSlices() {
        let secret = SecretBytes(copying: Array("0123456789".utf8))
        let copy = secret.copy(), middle = secret.slice(3..<7)
        #expect(copy.exposedCopy() == Array("0123456789".utf8))
        #expect(middle.exposedCopy() == Array("3456".utf8))
        #expect(secret.slice(0..<0).count == 0)
        #expect(secret.slice(10..<10).count == 0)
        let whole = secret.slice(0..<10).isEqual(to: secret)
        #expect(whole)
        #expect(address(secret) != address(copy))
        #expect(address(secret) != address(middle))
    }

    @Test("a slice outside of the bytes ends the process")
    func outOfBounds() async {
        await #expect(processExitsWith: .failure) { _ = SecretBytes(copying: [1, 2, 3] as [UInt8]).slice(2..<4) }
        await #expect(processExitsWith: .failure) { _ = SecretBytes(copying: [1, 2, 3] as [UInt8]).slice(-1..<2) }
    }

    @Test("is equal to the same bytes only", arguments: [
        ("", "", true), ("a", "a", true), ("a", "b", false), ("a", "", false), ("a", "aa", false), ("abc", "abd", false), ("abc", "bbc", false),
    ])
    func equality(a: String, b: String, isEqual: Bool) {
        #expect(SecretBytes(copying: a.utf8).isEqual(to: SecretBytes(copying: b.utf8)) == isEqual)
        #expect(ConstantTime.isEqual(Array(a.utf8), Array(b.utf8)) == isEqual)
    }

    @Test("random secrets have their size and differ", arguments: [0, 1, 32, 64, 200_000])
    func random(count: Int) throws {
        let a = try SecretBytes(randomCount: count), b = try SecretBytes(randomCount: count)
        #expect(a.count == count)
        if count >= 32 {
            let isEqual = a.isEqual(to: b)
            #expect(!isEqual)
            #expect(Set(a.exposedCopy()).count > 8)
        }
    }

    @Test("fill that throws leaves nothing behind")
    func throwing() {
        struct Refused: Error {}
        #expect(throws: Refused.self) {
            _ = try SecretBytes(count: 16) { buffer throws(Refused) in
                buffer.update(repeating: 7)
                throw Refused()
            }
        }
    }

    @Test("wipe empties an array and zeroes its memory")
    func wipe() {
        var array = [UInt8](repeating: 7, count: 100)
        array.wipe()
        #expect(array.isEmpty)
        var empty: [UInt8] = []
        empty.wipe()
        #expect(empty.isEmpty)
    }

    @Test("a shared secret is one secret")
    func shared() {
        let shared = SharedSecret(SecretBytes(copying: [1, 2] as [UInt8]))
        let other = shared
        #expect(address(shared.bytes) == address(other.bytes))
    }

    @Test("without trailing newline: one line end less, LF or CR LF", arguments: [
        ("a\n", "a"), ("a\r\n", "a"), ("a", "a"), ("a\n\n", "a\n"), ("\n", ""), ("\r\n", ""), ("", ""), ("a\r", "a\r"), ("a\n\r", "a\n\r"), (" a \n", " a "),
    ])
    func trailingNewline(text: String, expected: String) {
        #expect(SecretBytes(copying: text.utf8).withoutTrailingNewline().exposedCopy() == Array(expected.utf8))
    }
}

/// Where a secret's bytes are.
func address(_ secret: borrowing SecretBytes) -> UInt { secret.withPointer { UInt(bitPattern: $0) } }
