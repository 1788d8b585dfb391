import Foundation
import Primitives

/// Operations per second of the hot primitives on one thread and on two: OpenSSL 3.0 loses its scaling where algorithms are fetched or
/// contexts made anew for each operation (N48: at least 1.7 times on two cores).
@main
enum CryptoBench {
    static func main() throws {
        let privateKey = try PrivateKey.generate(.rsa(bits: 2048))
        let key = try VerificationKey(privateKey.publicKey, algorithm: .rs256)
        let message = Array("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2FjY291bnRzLmdvb2dsZS5jb20ifQ".utf8)
        let signature = try privateKey.sign(message, with: .rsaPKCS1(.sha256))
        report("RS256 verification") { _ = key.verify(signature: signature, over: message) }
        let kek = SharedSecret(try SecretBytes(randomCount: 32))
        let dek = SharedSecret(try SecretBytes(randomCount: 32))
        let aad = [UInt8](repeating: 7, count: 64)
        let box = try XAES256GCM.seal(dek.bytes, key: kek.bytes, aad: aad)
        report("XAES-256-GCM open") { _ = try? XAES256GCM.open(box, key: kek.bytes, aad: aad) }
        let gcm = try AES256GCM.seal(dek.bytes, key: kek.bytes, aad: aad)
        report("AES-256-GCM open") { _ = try? AES256GCM.open(gcm, key: kek.bytes, aad: aad) }
    }

    private static func report(_ name: String, _ operation: @escaping @Sendable () -> Void) {
        let one = rate(threads: 1, operation)
        let two = rate(threads: 2, operation)
        let padded = name.padding(toLength: 28, withPad: " ", startingAt: 0)
        print("\(padded)\(Int(one)) /s on one thread (\(Int(1e9 / one)) ns), \(Int(two)) /s on two: \(Int(two / one * 100)) %")
    }

    private static func rate(threads: Int, _ operation: @escaping @Sendable () -> Void) -> Double {
        let group = DispatchGroup()
        let start = MonotonicClock.nanoseconds
        let end = start + 1_000_000_000
        let counts = Counts(threads)
        for index in 0..<threads {
            let thread = Thread {
                var count = 0
                while MonotonicClock.nanoseconds < end {
                    for _ in 0..<64 { operation() }
                    count += 64
                }
                counts.set(index, count)
                group.leave()
            }
            group.enter()
            thread.start()
        }
        group.wait()
        return Double(counts.sum) / (Double(MonotonicClock.nanoseconds - start) / 1e9)
    }

    private final class Counts: @unchecked Sendable {  // guarded by `lock`
        private let lock = NSLock()
        private var counts: [Int]
        init(_ count: Int) { counts = Array(repeating: 0, count: count) }
        func set(_ index: Int, _ value: Int) { lock.withLock { counts[index] = value } }
        var sum: Int { lock.withLock { counts.reduce(0, +) } }
    }
}
