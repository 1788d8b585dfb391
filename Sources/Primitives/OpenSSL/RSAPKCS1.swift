import COpenSSL

/// RSAES-PKCS1-v1_5 decryption that never fails (“implicit rejection”): a ciphertext with wrong padding decrypts to bytes that
/// look random, are always the same for that ciphertext and key, and can't be told from those of a good one. Nothing is left that an
/// attacker could ask about (Bleichenbacher 1998; Marvin, Kario 2023).
///
/// OpenSSL has this since 3.2 (`ossl_rsa_padding_check_PKCS1_type_2`); Debian 12's 3.0 has not. This is the same algorithm with the same results.
///
/// Source: draft-irtf-cfrg-rsa-guidance, 7; OpenSSL 3.2, crypto/rsa/rsa_pk1.c.
extension PrivateKey {
    /// The plaintext of an RSAES-PKCS1-v1_5 ciphertext, or bytes made up from it.
    /// - Parameter ciphertext: exactly as long as the modulus.
    /// - Throws: `.unsuitable` if the key is not RSA; `.undecryptable` if the ciphertext's length is wrong or its number not below the modulus,
    ///   which everybody can see; `.library` if OpenSSL fails.
    package func decryptPKCS1(_ ciphertext: [UInt8]) throws(KeyUseError) -> SecretBytes {
        guard case .rsa(let bits) = type else { throw .unsuitable(expected: "an RSA key, found \(type)") }
        let count = (bits + 7) / 8
        guard ciphertext.count == count else { throw .undecryptable }
        let padded = try decryptRaw(ciphertext)
        let (message, lengths): ([UInt8], [UInt8])
        do { (message, lengths) = try madeUp(ciphertext) } catch { throw .library(error) }
        return RSAPKCS1.unpad(padded, instead: message, lengths: lengths)
    }

    /// The message instead of one with wrong padding, as long as the modulus, and candidates for how much of it counts.
    private func madeUp(_ ciphertext: [UInt8]) throws(OpenSSLError) -> ([UInt8], [UInt8]) {
        let key = try derivationKey(ciphertext)
        return (
            try RSAPKCS1.expand(key, "message", count: ciphertext.count),
            try RSAPKCS1.expand(key, "length", count: RSAPKCS1.candidates * 2)
        )
    }

    /// The bare RSA operation, blinded by OpenSSL.
    private func decryptRaw(_ ciphertext: [UInt8]) throws(KeyUseError) -> SecretBytes {
        let context = try rawDecrypter()
        return try SecretBytes(count: ciphertext.count) { buffer throws(KeyUseError) in
            var written = ciphertext.count
            let result = EVP_PKEY_decrypt(context.handle, buffer.baseAddress, &written, ciphertext, ciphertext.count)
            guard result == 1, written == ciphertext.count else {
                _ = OpenSSLError.drain("EVP_PKEY_decrypt")
                throw .undecryptable
            }
        }
    }

    private func rawDecrypter() throws(KeyUseError) -> KeyContext {
        do {
            let context = try KeyContext(handle)
            try OpenSSLError.check(EVP_PKEY_decrypt_init(context.handle), "EVP_PKEY_decrypt_init")
            try OpenSSLError.check(EVP_PKEY_CTX_set_rsa_padding(context.handle, RSA_NO_PADDING), "EVP_PKEY_CTX_set_rsa_padding")
            return context
        } catch {
            throw .library(error)
        }
    }

    /// HMAC-SHA256 of the ciphertext under the SHA-256 of the private exponent.
    private func derivationKey(_ ciphertext: [UInt8]) throws(OpenSSLError) -> SecretBytes {
        var exponent: OpaquePointer?
        let found = EVP_PKEY_get_bn_param(handle.pointer, "d", &exponent)
        defer { BN_clear_free(exponent) }
        try OpenSSLError.check(found, "EVP_PKEY_get_bn_param")
        let bytes = try SecretBytes(count: ciphertext.count) { buffer throws(OpenSSLError) in
            guard BN_bn2binpad(exponent, buffer.baseAddress, CInt(buffer.count)) == CInt(buffer.count) else { throw .drain("BN_bn2binpad") }
        }
        var digest = Digest(.sha256)
        digest.update(bytes)
        var hash = digest.finish()
        defer { hash.wipe() }
        var key = try HMAC.authenticate(ciphertext, key: SecretBytes(copying: hash), with: .sha256)
        defer { key.wipe() }
        return SecretBytes(copying: key)
    }
}

/// The parts of the padding check, without a branch or an address that depends on a secret.
enum RSAPKCS1 {
    /// How many lengths are drawn for the made-up message.
    static let candidates = 128

    /// `count` bytes from `key`: HMAC-SHA256 over a counter, the label and the length in bits.
    static func expand(_ key: borrowing SecretBytes, _ label: String, count: Int) throws(OpenSSLError) -> [UInt8] {
        var bytes: [UInt8] = []
        var counter: UInt16 = 0
        while bytes.count < count {
            let input = pair(counter) + Array(label.utf8) + pair(UInt16(truncatingIfNeeded: count * 8))
            bytes += try HMAC.authenticate(input, key: key, with: .sha256)
            counter += 1
        }
        return Array(bytes.prefix(count))
    }

    private static func pair(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)] }

    /// The message behind the padding, or the made-up one if the padding is wrong.
    static func unpad(_ padded: borrowing SecretBytes, instead message: [UInt8], lengths: [UInt8]) -> SecretBytes {
        let count = UInt32(padded.count)
        var good: UInt32 = 0
        var separator: UInt32 = 0
        padded.withSpan { bytes in
            good = isZero(UInt32(bytes[0])) & isZero(UInt32(bytes[1]) ^ 2)
            var found: UInt32 = 0
            for index in 2..<bytes.count {
                let zero = isZero(UInt32(bytes[index]))
                separator = select(~found & zero, UInt32(index), separator)
                found |= zero
            }
        }
        good &= ~isBelow(separator, 2 + 8)
        let start = Int(select(good, separator &+ 1, count &- madeUpLength(lengths, count)))
        let mask = UInt8(truncatingIfNeeded: good)
        return padded.withSpan { bytes in
            SecretBytes(count: bytes.count - start) { output in
                for index in output.indices { output[index] = bytes[start + index] & mask | message[start + index] & ~mask }
            }
        }
    }

    /// The last of the drawn lengths that a message can have.
    private static func madeUpLength(_ lengths: [UInt8], _ count: UInt32) -> UInt32 {
        let limit = count - 2 - 8
        var mask = limit
        for shift in [1, 2, 4, 8] as [UInt32] { mask |= mask >> shift }
        var length: UInt32 = 0
        for index in stride(from: 0, to: lengths.count, by: 2) {
            let candidate = (UInt32(lengths[index]) << 8 | UInt32(lengths[index + 1])) & mask
            length = select(isBelow(candidate, limit), candidate, length)
        }
        return length
    }

    // All ones for yes, zero for no.
    private static func isZero(_ a: UInt32) -> UInt32 { 0 &- ((~a & (a &- 1)) >> 31) }
    private static func isBelow(_ a: UInt32, _ b: UInt32) -> UInt32 { 0 &- ((a ^ ((a ^ b) | ((a &- b) ^ b))) >> 31) }
    private static func select(_ mask: UInt32, _ a: UInt32, _ b: UInt32) -> UInt32 { mask & a | ~mask & b }
}
