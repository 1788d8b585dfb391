import COpenSSL

/// One `EVP_CIPHER_CTX`: not copyable, so exactly one `free`.
struct CipherContext: ~Copyable {
    let handle: OpaquePointer

    init() throws(OpenSSLError) { handle = try OpenSSLError.check(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new") }

    deinit { EVP_CIPHER_CTX_free(handle) }  // cleanses the key schedule too
}

