import Primitives
import TestSupport
import Testing

@testable import KeyCore

@Suite("Nonces") struct KeyNonceTests {
    private struct Nonce: Hashable, Comparable {
        let high: UInt64, middle: UInt64, low: UInt64
        init(_ box: [UInt8], at start: Int) {
            func word(_ at: Int) -> UInt64 {
                var word: UInt64 = 0
                for index in at..<at + 8 { word = word << 8 | UInt64(box[index]) }
                return word
            }
            (high, middle, low) = (word(start), word(start + 8), word(start + 16))
        }
        static func < (a: Nonce, b: Nonce) -> Bool { (a.high, a.middle, a.low) < (b.high, b.middle, b.low) }
    }

    /// N50 asks for 10^7. The nonces are 192 random bits of the kernel-seeded generator, so a repetition among n has the probability
    /// n² / 2^193: at neither size would chance show one, and what a test can find, a stock handed out twice or a generator that starts
    /// the same again, shows among the first thousands. 10^6 take half a minute less than 10^7 would in an unoptimised build.
    @Test("N50 no nonce repeats in 10^6 seals of one key over four tasks, the database closed and opened again in between")
    func repetition() async throws {
        let first = try KeyDatabase()
        let id = try await first.keys.create(name: "k", purpose: .wrap, algorithm: .aes256, source: FakeKeySource()).id
        var nonces = try await Self.seal(id, first)
        try first.database.close()
        let second = try KeyDatabase(sharing: first)
        nonces += try await Self.seal(id, second)
        nonces.sort()
        let repetitions = zip(nonces, nonces.dropFirst()).count { $0 == $1 }
        #expect(nonces.count == 1_000_000)
        #expect(repetitions == 0)
    }

    private static func seal(_ id: KeyID, _ database: KeyDatabase) async throws -> [Nonce] {
        let material = try #require(try await database.keys.load(id)?.material(1))
        return try await withThrowingTaskGroup(of: [Nonce].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let secret = SecretBytes(copying: [1])
                    var nonces: [Nonce] = []
                    nonces.reserveCapacity(125_000)
                    for number in 0..<125_000 {
                        nonces.append(Nonce(try XAES256GCM.seal(secret, key: material.bytes, aad: []), at: 0))
                        if number.isMultiple(of: 500) { await Task.yield() }
                    }
                    return nonces
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    @Test("N50 sealed rows, too, never share a nonce")
    func sealedRows() throws {
        let sealer = DataSealer(key: SharedSecret(try SecretBytes(randomCount: 32)))
        let place = SealedLocation(table: "t", row: "r", column: "c")
        var nonces: Set<Nonce> = []
        for _ in 0..<20_000 { nonces.insert(Nonce(try sealer.seal(SecretBytes(copying: [1]), at: place), at: 1)) }
        #expect(nonces.count == 20_000)
    }
}
