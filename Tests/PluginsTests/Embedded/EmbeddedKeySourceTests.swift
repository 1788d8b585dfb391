import KeyCore
import Plugins
import Testing

@testable import Primitives

@Suite("Embedded key source") struct EmbeddedKeySourceTests {
    private let source = EmbeddedKeySource()

    @Test("makes 32 bytes for AES-256, and a private key in PKCS#8 for every other algorithm, each time others")
    func generate() async throws {
        let a = try await source.generate(.aes256)
        let b = try await source.generate(.aes256)
        #expect(a.count == 32 && b.count == 32 && !a.isEqual(to: b))
        for algorithm in KeyAlgorithm.allCases where algorithm != .aes256 {
            let one = try await source.generate(algorithm), other = try await source.generate(algorithm)
            _ = try PrivateKey(pkcs8DER: one)
            let isSame = one.isEqual(to: other)
            #expect(!isSame)
        }
    }

    @Test("unwraps what it wrapped, of any length, 40 bytes longer", arguments: [0, 1, 16, 32, 33, 4096, 100_000])
    func roundTrip(length: Int) async throws {
        let material = SharedSecret(try await source.generate(.aes256))
        let dek = [UInt8](repeating: 0x5A, count: length)
        let box = try await source.wrap(SecretBytes(copying: dek), with: material, associatedData: [1, 2])
        #expect(box.count == length + 40)
        let back = try await source.unwrap(box[...], algorithm: .xaes256GCM, with: material, associatedData: [1, 2])
        #expect(back.exposedCopy() == dek)
        let shifted = [9, 9] + box + [9]
        #expect(try await source.unwrap(shifted[2..<shifted.count - 1], algorithm: .xaes256GCM, with: material, associatedData: [1, 2]).count == length)
    }

    @Test("gives nothing for another key, other associated data, a changed bit, a cut, or another algorithm")
    func refuses() async throws {
        let material = SharedSecret(try await source.generate(.aes256)), other = SharedSecret(try await source.generate(.aes256))
        let box = try await source.wrap(SecretBytes(copying: [1, 2, 3]), with: material, associatedData: [7])
        await #expect(throws: KeySourceError.unauthentic) { _ = try await source.unwrap(box[...], algorithm: .xaes256GCM, with: other, associatedData: [7]).count }
        for aad in [[], [8], [7, 0]] as [[UInt8]] {
            await #expect(throws: KeySourceError.unauthentic) { _ = try await source.unwrap(box[...], algorithm: .xaes256GCM, with: material, associatedData: aad).count }
        }
        for index in box.indices {
            var changed = box
            changed[index] ^= 1
            await #expect(throws: KeySourceError.unauthentic) { _ = try await source.unwrap(changed[...], algorithm: .xaes256GCM, with: material, associatedData: [7]).count }
        }
        for count in 0..<box.count {
            await #expect(throws: KeySourceError.self) { _ = try await source.unwrap(box[..<count], algorithm: .xaes256GCM, with: material, associatedData: [7]).count }
        }
        await #expect(throws: KeySourceError.malformed) { _ = try await source.unwrap(box[...], algorithm: .aes256GCM, with: material, associatedData: [7]).count }
    }

    @Test("no nonce comes twice in 20,000 wraps of one key")
    func nonces() async throws {
        let material = SharedSecret(try await source.generate(.aes256))
        var seen = Set<[UInt8]>()
        for _ in 0..<20_000 {
            let box = try await source.wrap(SecretBytes(copying: [1]), with: material, associatedData: [])
            #expect(seen.insert(Array(box.prefix(24))).inserted)
        }
    }
}
