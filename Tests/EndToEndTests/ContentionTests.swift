import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("Cryptography on several threads (N48)")
    struct ContentionTests {
        @Test("RSA verification and AES-GCM give the same right answers on one thread, two, and more than there are cores", arguments: [1, 2, 8])
        func threads(count: Int) async throws {
            let signer = try PrivateKey.generate(.rsa(bits: 2048))
            let message = Array("header.payload".utf8)
            let work = ContentionWork(
                key: try VerificationKey(signer.publicKey, algorithm: .rs256), message: message,
                signature: try signer.sign(message, with: SignatureAlgorithm.rs256.scheme), secret: SharedSecret(try SecretBytes(randomCount: 32)))
            let tallies = await withTaskGroup(of: ContentionWork.Tally.self) { group in
                for thread in 0..<count {
                    group.addTask {
                        await withCheckedContinuation { continuation in
                            let run: @Sendable () -> Void = { continuation.resume(returning: work.run(rounds: 400, thread: UInt8(thread))) }
                            do { try NativeThread.start("contention", run) } catch { continuation.resume(returning: ContentionWork.Tally()) }
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(tallies.count == count)
            for tally in tallies {
                #expect(tally == ContentionWork.Tally(genuine: 400, forged: 400, opened: 400, refused: 400))
            }
        }
    }
}

/// What each thread does: one key and one secret, shared by all.
private struct ContentionWork: Sendable {
    struct Tally: Equatable, Sendable {
        var genuine = 0
        var forged = 0
        var opened = 0
        var refused = 0
    }

    let key: VerificationKey
    let message: [UInt8]
    let signature: [UInt8]
    let secret: SharedSecret

    func run(rounds: Int, thread: UInt8) -> Tally {
        var tally = Tally()
        for round in 0..<rounds {
            if key.verify(signature: signature, over: message) { tally.genuine += 1 }
            if !key.verify(signature: signature, over: message + [thread]) { tally.forged += 1 }
            let plaintext = [UInt8](repeating: thread, count: 1 + round % 64)
            guard let box = try? AES256GCM.seal(SecretBytes(copying: plaintext), key: secret.bytes, aad: [thread]) else { continue }
            if let opened = try? AES256GCM.open(box, key: secret.bytes, aad: [thread]), opened.exposedCopy() == plaintext { tally.opened += 1 }
            do { _ = try AES256GCM.open(box, key: secret.bytes, aad: [thread, 1]) } catch { tally.refused += error == .unauthentic ? 1 : 0 }
        }
        return tally
    }
}
