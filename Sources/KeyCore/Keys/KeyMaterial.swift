package import Primitives

/// What a key's material looks like in the embedded source, in imports and in exports: 32 bytes for AES-256, unencrypted PKCS#8 in DER
/// for everything else.
package enum KeyMaterial {
    /// The largest material, in bytes: RSA-4096 in PKCS#8 has about 2,380.
    package static let maxBytes = 8192

    /// New material of that kind.
    package static func generate(_ algorithm: KeyAlgorithm) throws(KeyUseError) -> SecretBytes {
        do {
            guard let type = algorithm.keyType else { return try SecretBytes(randomCount: 32) }
            return try PrivateKey.generate(type).pkcs8DER()
        } catch let error as KeyUseError {
            throw error
        } catch let error as OpenSSLError {
            throw .library(error)
        } catch {
            throw .unsuitable(expected: "a kind of key that can be made")
        }
    }

    /// Material from outside, brought into our own form.
    /// - Throws: `.invalid` unless it is a sound key of exactly that kind.
    package static func check(_ material: borrowing SecretBytes, is algorithm: KeyAlgorithm) throws(StoreError) -> SecretBytes {
        guard let type = algorithm.keyType else {
            guard material.count == 32 else { throw .invalid(field: "material", expected: "32 bytes for AES-256, found \(material.count)") }
            return material.copy()
        }
        do {
            let key = try PrivateKey(pkcs8DER: material)
            guard key.type == type else { throw StoreError.invalid(field: "material", expected: "a private key of the kind \(algorithm.rawValue), found \(key.type)") }
            return try key.pkcs8DER()
        } catch let error as StoreError {
            throw error
        } catch let error as KeyImportError {
            throw .invalid(field: "material", expected: "unencrypted PKCS#8 in DER of \(algorithm.rawValue): \(error)")
        } catch {
            throw .sealing(.library("\(error)"))
        }
    }

    /// The public half of stored material; nil for AES.
    static func publicKey(_ material: borrowing SecretBytes, _ algorithm: KeyAlgorithm) throws -> PublicKey? {
        guard algorithm.keyType != nil else { return nil }
        return try PrivateKey(pkcs8DER: material, validation: .ownExport).publicKey
    }
}

extension KeyAlgorithm {
    /// The kind of key pair; nil for AES.
    package var keyType: KeyType? {
        switch self {
        case .aes256: nil
        case .rsa2048: .rsa(bits: 2048)
        case .rsa3072: .rsa(bits: 3072)
        case .rsa4096: .rsa(bits: 4096)
        case .p256: .ec(.p256)
        case .p384: .ec(.p384)
        }
    }
}
