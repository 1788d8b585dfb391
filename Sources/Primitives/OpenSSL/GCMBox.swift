import COpenSSL

/// How one AEAD of the GCM family starts a message; the rest is common to them (`GCMBox`).
protocol GCMVariant {
    static var nonceBytes: Int { get }
    /// Gives `ciphers.gcm` the key and nonce of one message. `key` is 32 bytes, `nonce` is `nonceBytes`.
    static func start(
        _ ciphers: ThreadCiphers, sealing: Bool, key: UnsafePointer<UInt8>, nonce: UnsafePointer<UInt8>
    ) throws(OpenSSLError)
}

/// `nonce ‖ ciphertext ‖ tag`: what the AEADs of the GCM family have in common.
enum GCMBox<Variant: GCMVariant> {
    static var keyBytes: Int { 32 }
    static var tagBytes: Int { 16 }
    /// OpenSSL counts in `int`; a secret of a gigabyte is no secret of ours.
    static var maxBytes: Int { 1 << 30 }

    static func seal(
        _ plaintext: borrowing SecretBytes, _ key: borrowing SecretBytes, _ aad: [UInt8], _ nonce: [UInt8]?
    ) throws(AEADError) -> [UInt8] {
        let count = plaintext.count
        let hasNonce = nonce == nil || nonce?.count == Variant.nonceBytes
        guard key.count == keyBytes, hasNonce, count <= maxBytes, aad.count <= maxBytes else { throw .malformed }
        var box = [UInt8](repeating: 0, count: Variant.nonceBytes + count + tagBytes)
        do {
            let ciphers = try ThreadCiphers.current()
            defer { ciphers.wipe() }
            try box.withUnsafeMutableBufferPointer { buffer throws(OpenSSLError) in
                guard let start = buffer.baseAddress else { return }
                try write(nonce, from: ciphers, to: start)
                try key.withPointer { key throws(OpenSSLError) in
                    try Variant.start(ciphers, sealing: true, key: key, nonce: start)
                }
                try plaintext.withPointer { plaintext throws(OpenSSLError) in
                    try encrypt(ciphers.gcm.handle, plaintext, count, aad, into: start + Variant.nonceBytes)
                }
            }
        } catch {
            throw .library(error)
        }
        return box
    }

    static func open(
        _ box: UnsafeBufferPointer<UInt8>, _ key: borrowing SecretBytes, _ aad: [UInt8]
    ) throws(AEADError) -> SecretBytes {
        let count = box.count - Variant.nonceBytes - tagBytes
        guard key.count == keyBytes, count >= 0, count <= maxBytes, aad.count <= maxBytes, let nonce = box.baseAddress else {
            throw .malformed
        }
        let ciphers: ThreadCiphers
        do { ciphers = try ThreadCiphers.current() } catch { throw .library(error) }
        defer { ciphers.wipe() }
        do {
            try key.withPointer { key throws(OpenSSLError) in
                try Variant.start(ciphers, sealing: false, key: key, nonce: nonce)
            }
        } catch {
            throw .library(error)
        }
        return try SecretBytes(count: count) { plaintext throws(AEADError) in
            guard let plaintext = plaintext.baseAddress else { throw .malformed }
            try decrypt(ciphers.gcm.handle, nonce + Variant.nonceBytes, count, aad, into: plaintext)
        }
    }

    private static func write(
        _ nonce: [UInt8]?, from ciphers: ThreadCiphers, to destination: UnsafeMutablePointer<UInt8>
    ) throws(OpenSSLError) {
        guard let nonce else { return try ciphers.nonces.take(Variant.nonceBytes, into: destination) }
        destination.update(from: nonce, count: Variant.nonceBytes)
    }

    /// Writes ciphertext and tag.
    private static func encrypt(
        _ context: OpaquePointer, _ plaintext: UnsafePointer<UInt8>, _ count: Int, _ aad: [UInt8],
        into output: UnsafeMutablePointer<UInt8>
    ) throws(OpenSSLError) {
        var written: CInt = 0
        if !aad.isEmpty {
            try OpenSSLError.check(EVP_EncryptUpdate(context, nil, &written, aad, CInt(aad.count)), "EVP_EncryptUpdate(aad)")
        }
        if count > 0 {
            try OpenSSLError.check(EVP_EncryptUpdate(context, output, &written, plaintext, CInt(count)), "EVP_EncryptUpdate")
        }
        try OpenSSLError.check(EVP_EncryptFinal_ex(context, output + count, &written), "EVP_EncryptFinal_ex")
        let tag = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CInt(tagBytes), output + count)
        try OpenSSLError.check(tag, "EVP_CTRL_AEAD_GET_TAG")
    }

    /// Writes the plaintext; the caller forgets it if this throws. `input` is ciphertext and tag.
    private static func decrypt(
        _ context: OpaquePointer, _ input: UnsafePointer<UInt8>, _ count: Int, _ aad: [UInt8],
        into output: UnsafeMutablePointer<UInt8>
    ) throws(AEADError) {
        var written: CInt = 0
        var done = EVP_CIPHER_CTX_ctrl(
            context, EVP_CTRL_AEAD_SET_TAG, CInt(tagBytes), UnsafeMutableRawPointer(mutating: input + count)) == 1
        if done, !aad.isEmpty { done = EVP_DecryptUpdate(context, nil, &written, aad, CInt(aad.count)) == 1 }
        if done, count > 0 { done = EVP_DecryptUpdate(context, output, &written, input, CInt(count)) == 1 }
        guard done else { throw .library(.drain("EVP_DecryptUpdate")) }
        guard EVP_DecryptFinal_ex(context, output + count, &written) == 1 else {
            _ = OpenSSLError.drain("EVP_DecryptFinal_ex")
            throw .unauthentic
        }
    }
}
