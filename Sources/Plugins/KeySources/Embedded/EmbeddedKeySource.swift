package import KeyCore
package import Primitives

/// The key source of this process: material lies sealed in the database, comes into locked memory, and works there.
///
/// Wraps with XAES-256-GCM, whose 192-bit random nonces let one key wrap without a practical limit (C2SP XAES-256-GCM).
package struct EmbeddedKeySource: KeySource {
    package let id = KeySourceID.embedded
    package let isLocal = true
    package let wrapAlgorithm = WrapAlgorithm.xaes256GCM
    package let kind = "embedded"
    package let keepsMaterial = true

    /// There is one of it in a process.
    package init() {}

    package func generate(_ algorithm: KeyAlgorithm) async throws(KeySourceError) -> SecretBytes {
        do {
            guard algorithm.keyType != nil else { return try KeyMaterial.generate(algorithm) }
            // Primes are looked for up to seconds: not on a thread that others wait for.
            return try await Offload.run { SharedSecret(try KeyMaterial.generate(algorithm)) }.bytes.copy()
        } catch { throw .unavailable("\(error)") }
    }

    package func wrap(
        _ plaintext: borrowing SecretBytes, with material: SharedSecret, associatedData: [UInt8]
    ) async throws(KeySourceError) -> [UInt8] {
        do {
            return try XAES256GCM.seal(plaintext, key: material.bytes, aad: associatedData)
        } catch { throw KeySourceError(error) }
    }

    package func unwrap(
        _ box: ArraySlice<UInt8>, algorithm: WrapAlgorithm, with material: SharedSecret, associatedData: [UInt8]
    ) async throws(KeySourceError) -> SecretBytes {
        guard algorithm == wrapAlgorithm else { throw .malformed }
        do {
            return try XAES256GCM.open(box, key: material.bytes, aad: associatedData)
        } catch { throw KeySourceError(error) }
    }
}

extension KeySourceError {
    fileprivate init(_ error: AEADError) {
        self = switch error {
        case .malformed: .malformed
        case .unauthentic: .unauthentic
        case .library(let error): .unavailable("\(error)")
        }
    }
}
