import COpenSSL

/// An algorithm of OpenSSL's providers, looked up once in a process: under 3.0 a look-up costs more than the algorithm.
///
/// A failed look-up is remembered with its reason; whoever needs the algorithm gets that error.
struct Fetched: @unchecked Sendable {  // the object never changes and is never freed
    /// `EVP_CIPHER *`, `EVP_MD *`, `EVP_MAC *` or `EVP_KDF *`.
    let handle: OpaquePointer

    typealias Lookup = Result<Fetched, OpenSSLError>

    static let aes256GCM = cipher("AES-256-GCM")
    static let aes256ECB = cipher("AES-256-ECB")
    static let aes128KW = cipher("AES-128-WRAP")
    static let aes192KW = cipher("AES-192-WRAP")
    static let aes256KW = cipher("AES-256-WRAP")
    static let aes128KWP = cipher("AES-128-WRAP-PAD")
    static let aes192KWP = cipher("AES-192-WRAP-PAD")
    static let aes256KWP = cipher("AES-256-WRAP-PAD")
    static let sha1 = digest("SHA1")
    static let sha256 = digest("SHA2-256")
    static let sha384 = digest("SHA2-384")
    static let sha512 = digest("SHA2-512")
    static let hmac = lookup("EVP_MAC_fetch(HMAC)", EVP_MAC_fetch(nil, "HMAC", nil))
    static let hkdf = lookup("EVP_KDF_fetch(HKDF)", EVP_KDF_fetch(nil, "HKDF", nil))
    static let scrypt = lookup("EVP_KDF_fetch(SCRYPT)", EVP_KDF_fetch(nil, "SCRYPT", nil))

    private static func cipher(_ name: String) -> Lookup { lookup("EVP_CIPHER_fetch(\(name))", EVP_CIPHER_fetch(nil, name, nil)) }
    private static func digest(_ name: String) -> Lookup { lookup("EVP_MD_fetch(\(name))", EVP_MD_fetch(nil, name, nil)) }

    private static func lookup(_ operation: String, _ handle: OpaquePointer?) -> Lookup {
        guard let handle else { return .failure(.drain(operation)) }
        return .success(Fetched(handle: handle))
    }
}
