package import Primitives

/// How material is wrapped on its way in and out under somebody's RSA key.
package enum KeyWrapping: String, Sendable, CaseIterable {
    /// RSAES-OAEP with SHA-256 of the material itself: for AES keys (RFC 8017, 7.1).
    case rsaOAEP = "RSA-OAEP-SHA256"
    /// A fresh AES-256 key under RSAES-OAEP with SHA-256, then the material under it with AES-KWP: for material of any size
    /// (PKCS#11 3.0, 2.1.21, CKM_RSA_AES_KEY_WRAP; RFC 5649).
    case rsaAESKWP = "RSA-AES-KWP"

    /// What is taken if nobody says: the simpler one where it fits.
    package static func usual(for algorithm: KeyAlgorithm) -> KeyWrapping { algorithm == .aes256 ? .rsaOAEP : .rsaAESKWP }

    private static let oaep = OAEP(.sha256)

    /// Wraps material under a public RSA key.
    package func wrap(_ material: borrowing SecretBytes, under key: PublicKey) throws(StoreError) -> [UInt8] {
        do {
            switch self {
            case .rsaOAEP: return try key.encrypt(material, with: KeyWrapping.oaep)
            case .rsaAESKWP:
                let session = try SecretBytes(randomCount: 32)
                return try key.encrypt(session, with: KeyWrapping.oaep) + (try AESKeyWrap.wrap(material, under: session, mode: .kwp))
            }
        } catch let error as KeyUseError {
            switch error {
            case .unsuitable(let expected): throw .invalid(field: "public_key", expected: expected)
            case .malformed(let expected): throw .invalid(field: "algorithm", expected: "RSA-AES-KWP, because RSA-OAEP takes \(expected)")
            default: throw .sealing(.library("\(error)"))
            }
        } catch {
            throw .sealing(.library("\(error)"))
        }
    }

    /// What `wrap` was given; it never says why it doesn't unwrap.
    package func unwrap(_ wrapped: [UInt8], with key: PrivateKey) throws(StoreError) -> SecretBytes {
        let refusal = StoreError.invalid(
            field: "wrapped_material", expected: "material wrapped as \(rawValue) under this installation's present import key")
        do {
            switch self {
            case .rsaOAEP: return try key.decrypt(wrapped, with: KeyWrapping.oaep)
            case .rsaAESKWP:
                guard case .rsa(let bits) = key.type, wrapped.count > bits / 8 else { throw refusal }
                let session = try key.decrypt(Array(wrapped.prefix(bits / 8)), with: KeyWrapping.oaep)
                guard session.count == 32 else { throw refusal }
                return try AESKeyWrap.unwrap(Array(wrapped.dropFirst(bits / 8)), under: session, mode: .kwp)
            }
        } catch KeyUseError.library(let error) {
            throw .sealing(.library("\(error)"))
        } catch AEADError.library(let error) {
            throw .sealing(.library("\(error)"))
        } catch {
            throw refusal
        }
    }
}
