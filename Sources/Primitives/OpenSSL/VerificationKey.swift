import COpenSSL
import Synchronization

/// A public key bound to one algorithm and made ready, for the signature of every token: contexts with padding and hash set
/// are kept, so that a verification parses, looks up and allocates nothing of OpenSSL's.
///
/// Several threads verify at once: each takes a context from the pool for the time of one verification.
package final class VerificationKey: Sendable {
    /// The one algorithm it verifies.
    package let algorithm: SignatureAlgorithm
    /// The key.
    package let publicKey: PublicKey
    private let pool = Mutex<[Prepared]>([])

    /// More than so many idle contexts are freed again.
    private static let maxIdle = 16

    private struct Prepared: @unchecked Sendable {  // whoever took it from the pool is its only user
        let context: OpaquePointer  // EVP_PKEY_CTX *
    }

    /// Binds a key to an algorithm.
    /// - Throws: `.unsuitable` if key type, or curve, is not the algorithm's; `.library` if OpenSSL fails.
    package init(_ publicKey: PublicKey, algorithm: SignatureAlgorithm) throws(KeyUseError) {
        guard algorithm.fits(publicKey.type) else {
            throw .unsuitable(expected: "a key for \(algorithm.rawValue), found \(publicKey.type)")
        }
        (self.publicKey, self.algorithm) = (publicKey, algorithm)
        do { giveBack(try prepare()) } catch { throw .library(error) }
    }

    deinit {
        pool.withLock { pool in
            for prepared in pool { EVP_PKEY_CTX_free(prepared.context) }
        }
    }

    /// Whether `signature` is the key's over `data`; false also if OpenSSL can't tell.
    /// - Parameter signature: for ECDSA `r ‖ s`, as JOSE has it (RFC 7518, 3.4).
    package func verify(signature: ArraySlice<UInt8>, over data: ArraySlice<UInt8>) -> Bool {
        guard let hash = algorithm.scheme.hash, let prepared = try? take() else { return false }
        defer { giveBack(prepared) }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: hash.digestBytes) { digest in
            guard let start = digest.baseAddress else { return false }
            data.withUnsafeBufferPointer { Digest.hash($0, with: hash, into: start) }
            return signature.withUnsafeBufferPointer { signature in
                PublicKey.verify(prepared.context, signature, start, digest.count, publicKey.type, algorithm.scheme)
            }
        }
    }

    /// As `verify` of slices.
    package func verify(signature: [UInt8], over data: [UInt8]) -> Bool { verify(signature: signature[...], over: data[...]) }

    private func take() throws(OpenSSLError) -> Prepared {
        if let idle = pool.withLock({ $0.popLast() }) { return idle }
        return try prepare()
    }

    private func prepare() throws(OpenSSLError) -> Prepared {
        Prepared(context: try publicKey.verifier(for: algorithm.scheme).release())
    }

    private func giveBack(_ prepared: Prepared) {
        let isKept = pool.withLock { pool in
            guard pool.count < VerificationKey.maxIdle else { return false }
            pool.append(prepared)
            return true
        }
        if !isKept { EVP_PKEY_CTX_free(prepared.context) }
    }
}
