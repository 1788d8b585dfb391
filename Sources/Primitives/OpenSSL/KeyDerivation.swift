import COpenSSL

/// HKDF (RFC 5869): keys from a secret that is strong already.
package enum HKDF {
    /// The pseudorandom key of a secret, as long as the function's digest (RFC 5869, 2.2).
    /// - Throws: `OpenSSLError` if OpenSSL fails.
    package static func extract(
        _ secret: borrowing SecretBytes, salt: [UInt8], with function: HashFunction
    ) throws(OpenSSLError) -> SecretBytes {
        try run("EXTRACT_ONLY", secret, salt: salt, info: [], count: function.digestBytes, function)
    }

    /// `count` bytes from a pseudorandom key (RFC 5869, 2.3); at most 255 digests.
    /// - Throws: `OpenSSLError` if `count` is too large or OpenSSL fails.
    package static func expand(
        _ pseudorandomKey: borrowing SecretBytes, info: [UInt8], count: Int, with function: HashFunction
    ) throws(OpenSSLError) -> SecretBytes {
        try run("EXPAND_ONLY", pseudorandomKey, salt: [], info: info, count: count, function)
    }

    /// Extract, then expand.
    /// - Throws: `OpenSSLError` if `count` is too large or OpenSSL fails.
    package static func derive(
        _ secret: borrowing SecretBytes, salt: [UInt8], info: [UInt8], count: Int, with function: HashFunction
    ) throws(OpenSSLError) -> SecretBytes {
        try run("EXTRACT_AND_EXPAND", secret, salt: salt, info: info, count: count, function)
    }

    private static func run(
        _ mode: StaticString, _ key: borrowing SecretBytes, salt: [UInt8], info: [UInt8], count: Int, _ function: HashFunction
    ) throws(OpenSSLError) -> SecretBytes {
        let context = try KDFContext(try Fetched.hkdf.get().handle)
        // Lent for as long as OpenSSL reads them; each mode looks only at what it needs.
        return try salt.span.withUnsafeBufferPointer { salt throws(OpenSSLError) in
            try info.span.withUnsafeBufferPointer { info throws(OpenSSLError) in
                try key.withPointer { bytes throws(OpenSSLError) in
                    try context.derive(count, [
                        .text("mode", mode),
                        .text("digest", function.name),
                        .octets("key", bytes, count: key.count),
                        .octets("salt", salt.baseAddress, count: salt.count),
                        .octets("info", info.baseAddress, count: info.count),
                        .end,
                    ])
                }
            }
        }
    }
}

/// scrypt (RFC 7914): a key from a passphrase, at a price in time and memory.
package enum Scrypt {
    /// `count` bytes from a passphrase.
    /// - Parameters:
    ///   - n: the cost, a power of two; memory is 128 · n · r bytes.
    ///   - r: the block size.
    ///   - p: the parallelism; it only adds time here.
    ///   - maxMemoryBytes: more is refused before it is taken.
    /// - Throws: `OpenSSLError` if a parameter is invalid or asks for too much memory.
    package static func derive(
        _ passphrase: borrowing SecretBytes, salt: [UInt8], n: UInt64, r: UInt32, p: UInt32, count: Int,
        maxMemoryBytes: UInt64 = 1 << 30
    ) throws(OpenSSLError) -> SecretBytes {
        let context = try KDFContext(try Fetched.scrypt.get().handle)
        var (n, r, p, maxMemoryBytes) = (n, r, p, maxMemoryBytes)
        return try salt.span.withUnsafeBufferPointer { salt throws(OpenSSLError) in
            try passphrase.withPointer { bytes throws(OpenSSLError) in
                try withUnsafeMutablePointers(&n, &maxMemoryBytes, &r, &p) { n, memory, r, p throws(OpenSSLError) in
                    try context.derive(count, [
                        .octets("pass", bytes, count: passphrase.count),
                        .octets("salt", salt.baseAddress, count: salt.count),
                        OSSL_PARAM_construct_uint64(("n" as StaticString).cString, n),
                        OSSL_PARAM_construct_uint32(("r" as StaticString).cString, r),
                        OSSL_PARAM_construct_uint32(("p" as StaticString).cString, p),
                        OSSL_PARAM_construct_uint64(("maxmem_bytes" as StaticString).cString, memory),
                        .end,
                    ])
                }
            }
        }
    }

    private static func withUnsafeMutablePointers<R: ~Copyable>(
        _ a: inout UInt64, _ b: inout UInt64, _ c: inout UInt32, _ d: inout UInt32,
        _ body: (
            UnsafeMutablePointer<UInt64>, UnsafeMutablePointer<UInt64>, UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>
        ) throws(OpenSSLError) -> R
    ) throws(OpenSSLError) -> R {
        try body(&a, &b, &c, &d)
    }
}

/// One `EVP_KDF_CTX`.
private struct KDFContext: ~Copyable {
    let handle: OpaquePointer

    init(_ algorithm: OpaquePointer) throws(OpenSSLError) {
        handle = try OpenSSLError.check(EVP_KDF_CTX_new(algorithm), "EVP_KDF_CTX_new")
    }

    deinit { EVP_KDF_CTX_free(handle) }  // cleanses the secret too

    borrowing func derive(_ count: Int, _ parameters: [OSSL_PARAM]) throws(OpenSSLError) -> SecretBytes {
        try SecretBytes(count: count) { buffer throws(OpenSSLError) in
            try OpenSSLError.check(EVP_KDF_derive(handle, buffer.baseAddress, count, parameters), "EVP_KDF_derive")
        }
    }
}
