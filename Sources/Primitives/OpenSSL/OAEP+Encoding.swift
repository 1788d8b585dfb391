import COpenSSL

extension OAEP {
    /// The encoded message EME-OAEP (RFC 8017, 7.1.1, step 2): `00 ‖ masked seed ‖ masked data block`, as long as the modulus.
    /// - Parameter seed: as long as the hash's digest; fresh random bytes for each message.
    func encode(
        _ plaintext: borrowing SecretBytes, seed: borrowing SecretBytes, modulusBytes: Int
    ) throws(KeyUseError) -> SecretBytes {
        let digestBytes = hash.digestBytes
        let blockBytes = modulusBytes - digestBytes - 1
        let count = plaintext.count
        guard seed.count == digestBytes else { throw .malformed(expected: "a seed of \(digestBytes) bytes, found \(seed.count)") }
        guard count <= blockBytes - digestBytes - 1 else {
            throw .malformed(expected: "at most \(blockBytes - digestBytes - 1) bytes, found \(count)")
        }
        let labelHash = Digest.hash(label, with: hash)
        return SecretBytes(count: modulusBytes) { encoded in
            for index in 0..<digestBytes { encoded[1 + digestBytes + index] = labelHash[index] }
            encoded[modulusBytes - count - 1] = 1
            plaintext.withSpan { for index in $0.indices { encoded[modulusBytes - count + index] = $0[index] } }
            seed.withSpan { for index in $0.indices { encoded[1 + index] = $0[index] } }
            mask(encoded, 1 + digestBytes..<modulusBytes, with: 1..<1 + digestBytes)
            mask(encoded, 1..<1 + digestBytes, with: 1 + digestBytes..<modulusBytes)
        }
    }

    /// Combines `target` with MGF1 (RFC 8017, B.2.1) of the bytes `source`.
    private func mask(_ bytes: UnsafeMutableBufferPointer<UInt8>, _ target: Range<Int>, with source: Range<Int>) {
        var offset = target.lowerBound
        var counter: UInt32 = 0
        while offset < target.upperBound {
            var input = Array(bytes[source])
            for shift in [24, 16, 8, 0] { input.append(UInt8(truncatingIfNeeded: counter >> UInt32(shift))) }
            var block = Digest.hash(input, with: mgf1Hash)
            for index in 0..<min(block.count, target.upperBound - offset) { bytes[offset + index] ^= block[index] }
            offset += block.count
            counter += 1
            input.wipe()
            block.wipe()
        }
    }
}

extension PublicKey {
    /// `plaintext` encrypted with RSAES-OAEP as `encrypt(_:with:)` does, but with a seed that the caller draws, so that a protocol's
    /// published vector can be reproduced by the very code that serves.
    /// - Parameter seed: as long as the hash's digest; random, secret and never used twice.
    /// - Throws: as `encrypt(_:with:)`; `.malformed` also if the seed's size is wrong.
    ///
    /// Source: RFC 8017, 7.1.1.
    package func encrypt(
        _ plaintext: borrowing SecretBytes, with oaep: OAEP, seed: borrowing SecretBytes
    ) throws(KeyUseError) -> [UInt8] {
        guard case .rsa(let bits) = type else { throw .unsuitable(expected: "an RSA key, found \(type)") }
        let encoded = try oaep.encode(plaintext, seed: seed, modulusBytes: (bits + 7) / 8)
        let count = encoded.count
        do {
            let context = try KeyContext(handle)
            try OpenSSLError.check(EVP_PKEY_encrypt_init(context.handle), "EVP_PKEY_encrypt_init")
            try OpenSSLError.check(EVP_PKEY_CTX_set_rsa_padding(context.handle, RSA_NO_PADDING), "EVP_PKEY_CTX_set_rsa_padding")
            var output = [UInt8](repeating: 0, count: count)
            var written = count
            let result = encoded.withPointer { EVP_PKEY_encrypt(context.handle, &output, &written, $0, count) }
            try OpenSSLError.check(result, "EVP_PKEY_encrypt")
            return output
        } catch {
            throw .library(error)
        }
    }
}
