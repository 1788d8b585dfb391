import COpenSSL

/// How a signature is made: the operation, its hash and its encoding.
package enum SignatureScheme: Sendable, Hashable {
    /// How the two numbers of an ECDSA signature are written.
    package enum ECDSAEncoding: Sendable, Hashable {
        /// ASN.1 `SEQUENCE { r, s }`: X.509, most clouds (RFC 3279, 2.2.3).
        case der
        /// `r ‖ s`, each of the curve's coordinate size: JOSE, PKCS#11 (RFC 7518, 3.4; IEEE P1363).
        case raw
    }

    /// RSASSA-PKCS1-v1_5 (RFC 8017, 8.2).
    case rsaPKCS1(HashFunction)
    /// RSASSA-PSS (RFC 8017, 8.1); salts of any other length are refused.
    case rsaPSS(HashFunction, mgf1: HashFunction, saltBytes: Int)
    /// ECDSA (FIPS 186-5, 6).
    case ecdsa(HashFunction, ECDSAEncoding)
    /// Ed25519 (RFC 8032, 5.1); it has no form over a ready digest.
    case ed25519

    /// RSASSA-PSS as JOSE and most others use it: one hash for both, the salt as long as the digest (RFC 7518, 3.5).
    package static func rsaPSS(_ hash: HashFunction) -> SignatureScheme {
        .rsaPSS(hash, mgf1: hash, saltBytes: hash.digestBytes)
    }

    /// The hash over the data; nil for Ed25519.
    package var hash: HashFunction? {
        switch self {
        case .rsaPKCS1(let hash), .rsaPSS(let hash, _, _), .ecdsa(let hash, _): hash
        case .ed25519: nil
        }
    }

    /// Throws unless the scheme is one for keys of `type`.
    func check(_ type: KeyType, allowsSHA1: Bool = false) throws(KeyUseError) {
        guard hash != .sha1 || allowsSHA1 else { throw .unsuitable(expected: "SHA-256 or larger for signatures, found SHA-1") }
        switch (self, type) {
        case (.rsaPKCS1, .rsa), (.ecdsa, .ec), (.ed25519, .ed25519): return
        case (.rsaPSS(_, _, let saltBytes), .rsa) where saltBytes >= 0: return
        case (.rsaPSS, .rsa): throw .unsuitable(expected: "a salt of 0 bytes or more")
        case (.rsaPKCS1, _), (.rsaPSS, _): throw .unsuitable(expected: "an RSA key, found \(type)")
        case (.ecdsa, _): throw .unsuitable(expected: "an EC key, found \(type)")
        case (.ed25519, _): throw .unsuitable(expected: "an Ed25519 key, found \(type)")
        }
    }

    /// Sets padding and hashes on a context that was initialised to sign or to verify a digest.
    func configure(_ context: borrowing KeyContext) throws(OpenSSLError) {
        let handle = context.handle
        switch self {
        case .rsaPKCS1(let hash):
            try OpenSSLError.check(EVP_PKEY_CTX_set_rsa_padding(handle, RSA_PKCS1_PADDING), "EVP_PKEY_CTX_set_rsa_padding")
            try OpenSSLError.check(EVP_PKEY_CTX_set_signature_md(handle, hash.handle), "EVP_PKEY_CTX_set_signature_md")
        case .rsaPSS(let hash, let mgf1, let saltBytes):
            try OpenSSLError.check(EVP_PKEY_CTX_set_rsa_padding(handle, RSA_PKCS1_PSS_PADDING), "EVP_PKEY_CTX_set_rsa_padding")
            try OpenSSLError.check(EVP_PKEY_CTX_set_signature_md(handle, hash.handle), "EVP_PKEY_CTX_set_signature_md")
            try OpenSSLError.check(EVP_PKEY_CTX_set_rsa_mgf1_md(handle, mgf1.handle), "EVP_PKEY_CTX_set_rsa_mgf1_md")
            try OpenSSLError.check(
                EVP_PKEY_CTX_set_rsa_pss_saltlen(handle, CInt(clamping: saltBytes)), "EVP_PKEY_CTX_set_rsa_pss_saltlen")
        case .ecdsa(let hash, _):
            try OpenSSLError.check(EVP_PKEY_CTX_set_signature_md(handle, hash.handle), "EVP_PKEY_CTX_set_signature_md")
        case .ed25519: break
        }
    }
}

/// The algorithms that are accepted in tokens, by their JOSE names (RFC 7518, 3.1). There is no `none` and no HMAC.
package enum SignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"

    /// What it stands for.
    package var scheme: SignatureScheme {
        switch self {
        case .rs256: .rsaPKCS1(.sha256)
        case .rs384: .rsaPKCS1(.sha384)
        case .rs512: .rsaPKCS1(.sha512)
        case .ps256: .rsaPSS(.sha256)
        case .ps384: .rsaPSS(.sha384)
        case .ps512: .rsaPSS(.sha512)
        case .es256: .ecdsa(.sha256, .raw)
        case .es384: .ecdsa(.sha384, .raw)
        case .es512: .ecdsa(.sha512, .raw)
        }
    }

    /// Whether keys of `type` serve it; each ES algorithm has one curve.
    package func fits(_ type: KeyType) -> Bool {
        switch (self, type) {
        case (.rs256, .rsa), (.rs384, .rsa), (.rs512, .rsa), (.ps256, .rsa), (.ps384, .rsa), (.ps512, .rsa): true
        case (.es256, .ec(.p256)), (.es384, .ec(.p384)), (.es512, .ec(.p521)): true
        default: false
        }
    }
}
