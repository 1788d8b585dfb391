import COpenSSL

extension PrivateKey {
    /// The signature of `data`.
    /// - Throws: `.unsuitable` if the scheme is not one for this key; `.library` if OpenSSL fails, for example because the
    ///   modulus is too short for hash and salt.
    package func sign(_ data: [UInt8], with scheme: SignatureScheme) throws(KeyUseError) -> [UInt8] {
        try scheme.check(type)
        guard let hash = scheme.hash else {
            do { return try signPure(data) } catch { throw .library(error) }
        }
        return try sign(digest: Digest.hash(data, with: hash), with: scheme)
    }

    /// The signature of data whose digest is known.
    /// - Parameters:
    ///   - digest: the scheme's hash of the data.
    ///   - allowsSHA1: signs SHA-1 digests too, for recipients of mail who know nothing newer.
    /// - Throws: `.unsuitable` if the scheme is not one for this key or has no form over a digest; `.malformed` if the digest
    ///   has another size; `.library` if OpenSSL fails.
    package func sign(digest: [UInt8], with scheme: SignatureScheme, allowsSHA1: Bool = false) throws(KeyUseError) -> [UInt8] {
        try scheme.check(type, allowsSHA1: allowsSHA1)
        try scheme.checkDigest(digest)
        do {
            let signature = try signPrepared(digest, scheme)
            guard case .ecdsa(_, .raw) = scheme, case .ec(let curve) = type else { return signature }
            return try ECDSASignature.raw(fromDER: signature, curve: curve)
        } catch {
            throw .library(error)
        }
    }

    private func signPrepared(_ digest: [UInt8], _ scheme: SignatureScheme) throws(OpenSSLError) -> [UInt8] {
        let context = try KeyContext(handle)
        try OpenSSLError.check(EVP_PKEY_sign_init(context.handle), "EVP_PKEY_sign_init")
        try scheme.configure(context)
        var count = 0
        try OpenSSLError.check(EVP_PKEY_sign(context.handle, nil, &count, digest, digest.count), "EVP_PKEY_sign")
        var signature = [UInt8](repeating: 0, count: count)
        try OpenSSLError.check(EVP_PKEY_sign(context.handle, &signature, &count, digest, digest.count), "EVP_PKEY_sign")
        return Array(signature.prefix(count))
    }

    /// Ed25519: over the data itself.
    private func signPure(_ data: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        let context = try OpenSSLError.check(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        defer { EVP_MD_CTX_free(context) }
        try OpenSSLError.check(EVP_DigestSignInit(context, nil, nil, nil, handle.pointer), "EVP_DigestSignInit")
        var signature = [UInt8](repeating: 0, count: 64)
        var count = signature.count
        try OpenSSLError.check(EVP_DigestSign(context, &signature, &count, data, data.count), "EVP_DigestSign")
        return Array(signature.prefix(count))
    }
}

extension SignatureScheme {
    /// Throws unless the scheme has a form over digests and this is one of its size.
    func checkDigest(_ digest: [UInt8]) throws(KeyUseError) {
        guard let hash else { throw .unsuitable(expected: "the data itself, because Ed25519 has no form over a digest") }
        guard digest.count == hash.digestBytes else {
            throw .malformed(expected: "a \(hash.rawValue) digest of \(hash.digestBytes) bytes, found \(digest.count)")
        }
    }
}
