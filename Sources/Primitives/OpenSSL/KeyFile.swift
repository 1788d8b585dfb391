import COpenSSL

/// What somebody's key file holds: the private key, and its certificates where the file has them too.
package struct KeyFile: Sendable {
    package let key: PrivateKey
    /// The key's own first, then those above it; empty if the file has none.
    package let certificates: [Certificate]

    /// Reads PEM with PKCS#8 or PKCS#1, encrypted or not, perhaps with certificates; DER of the same without encryption; or PKCS#12.
    /// - Parameter password: asked for once, if the file needs one; UTF-8.
    /// - Throws: `KeyImportError`, or what `password` throws.
    package init(_ content: borrowing SecretBytes, password: () throws -> SecretBytes) throws {
        if let text = KeyFile.pem(content) {
            key = text.isEncrypted ? try KeyFile.decrypt(content, try password()) : try PrivateKey(text: try KeyFile.onlyKey(content))
            certificates = text.certificates
        } else if let archive = KeyFile.archive(content) {
            (key, certificates) = try archive.open(try password())
        } else if let der = try? PrivateKey(pkcs8DER: content) {
            (key, certificates) = (der, [])
        } else {
            let text = KeyFile.base64(content)
            (key, certificates) = (try PrivateKey(text: text), [])
        }
        if let first = certificates.first, !first.matches(key) {
            throw KeyImportError.malformed(expected: "certificates beginning with the one of the private key")
        }
    }

    // MARK: PEM

    private struct PEM {
        let isEncrypted: Bool
        let certificates: [Certificate]
    }

    /// What a PEM text has beside its key; nil if it is none.
    private static func pem(_ content: borrowing SecretBytes) -> PEM? {
        guard let text = text(content), text.contains("-----BEGIN") else { return nil }
        var certificates: [Certificate] = []
        for part in text.split(separator: "-----BEGIN CERTIFICATE-----", omittingEmptySubsequences: false).dropFirst() {
            let body = part.split(separator: "-----END CERTIFICATE-----", omittingEmptySubsequences: false)[0]
            let chain = try? Certificate.chain(pem: "-----BEGIN CERTIFICATE-----\(body)-----END CERTIFICATE-----\n")
            certificates += chain ?? []
        }
        return PEM(isEncrypted: text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED"), certificates: certificates)
    }

    private static func text(_ content: borrowing SecretBytes) -> String? {
        var bytes = content.exposedCopy()
        defer { bytes.wipe() }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The text without its certificates.
    private static func onlyKey(_ content: borrowing SecretBytes) throws -> SecretBytes {
        let (begin, end) = (Array("-----BEGIN CERTIFICATE-----".utf8), Array("-----END CERTIFICATE-----".utf8))
        var bytes = content.exposedCopy()
        defer { bytes.wipe() }
        while let start = bytes.firstRange(of: begin), let stop = bytes[start.upperBound...].firstRange(of: end) {
            bytes.removeSubrange(start.lowerBound..<stop.upperBound)
        }
        return SecretBytes(copying: bytes)
    }

    private static func decrypt(_ content: borrowing SecretBytes, _ password: borrowing SecretBytes) throws -> PrivateKey {
        let count = content.count
        let bio = try content.withPointer { (bytes) throws(OpenSSLError) in try MemoryBIO(bytes, count: count) }
        let terminated = try KeyFile.terminated(password)
        let key = terminated.withPointer { PEM_read_bio_PrivateKey_ex(bio.handle, nil, nil, UnsafeMutableRawPointer(mutating: $0), nil, nil) }
        guard let key else {
            _ = OpenSSLError.drain("PEM_read_bio_PrivateKey_ex")
            throw KeyImportError.malformed(expected: "a private key that opens with this password")
        }
        return try PrivateKey(checking: KeyHandle(owning: key), .full)
    }

    /// With a zero byte behind it, as C wants it.
    private static func terminated(_ password: borrowing SecretBytes) throws -> SecretBytes {
        var bytes = password.exposedCopy()
        defer { bytes.wipe() }
        guard !bytes.contains(0) else { throw KeyImportError.malformed(expected: "a password without a zero byte") }
        bytes.append(0)
        return SecretBytes(copying: bytes)
    }

    private static func base64(_ content: borrowing SecretBytes) -> SecretBytes {
        var bytes = content.exposedCopy()
        defer { bytes.wipe() }
        var encoded = Array(Base64.string(bytes).utf8)
        defer { encoded.wipe() }
        return SecretBytes(copying: encoded)
    }

    // MARK: PKCS#12 (RFC 7292)

    private struct Archive: ~Copyable {
        let handle: OpaquePointer
        deinit { PKCS12_free(handle) }

        borrowing func open(_ password: borrowing SecretBytes) throws -> (PrivateKey, [Certificate]) {
            var (key, own, others): (OpaquePointer?, OpaquePointer?, OpaquePointer?)
            let terminated = try KeyFile.terminated(password)
            let isOpen = terminated.withPointer { bytes in
                bytes.withMemoryRebound(to: CChar.self, capacity: terminated.count) { PKCS12_parse(handle, $0, &key, &own, &others) }
            }
            defer {
                X509_free(own)
                shim_sk_X509_pop_free(others)
            }
            guard isOpen == 1 else {
                let isOld = ERR_GET_REASON(ERR_peek_last_error()) != PKCS12_R_MAC_VERIFY_FAILURE
                _ = OpenSSLError.drain("PKCS12_parse")
                throw KeyImportError.malformed(expected: isOld
                    ? "PKCS#12 with AES; older ones are converted with: openssl pkcs12 -legacy -in OLD -nodes | openssl pkcs12 -export -out NEW"
                    : "a PKCS#12 file that opens with this password")
            }
            guard let key else { throw KeyImportError.malformed(expected: "PKCS#12 with a private key") }
            let result = try PrivateKey(checking: KeyHandle(owning: key), .full)
            var certificates: [Certificate] = []
            if let own { certificates.append(try Archive.certificate(own)) }
            for index in 0..<max(0, shim_sk_X509_num(others)) { certificates.append(try Archive.certificate(shim_sk_X509_value(others, index))) }
            return (result, certificates)
        }

        private static func certificate(_ pointer: OpaquePointer?) throws -> Certificate {
            var der: UnsafeMutablePointer<UInt8>?
            let count = i2d_X509(pointer, &der)
            guard count > 0, let der else { throw OpenSSLError.drain("i2d_X509") }
            defer { shim_OPENSSL_free(der) }
            return try Certificate(der: Array(UnsafeBufferPointer(start: der, count: Int(count))))
        }
    }

    private static func archive(_ content: borrowing SecretBytes) -> Archive? {
        let count = content.count
        let handle = content.withPointer { bytes -> OpaquePointer? in
            var next: UnsafePointer<UInt8>? = bytes
            return d2i_PKCS12(nil, &next, count)
        }
        guard let handle else {
            _ = OpenSSLError.drain("d2i_PKCS12")
            return nil
        }
        return Archive(handle: handle)
    }
}
