import COpenSSL

extension PublicKey {
    /// Whether `signature` is this key's over `data`. For the hot path take `VerificationKey`, which is prepared.
    /// - Throws: `.unsuitable` if the scheme is not one for this key; `.library` if OpenSSL has no memory.
    package func verify(
        _ signature: [UInt8], over data: [UInt8], with scheme: SignatureScheme
    ) throws(KeyUseError) -> Bool {
        try scheme.check(type)
        guard let hash = scheme.hash else {
            do { return try verifyPure(signature, data) } catch { throw .library(error) }
        }
        return try verify(signature, digest: Digest.hash(data, with: hash), with: scheme)
    }

    /// Whether `signature` is this key's over data with that digest.
    /// - Throws: `.unsuitable` if the scheme is not one for this key or has no form over a digest; `.malformed` if the digest
    ///   has another size; `.library` if OpenSSL has no memory.
    package func verify(
        _ signature: [UInt8], digest: [UInt8], with scheme: SignatureScheme
    ) throws(KeyUseError) -> Bool {
        try scheme.check(type)
        try scheme.checkDigest(digest)
        do {
            let context = try verifier(for: scheme)
            return signature.withUnsafeBufferPointer { signature in
                PublicKey.verify(context.handle, signature, digest, digest.count, type, scheme)
            }
        } catch {
            throw .library(error)
        }
    }

    /// A context that is ready to verify digests.
    func verifier(for scheme: SignatureScheme) throws(OpenSSLError) -> KeyContext {
        let context = try KeyContext(handle)
        try OpenSSLError.check(EVP_PKEY_verify_init(context.handle), "EVP_PKEY_verify_init")
        try scheme.configure(context)
        return context
    }

    /// Whether `signature` is right; the encoding is checked first. Leaves the error queue empty.
    static func verify(
        _ context: OpaquePointer, _ signature: UnsafeBufferPointer<UInt8>, _ digest: UnsafePointer<UInt8>, _ digestBytes: Int,
        _ type: KeyType, _ scheme: SignatureScheme
    ) -> Bool {
        let result: CInt
        switch (scheme, type) {
        case (.ecdsa(_, .raw), .ec(let curve)):
            result = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: ECDSASignature.maxDERBytes) { der in
                guard let start = der.baseAddress, let count = ECDSASignature.encode(raw: signature, curve: curve, into: start) else {
                    return 0
                }
                return EVP_PKEY_verify(context, start, count, digest, digestBytes)
            }
        case (_, .rsa(let bits)) where signature.count != (bits + 7) / 8: result = 0
        default: result = EVP_PKEY_verify(context, signature.baseAddress, signature.count, digest, digestBytes)
        }
        if result != 1 { _ = OpenSSLError.drain("EVP_PKEY_verify") }
        return result == 1
    }

    /// Ed25519: over the data itself.
    private func verifyPure(_ signature: [UInt8], _ data: [UInt8]) throws(OpenSSLError) -> Bool {
        let context = try OpenSSLError.check(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        defer { EVP_MD_CTX_free(context) }
        try OpenSSLError.check(EVP_DigestVerifyInit(context, nil, nil, nil, handle.pointer), "EVP_DigestVerifyInit")
        let result = EVP_DigestVerify(context, signature, signature.count, data, data.count)
        if result != 1 { _ = OpenSSLError.drain("EVP_DigestVerify") }
        return result == 1
    }
}
