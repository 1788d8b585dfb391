import COpenSSL

/// The options of RSAES-OAEP (RFC 8017, 7.1): two hashes and a label.
package struct OAEP: Sendable, Hashable {
    /// The hash of the label.
    package let hash: HashFunction
    /// The hash inside MGF1; peers differ here more often than anywhere else.
    package let mgf1Hash: HashFunction
    /// Bytes bound to the ciphertext but not in it; usually none.
    package let label: [UInt8]

    /// One hash for both unless `mgf1Hash` says otherwise.
    package init(_ hash: HashFunction, mgf1Hash: HashFunction? = nil, label: [UInt8] = []) {
        (self.hash, self.mgf1Hash, self.label) = (hash, mgf1Hash ?? hash, label)
    }

    /// Sets everything on a context that was initialised to encrypt or decrypt.
    fileprivate func configure(_ context: borrowing KeyContext) throws(OpenSSLError) {
        let handle = context.handle
        try OpenSSLError.check(EVP_PKEY_CTX_set_rsa_padding(handle, RSA_PKCS1_OAEP_PADDING), "EVP_PKEY_CTX_set_rsa_padding")
        try OpenSSLError.check(EVP_PKEY_CTX_set_rsa_oaep_md(handle, hash.handle), "EVP_PKEY_CTX_set_rsa_oaep_md")
        try OpenSSLError.check(EVP_PKEY_CTX_set_rsa_mgf1_md(handle, mgf1Hash.handle), "EVP_PKEY_CTX_set_rsa_mgf1_md")
        guard !label.isEmpty else { return }
        let copy = shim_OPENSSL_memdup(label, label.count)
        guard EVP_PKEY_CTX_set0_rsa_oaep_label(handle, copy, CInt(clamping: label.count)) == 1 else {
            shim_OPENSSL_free(copy)
            throw .drain("EVP_PKEY_CTX_set0_rsa_oaep_label")
        }
    }
}

extension PublicKey {
    /// `plaintext` encrypted with RSAES-OAEP, as long as the modulus.
    /// - Parameter plaintext: at most modulus − 2 · digest − 2 bytes; may be empty.
    /// - Throws: `.unsuitable` if the key is not RSA; `.malformed` if the plaintext is too long; `.library` if OpenSSL fails.
    ///
    /// Source: RFC 8017, 7.1.1.
    package func encrypt(_ plaintext: borrowing SecretBytes, with oaep: OAEP) throws(KeyUseError) -> [UInt8] {
        guard case .rsa(let bits) = type else { throw .unsuitable(expected: "an RSA key, found \(type)") }
        let modulusBytes = (bits + 7) / 8
        let limit = modulusBytes - 2 * oaep.hash.digestBytes - 2
        let count = plaintext.count
        guard count <= limit else { throw .malformed(expected: "at most \(limit) bytes for \(type), found \(count)") }
        do {
            let context = try KeyContext(handle)
            try OpenSSLError.check(EVP_PKEY_encrypt_init(context.handle), "EVP_PKEY_encrypt_init")
            try oaep.configure(context)
            var output = [UInt8](repeating: 0, count: modulusBytes)
            var written = output.count
            let result = plaintext.withPointer { EVP_PKEY_encrypt(context.handle, &output, &written, $0, count) }
            try OpenSSLError.check(result, "EVP_PKEY_encrypt")
            return output
        } catch {
            throw .library(error)
        }
    }
}

extension PrivateKey {
    /// The plaintext of an RSAES-OAEP ciphertext.
    /// - Parameter ciphertext: exactly as long as the modulus.
    /// - Throws: `.unsuitable` if the key is not RSA; `.undecryptable` if ciphertext, hashes or label are wrong, without saying
    ///   which; `.library` if OpenSSL fails before it looks at the ciphertext.
    ///
    /// Source: RFC 8017, 7.1.2.
    package func decrypt(_ ciphertext: [UInt8], with oaep: OAEP) throws(KeyUseError) -> SecretBytes {
        guard case .rsa(let bits) = type else { throw .unsuitable(expected: "an RSA key, found \(type)") }
        guard ciphertext.count == (bits + 7) / 8 else { throw .undecryptable }
        let context = try decrypter(for: oaep)
        var written = ciphertext.count
        let padded = try SecretBytes(count: ciphertext.count) { buffer throws(KeyUseError) in
            let result = EVP_PKEY_decrypt(context.handle, buffer.baseAddress, &written, ciphertext, ciphertext.count)
            guard result == 1, written <= ciphertext.count else {
                _ = OpenSSLError.drain("EVP_PKEY_decrypt")
                throw .undecryptable
            }
        }
        return padded.slice(0..<written)
    }

    private func decrypter(for oaep: OAEP) throws(KeyUseError) -> KeyContext {
        do {
            let context = try KeyContext(handle)
            try OpenSSLError.check(EVP_PKEY_decrypt_init(context.handle), "EVP_PKEY_decrypt_init")
            try oaep.configure(context)
            return context
        } catch {
            throw .library(error)
        }
    }
}
