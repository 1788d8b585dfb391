import COpenSSL

/// One `EVP_PKEY`, shared by whoever uses the key.
final class KeyHandle: @unchecked Sendable {  // never changed once made; OpenSSL locks the caches inside
    let pointer: OpaquePointer

    /// Takes ownership.
    init(owning pointer: OpaquePointer) { self.pointer = pointer }

    deinit { EVP_PKEY_free(pointer) }

    /// The public part in DER (`SubjectPublicKeyInfo`).
    func spki() throws(OpenSSLError) -> [UInt8] {
        var output: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(pointer, &output)
        guard count > 0, let output else { throw .drain("i2d_PUBKEY") }
        defer { shim_OPENSSL_free(output) }
        return Array(UnsafeBufferPointer(start: output, count: Int(count)))
    }

    /// A number of the key, big-endian: padded to `count` bytes, or without leading zeros.
    func number(_ name: StaticString, paddedTo count: Int? = nil) throws(OpenSSLError) -> [UInt8] {
        var number: OpaquePointer?
        let found = EVP_PKEY_get_bn_param(pointer, name.cString, &number)
        defer { BN_free(number) }
        try OpenSSLError.check(found, "EVP_PKEY_get_bn_param")
        var bytes = [UInt8](repeating: 0, count: count ?? (Int(BN_num_bits(number)) + 7) / 8)
        guard BN_bn2binpad(number, &bytes, CInt(bytes.count)) == CInt(bytes.count) else { throw .drain("BN_bn2binpad") }
        return bytes
    }
}

/// One `EVP_PKEY_CTX`: an operation with a key.
struct KeyContext: ~Copyable {
    let handle: OpaquePointer

    init(_ key: KeyHandle) throws(OpenSSLError) {
        handle = try OpenSSLError.check(EVP_PKEY_CTX_new_from_pkey(nil, key.pointer, nil), "EVP_PKEY_CTX_new_from_pkey")
    }

    /// For making keys of a type.
    init(type: String) throws(OpenSSLError) {
        handle = try OpenSSLError.check(EVP_PKEY_CTX_new_from_name(nil, type, nil), "EVP_PKEY_CTX_new_from_name")
    }

    deinit { EVP_PKEY_CTX_free(handle) }

    /// Gives the context to a new owner, who frees it.
    consuming func release() -> OpaquePointer {
        let handle = handle
        discard self
        return handle
    }
}
