import COpenSSL

/// HMAC (RFC 2104, FIPS 198-1).
package enum HMAC {
    /// The tag of `message`, as long as the function's digest.
    /// - Parameter key: any size; as long as the digest is best.
    /// - Throws: `OpenSSLError` if OpenSSL fails.
    package static func authenticate(
        _ message: [UInt8], key: borrowing SecretBytes, with function: HashFunction
    ) throws(OpenSSLError) -> [UInt8] {
        let context = try MACContext(try Fetched.hmac.get().handle)
        let parameters = [OSSL_PARAM.text("digest", function.name), .end]
        let count = key.count
        let result = key.withPointer { EVP_MAC_init(context.handle, $0, count, parameters) }
        try OpenSSLError.check(result, "EVP_MAC_init")
        try OpenSSLError.check(EVP_MAC_update(context.handle, message, message.count), "EVP_MAC_update")
        var tag = [UInt8](repeating: 0, count: function.digestBytes)
        var written = 0
        try OpenSSLError.check(EVP_MAC_final(context.handle, &tag, &written, tag.count), "EVP_MAC_final")
        return tag
    }

    /// Whether `tag`, whole and not truncated, is the tag of `message`; the time tells nothing about where it differs.
    /// - Throws: `OpenSSLError` if OpenSSL fails.
    package static func isValid(
        _ tag: [UInt8], for message: [UInt8], key: borrowing SecretBytes, with function: HashFunction
    ) throws(OpenSSLError) -> Bool {
        ConstantTime.isEqual(tag, try authenticate(message, key: key, with: function))
    }
}

/// One `EVP_MAC_CTX`.
private struct MACContext: ~Copyable {
    let handle: OpaquePointer

    init(_ algorithm: OpaquePointer) throws(OpenSSLError) {
        handle = try OpenSSLError.check(EVP_MAC_CTX_new(algorithm), "EVP_MAC_CTX_new")
    }

    deinit { EVP_MAC_CTX_free(handle) }  // cleanses the key too
}
