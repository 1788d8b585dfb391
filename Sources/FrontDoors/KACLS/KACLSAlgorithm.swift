import Primitives

/// What `algorithm` may say: Java's names, in any case. Google documents two of them, `SHA256withRSA` and `RSA/ECB/PKCS1Padding`; the
/// others are what other key services accept.
enum KACLSAlgorithm {
    /// How to sign a digest.
    /// - Parameters:
    ///   - salt: for PSS; nil is as long as the digest.
    ///   - type: the key.
    static func signature(
        _ name: String, salt: Int?, for type: KeyType, allowsSHA1: Bool
    ) throws(KACLSDecodingFailure) -> SignatureScheme {
        guard case .rsa(let bits) = type else { throw unknown("an RSA key") }
        let lower = name.lowercased()
        let isPSS = lower.hasSuffix("withrsa/pss")
        guard let hash = hash(lower), lower == "\(hash.prefix)withrsa" || isPSS && lower == "\(hash.prefix)withrsa/pss" else {
            throw unknown("SHA256withRSA, SHA384withRSA or SHA512withRSA, or one of them with /PSS")
        }
        guard hash.function != .sha1 || allowsSHA1 else { throw unknown("an algorithm without SHA-1, which is switched off here") }
        guard isPSS else { return .rsaPKCS1(hash.function) }
        let salt = salt ?? hash.function.digestBytes
        let longest = (bits - 1 + 7) / 8 - hash.function.digestBytes - 2
        guard (0...longest).contains(salt) else {
            throw KACLSDecodingFailure(field: KACLSField.saltLength.rawValue, problem: "expected 0 to \(longest)")
        }
        return .rsaPSS(hash.function, mgf1: hash.function, saltBytes: salt)
    }

    private static func hash(_ lower: String) -> (prefix: String, function: HashFunction)? {
        [("sha1", .sha1), ("sha256", .sha256), ("sha384", .sha384), ("sha512", .sha512)].first { lower.hasPrefix($0.0 + "with") }
    }

    /// How to decrypt.
    enum Decryption: Equatable {
        case pkcs1
        case oaep(HashFunction)
    }

    static func decryption(_ name: String) throws(KACLSDecodingFailure) -> Decryption {
        switch name.lowercased() {
        case "rsa/ecb/pkcs1padding": return .pkcs1
        case "rsa/ecb/oaepwithsha-1andmgf1padding": return .oaep(.sha1)
        case "rsa/ecb/oaepwithsha-256andmgf1padding": return .oaep(.sha256)
        case "rsa/ecb/oaepwithsha-384andmgf1padding": return .oaep(.sha384)
        case "rsa/ecb/oaepwithsha-512andmgf1padding": return .oaep(.sha512)
        default: throw unknown("RSA/ECB/PKCS1Padding, or RSA/ECB/OAEPwithSHA-256andMGF1Padding with SHA-1, SHA-256, SHA-384 or SHA-512")
        }
    }

    private static func unknown(_ expected: String) -> KACLSDecodingFailure {
        KACLSDecodingFailure(field: KACLSField.algorithm.rawValue, problem: "expected \(expected)")
    }
}
