import COpenSSL

/// A key under a key, without nonce and without associated data: for protocols that ask for it. Ours use an AEAD.
package enum AESKeyWrap {
    /// Which of the two algorithms.
    package enum Mode: Sendable, Hashable {
        /// KW (RFC 3394): keys of a multiple of 8 bytes, at least 16; the result is 8 bytes longer.
        case kw
        /// KWP (RFC 5649): keys of any size from 1 byte; the result is padded to a multiple of 8, plus 8 bytes.
        case kwp
    }

    /// Wraps `key` under `kek`.
    /// - Parameter kek: 16, 24 or 32 bytes.
    /// - Throws: `.malformed` if a size is wrong; `.library` if OpenSSL fails.
    ///
    /// Source: RFC 3394, 2.2.1; RFC 5649, 4.1; NIST SP 800-38F.
    package static func wrap(
        _ key: borrowing SecretBytes, under kek: borrowing SecretBytes, mode: Mode
    ) throws(AEADError) -> [UInt8] {
        let count = key.count
        guard mode == .kwp ? count >= 1 : count >= 16 && count % 8 == 0, count <= maxBytes else { throw .malformed }
        var output = [UInt8](repeating: 0, count: (count + 7) / 8 * 8 + 8)
        let context = try start(mode, kek, sealing: 1)
        try key.withPointer { key throws(AEADError) in
            var written: CInt = 0
            let result = EVP_CipherUpdate(context.handle, &output, &written, key, CInt(count))
            guard result == 1, Int(written) == output.count else { throw .library(.drain("EVP_CipherUpdate(wrap)")) }
        }
        return output
    }

    /// Unwraps, or returns nothing at all.
    /// - Parameters:
    ///   - wrapped: what `wrap` returned; at least 24 bytes for KW, 16 for KWP.
    ///   - kek: 16, 24 or 32 bytes.
    /// - Throws: `.malformed` if a size is wrong; `.unauthentic` if the KEK or any bit differs; `.library` if OpenSSL fails.
    ///
    /// Source: RFC 3394, 2.2.2; RFC 5649, 4.2.
    package static func unwrap(
        _ wrapped: [UInt8], under kek: borrowing SecretBytes, mode: Mode
    ) throws(AEADError) -> SecretBytes {
        let least = mode == .kwp ? 16 : 24
        guard wrapped.count >= least, wrapped.count % 8 == 0, wrapped.count <= maxBytes else { throw .malformed }
        let context = try start(mode, kek, sealing: 0)
        var written: CInt = 0
        let padded = try SecretBytes(count: wrapped.count) { buffer throws(AEADError) in
            let result = EVP_CipherUpdate(context.handle, buffer.baseAddress, &written, wrapped, CInt(wrapped.count))
            guard result == 1, written > 0, Int(written) <= wrapped.count - 8 else {
                _ = OpenSSLError.drain("EVP_CipherUpdate(unwrap)")
                throw .unauthentic
            }
        }
        return padded.slice(0..<Int(written))
    }

    private static let maxBytes = 1 << 20

    private static func start(_ mode: Mode, _ kek: borrowing SecretBytes, sealing: CInt) throws(AEADError) -> CipherContext {
        let lookup: Fetched.Lookup =
            switch (mode, kek.count) {
            case (.kw, 16): Fetched.aes128KW
            case (.kw, 24): Fetched.aes192KW
            case (.kw, 32): Fetched.aes256KW
            case (.kwp, 16): Fetched.aes128KWP
            case (.kwp, 24): Fetched.aes192KWP
            case (.kwp, 32): Fetched.aes256KWP
            default: throw .malformed
            }
        do {
            let cipher = try lookup.get().handle
            let context = try CipherContext()
            EVP_CIPHER_CTX_set_flags(context.handle, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW)
            let result = kek.withPointer { EVP_CipherInit_ex2(context.handle, cipher, $0, nil, sealing, nil) }
            try OpenSSLError.check(result, "EVP_CipherInit_ex2(key wrap)")
            return context
        } catch {
            throw .library(error)
        }
    }
}
