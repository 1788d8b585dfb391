import COpenSSL

/// A private key. Its numbers live in OpenSSL's own heap, which cleanses them when the last owner lets go.
package final class PrivateKey: Sendable {
    /// How much of a key from outside is checked; type and size always are.
    package enum Validation: Sendable {
        /// Also that its numbers are sound and belong together: 80 ms for RSA-2048, 350 ms for RSA-4096.
        case full
        /// Not again: the bytes are our own export and came out of our own authenticated seal.
        case ownExport
    }

    /// The public half.
    package let publicKey: PublicKey
    let handle: KeyHandle

    /// Its type and size.
    package var type: KeyType { publicKey.type }

    private init(_ handle: KeyHandle, type: KeyType) throws(OpenSSLError) {
        let spki = try handle.spki()
        let half = spki.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            return d2i_PUBKEY_ex(nil, &next, bytes.count, nil, nil)
        }
        publicKey = try PublicKey(KeyHandle(owning: try OpenSSLError.check(half, "d2i_PUBKEY_ex")), type: type)
        self.handle = handle
    }

    /// A new key.
    /// - Parameter type: RSA sizes are multiples of 256; the exponent is 65537.
    /// - Throws: `.unsuitable` for an RSA size that is not accepted; `.library` if OpenSSL fails.
    package static func generate(_ type: KeyType) throws(KeyUseError) -> PrivateKey {
        if case .rsa(let bits) = type, !KeyType.rsaBits.contains(bits) || bits % 256 != 0 {
            throw .unsuitable(expected: "an RSA size from 2048 to 8192 bits, a multiple of 256, found \(bits)")
        }
        do { return try PrivateKey(try makeKey(type), type: type) } catch { throw .library(error) }
    }

    private static func makeKey(_ type: KeyType) throws(OpenSSLError) -> KeyHandle {
        let name =
            switch type {
            case .rsa: "RSA"
            case .ec: "EC"
            case .ed25519: "ED25519"
            }
        let context = try KeyContext(type: name)
        try OpenSSLError.check(EVP_PKEY_keygen_init(context.handle), "EVP_PKEY_keygen_init")
        switch type {
        case .rsa(let bits):
            try OpenSSLError.check(EVP_PKEY_CTX_set_rsa_keygen_bits(context.handle, CInt(bits)), "EVP_PKEY_CTX_set_rsa_keygen_bits")
        case .ec(let curve):
            let result = EVP_PKEY_CTX_set_group_name(context.handle, curve.groupName.cString)
            try OpenSSLError.check(result, "EVP_PKEY_CTX_set_group_name")
        case .ed25519: break
        }
        var key: OpaquePointer?
        try OpenSSLError.check(EVP_PKEY_generate(context.handle, &key), "EVP_PKEY_generate")
        return KeyHandle(owning: try OpenSSLError.check(key, "EVP_PKEY_generate"))
    }

    /// A key from unencrypted PKCS#8 in DER (RFC 5208).
    /// - Throws: `KeyImportError` unless it is exactly one such structure and holds an acceptable key.
    package convenience init(pkcs8DER der: borrowing SecretBytes, validation: Validation = .full) throws(KeyImportError) {
        let count = der.count
        let key = try der.withPointer { bytes throws(KeyImportError) in
            try PrivateKey.decode(UnsafeBufferPointer(start: bytes, count: count))
        }
        try self.init(checking: key, validation)
    }

    /// A key from PEM with the label `PRIVATE KEY`, that is unencrypted PKCS#8.
    /// - Throws: `KeyImportError` unless it is the only block and holds an acceptable key.
    package convenience init(pkcs8PEM pem: borrowing SecretBytes, validation: Validation = .full) throws(KeyImportError) {
        let count = pem.count
        let bio: MemoryBIO
        do {
            bio = try pem.withPointer { text throws(OpenSSLError) in try MemoryBIO(text, count: count) }
        } catch {
            throw .library(error)
        }
        let block = try PEMBlock.single("PRIVATE KEY", in: bio)
        let key = try block.withBytes { der throws(KeyImportError) in try PrivateKey.decode(der) }
        try self.init(checking: key, validation)
    }

    convenience init(checking handle: KeyHandle, _ validation: Validation) throws(KeyImportError) {
        let type = try KeyCheck.type(of: handle)
        if validation == .full {
            try KeyCheck.publicPart(handle)
            try KeyCheck.bothParts(handle)
        }
        do { try self.init(handle, type: type) } catch { throw .library(error) }
    }

    static func decode(_ der: UnsafeBufferPointer<UInt8>) throws(KeyImportError) -> KeyHandle {
        var next = der.baseAddress
        let info = d2i_PKCS8_PRIV_KEY_INFO(nil, &next, der.count)
        defer { PKCS8_PRIV_KEY_INFO_free(info) }  // cleanses the key too
        guard let info, next == der.baseAddress.map({ $0 + der.count }), let key = EVP_PKCS82PKEY_ex(info, nil, nil) else {
            _ = OpenSSLError.drain("EVP_PKCS82PKEY_ex")
            throw .malformed(expected: "a private key as unencrypted PKCS#8 of \(KeyCheck.acceptedTypes)")
        }
        return KeyHandle(owning: key)
    }

    /// Unencrypted PKCS#8 in DER.
    package func pkcs8DER() throws(OpenSSLError) -> SecretBytes {
        let info = try OpenSSLError.check(EVP_PKEY2PKCS8(handle.pointer), "EVP_PKEY2PKCS8")
        defer { PKCS8_PRIV_KEY_INFO_free(info) }  // cleanses the key too
        let count = i2d_PKCS8_PRIV_KEY_INFO(info, nil)
        guard count > 0 else { throw .drain("i2d_PKCS8_PRIV_KEY_INFO") }
        return try SecretBytes(count: Int(count)) { buffer throws(OpenSSLError) in
            var next = buffer.baseAddress
            guard i2d_PKCS8_PRIV_KEY_INFO(info, &next) == count else { throw .drain("i2d_PKCS8_PRIV_KEY_INFO") }
        }
    }

    /// Unencrypted PKCS#8 in PEM, with the label `PRIVATE KEY`.
    package func pkcs8PEM() throws(OpenSSLError) -> SecretBytes {
        let der = try pkcs8DER()
        let bio = try MemoryBIO()
        let written = der.withPointer { PEM_write_bio(bio.handle, "PRIVATE KEY", "", $0, der.count) }
        guard written > 0 else { throw .drain("PEM_write_bio") }
        return bio.withBytes { text in SecretBytes(count: text.count) { _ = $0.update(fromContentsOf: text) } }
    }
}
