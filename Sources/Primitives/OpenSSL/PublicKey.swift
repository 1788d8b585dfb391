import COpenSSL

/// A public key that passed every check of `KeyCheck`, or belongs to a private key that did.
package final class PublicKey: Sendable {
    /// Its type and size.
    package let type: KeyType
    /// `SubjectPublicKeyInfo` in DER (RFC 5280, 4.1).
    package let spkiDER: [UInt8]
    let handle: KeyHandle

    /// Takes a key whose type was checked.
    init(_ handle: KeyHandle, type: KeyType) throws(OpenSSLError) {
        spkiDER = try handle.spki()
        (self.handle, self.type) = (handle, type)
    }

    /// A key from `SubjectPublicKeyInfo` in DER.
    /// - Throws: `KeyImportError` unless it is exactly one such structure and holds an acceptable key.
    package convenience init(spkiDER der: [UInt8]) throws(KeyImportError) {
        let pointer = der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var next = bytes.baseAddress
            guard let key = d2i_PUBKEY_ex(nil, &next, bytes.count, nil, nil) else { return nil }
            if next == bytes.baseAddress.map({ $0 + bytes.count }) { return key }
            EVP_PKEY_free(key)
            return nil
        }
        guard let pointer else {
            _ = OpenSSLError.drain("d2i_PUBKEY_ex")
            throw .malformed(expected: "a public key as DER SubjectPublicKeyInfo of \(KeyCheck.acceptedTypes)")
        }
        try self.init(checking: KeyHandle(owning: pointer))
    }

    /// A key from PEM with the label `PUBLIC KEY`.
    /// - Throws: `KeyImportError` unless it is the only block and holds an acceptable key.
    package convenience init(spkiPEM pem: String) throws(KeyImportError) {
        let text = Array(pem.utf8)
        let bio: MemoryBIO
        do { bio = try MemoryBIO(text, count: text.count) } catch { throw .library(error) }
        try self.init(spkiDER: try PEMBlock.single("PUBLIC KEY", in: bio).withBytes { Array($0) })
    }

    /// Takes in a key of unknown origin.
    convenience init(checking handle: KeyHandle) throws(KeyImportError) {
        let type = try KeyCheck.type(of: handle)
        try KeyCheck.publicPart(handle)
        do { try self.init(handle, type: type) } catch { throw .library(error) }
    }

    /// PEM with the label `PUBLIC KEY` (RFC 7468, 13).
    package func spkiPEM() throws(OpenSSLError) -> String {
        let bio = try MemoryBIO()
        guard PEM_write_bio(bio.handle, "PUBLIC KEY", "", spkiDER, spkiDER.count) > 0 else { throw .drain("PEM_write_bio") }
        return bio.text()
    }

    /// SHA-256 of `spkiDER`, 32 bytes: what pins and fingerprints of keys are made of.
    package var spkiSHA256: [UInt8] { Digest.sha256(spkiDER) }

    /// Whether both are the same key, however they were encoded.
    package func isEqual(to other: PublicKey) -> Bool {
        let result = EVP_PKEY_eq(handle.pointer, other.handle.pointer)
        if result < 0 { _ = OpenSSLError.drain("EVP_PKEY_eq") }
        return result == 1
    }
}
