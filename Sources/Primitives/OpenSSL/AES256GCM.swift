import COpenSSL

/// AES-256-GCM with a 96-bit nonce: `nonce (12) ‖ ciphertext ‖ tag (16)`.
///
/// Random nonces lose their margin near 2³² messages under one key (NIST SP 800-38D, 8.3): whoever seals counts. Where nobody
/// can, `XAES256GCM` serves.
package enum AES256GCM {
    /// 32 bytes.
    package static let keyBytes = 32
    /// 12 bytes, at the start of the box.
    package static let nonceBytes = 12
    /// 16 bytes, at the end of the box.
    package static let tagBytes = 16

    /// Seals a plaintext.
    /// - Parameters:
    ///   - plaintext: n bytes, n ≥ 0.
    ///   - key: 32 bytes.
    ///   - aad: bytes bound to the box but not in it; may be empty.
    ///   - nonce: 12 bytes never used before with this key; nil draws them at random.
    /// - Returns: the box, 12 + n + 16 bytes.
    /// - Throws: `.malformed` if a size is wrong; `.library` if OpenSSL fails.
    ///
    /// Source: NIST SP 800-38D, 7.1.
    package static func seal(
        _ plaintext: borrowing SecretBytes, key: borrowing SecretBytes, aad: [UInt8], nonce: [UInt8]? = nil
    ) throws(AEADError) -> [UInt8] {
        try GCMBox<Variant>.seal(plaintext, key, aad, nonce)
    }

    /// Opens a box and returns its plaintext, or nothing at all: no byte leaves before the tag is verified.
    /// - Parameters:
    ///   - box: what `seal` returned.
    ///   - key: 32 bytes.
    ///   - aad: the bytes given to `seal`.
    /// - Throws: `.malformed` if a size is wrong; `.unauthentic` if key, associated data or any bit of the box differs;
    ///   `.library` if OpenSSL fails.
    ///
    /// Source: NIST SP 800-38D, 7.2.
    package static func open(
        _ box: ArraySlice<UInt8>, key: borrowing SecretBytes, aad: [UInt8]
    ) throws(AEADError) -> SecretBytes {
        try box.span.withUnsafeBufferPointer { box throws(AEADError) in try GCMBox<Variant>.open(box, key, aad) }
    }

    /// As `open` of a slice.
    package static func open(_ box: [UInt8], key: borrowing SecretBytes, aad: [UInt8]) throws(AEADError) -> SecretBytes {
        try open(box[...], key: key, aad: aad)
    }

    private enum Variant: GCMVariant {
        static var nonceBytes: Int { AES256GCM.nonceBytes }

        static func start(
            _ ciphers: ThreadCiphers, sealing: Bool, key: UnsafePointer<UInt8>, nonce: UnsafePointer<UInt8>
        ) throws(OpenSSLError) {
            try AES256GCM.start(ciphers, sealing: sealing, key: key, nonce: nonce)
        }
    }

    static func start(
        _ ciphers: ThreadCiphers, sealing: Bool, key: UnsafePointer<UInt8>, nonce: UnsafePointer<UInt8>
    ) throws(OpenSSLError) {
        let cipher = try Fetched.aes256GCM.get().handle
        let result = EVP_CipherInit_ex2(ciphers.gcm.handle, cipher, key, nonce, sealing ? 1 : 0, nil)
        try OpenSSLError.check(result, "EVP_CipherInit_ex2(AES-256-GCM)")
    }
}
