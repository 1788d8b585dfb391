import COpenSSL

/// XAES-256-GCM: AES-256-GCM under a key derived for each message from a 192-bit nonce, so that one key seals without a
/// practical limit on random nonces: `nonce (24) ‖ ciphertext ‖ tag (16)`.
///
/// Source: C2SP, XAES-256-GCM.
package enum XAES256GCM {
    /// 32 bytes.
    package static let keyBytes = 32
    /// 24 bytes, at the start of the box.
    package static let nonceBytes = 24
    /// 16 bytes, at the end of the box.
    package static let tagBytes = 16

    /// Seals a plaintext.
    /// - Parameters:
    ///   - plaintext: n bytes, n ≥ 0.
    ///   - key: 32 bytes.
    ///   - aad: bytes bound to the box but not in it; may be empty.
    ///   - nonce: 24 bytes never used before with this key; nil draws them at random.
    /// - Returns: the box, 24 + n + 16 bytes.
    /// - Throws: `.malformed` if a size is wrong; `.library` if OpenSSL fails.
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
        static var nonceBytes: Int { XAES256GCM.nonceBytes }

        static func start(
            _ ciphers: ThreadCiphers, sealing: Bool, key: UnsafePointer<UInt8>, nonce: UnsafePointer<UInt8>
        ) throws(OpenSSLError) {
            try deriveKey(ciphers, key: key, nonce: nonce)
            try AES256GCM.start(ciphers, sealing: sealing, key: ciphers.scratch, nonce: nonce + 12)
        }
    }

    /// Writes the message key to the first 32 bytes of the scratch memory: the CMAC-based KDF in counter mode of
    /// NIST SP 800-108r1 over the first 12 bytes of the nonce, label "X", which is two blocks, each with subkey K1.
    private static func deriveKey(
        _ ciphers: ThreadCiphers, key: UnsafePointer<UInt8>, nonce: UnsafePointer<UInt8>
    ) throws(OpenSSLError) {
        let cipher = try Fetched.aes256ECB.get().handle
        let context = ciphers.block.handle
        let messageKey = ciphers.scratch
        let subkey = ciphers.scratch + 32
        let blocks = ciphers.scratch + 48
        try OpenSSLError.check(EVP_EncryptInit_ex2(context, cipher, key, nil, nil), "EVP_EncryptInit_ex2(AES-256-ECB)")
        subkey.update(repeating: 0, count: 16)
        var written: CInt = 0
        try OpenSSLError.check(EVP_EncryptUpdate(context, subkey, &written, subkey, 16), "EVP_EncryptUpdate(K1)")
        double(subkey)
        for counter in 1...2 {
            let block = blocks + 16 * (counter - 1)
            block.update(from: subkey, count: 16)
            block[1] ^= UInt8(counter)
            block[2] ^= 0x58  // "X"
            for index in 0..<12 { block[4 + index] ^= nonce[index] }
        }
        try OpenSSLError.check(EVP_EncryptUpdate(context, messageKey, &written, blocks, 32), "EVP_EncryptUpdate(key)")
    }

    /// Doubles a block in GF(2¹²⁸), in constant time (NIST SP 800-38B, 6.1).
    private static func double(_ block: UnsafeMutablePointer<UInt8>) {
        var carry: UInt8 = 0
        for index in (0..<16).reversed() {
            let byte = block[index]
            block[index] = byte << 1 | carry
            carry = byte >> 7
        }
        block[15] ^= 0x87 & (0 &- carry)
    }
}
