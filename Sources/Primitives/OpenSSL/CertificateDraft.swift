import COpenSSL
import Glibc

/// A server certificate, or a request for one, that is still to be made: PKCS #10 (RFC 2986) for a CA, or self-signed X.509 (RFC 5280).
package struct CertificateDraft: Sendable {
    /// The names and addresses of `subjectAltName`; the first is the common name too.
    package let names: [String]

    /// A draft for these names.
    /// - Throws: `.malformed` unless each is a host name (`*` may be its first label) or an IP address, and there is one.
    package init(names: [String]) throws(KeyUseError) {
        let isFine = !names.isEmpty && names.count <= 64 && names.allSatisfy { name in
            (1...253).contains(name.utf8.count) && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x2A, 0x2D, 0x2E, 0x30...0x3A, 0x41...0x5A, 0x61...0x7A: true
                default: false
                }
            }
        }
        guard isFine else { throw .malformed(expected: "1 to 64 host names or IP addresses") }
        self.names = names
    }

    /// A self-signed certificate, valid from a minute ago, in PEM.
    package func selfSigned(with key: PrivateKey, now: Int64, days: Int64) throws(OpenSSLError) -> String {
        let certificate = try OpenSSLError.check(X509_new(), "X509_new")
        defer { X509_free(certificate) }
        try OpenSSLError.check(X509_set_version(certificate, 2), "X509_set_version")
        try CertificateDraft.setSerialNumber(certificate)
        for (time, seconds) in [(X509_getm_notBefore(certificate), now - 60), (X509_getm_notAfter(certificate), now + days * 86_400)] {
            guard ASN1_TIME_set(time, time_t(seconds)) != nil else { throw .drain("ASN1_TIME_set") }
        }
        let name = try subject()
        defer { X509_NAME_free(name) }
        try OpenSSLError.check(X509_set_subject_name(certificate, name), "X509_set_subject_name")
        try OpenSSLError.check(X509_set_issuer_name(certificate, name), "X509_set_issuer_name")
        try OpenSSLError.check(X509_set_pubkey(certificate, key.handle.pointer), "X509_set_pubkey")
        try withExtensions { list throws(OpenSSLError) in
            for index in 0..<shim_sk_X509_EXTENSION_num(list) {
                try OpenSSLError.check(X509_add_ext(certificate, shim_sk_X509_EXTENSION_value(list, index), -1), "X509_add_ext")
            }
        }
        guard X509_sign(certificate, key.handle.pointer, EVP_sha256()) > 0 else { throw .drain("X509_sign") }
        let bio = try MemoryBIO()
        try OpenSSLError.check(PEM_write_bio_X509(bio.handle, certificate), "PEM_write_bio_X509")
        return bio.text()
    }

    /// A request for a CA, in PEM.
    package func request(with key: PrivateKey) throws(OpenSSLError) -> String {
        let request = try OpenSSLError.check(X509_REQ_new(), "X509_REQ_new")
        defer { X509_REQ_free(request) }
        let name = try subject()
        defer { X509_NAME_free(name) }
        try OpenSSLError.check(X509_REQ_set_subject_name(request, name), "X509_REQ_set_subject_name")
        try OpenSSLError.check(X509_REQ_set_pubkey(request, key.handle.pointer), "X509_REQ_set_pubkey")
        try withExtensions { list throws(OpenSSLError) in
            try OpenSSLError.check(X509_REQ_add_extensions(request, list), "X509_REQ_add_extensions")
        }
        guard X509_REQ_sign(request, key.handle.pointer, EVP_sha256()) > 0 else { throw .drain("X509_REQ_sign") }
        let bio = try MemoryBIO()
        try OpenSSLError.check(PEM_write_bio_X509_REQ(bio.handle, request), "PEM_write_bio_X509_REQ")
        return bio.text()
    }

    // MARK: Parts

    private func subject() throws(OpenSSLError) -> OpaquePointer {
        let name = try OpenSSLError.check(X509_NAME_new(), "X509_NAME_new")
        let text = Array(String(names[0].prefix(64)).utf8)  // ub-common-name (RFC 5280, A.1)
        guard X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, text, CInt(text.count), -1, 0) == 1 else {
            X509_NAME_free(name)
            throw .drain("X509_NAME_add_entry_by_NID")
        }
        return name
    }

    /// 128 random bits, positive (RFC 5280, 4.1.2.2).
    private static func setSerialNumber(_ certificate: OpaquePointer) throws(OpenSSLError) {
        var bytes = try RandomBytes.generate(16)
        bytes[0] = bytes[0] & 0x7F | 0x40
        let number = try OpenSSLError.check(BN_bin2bn(bytes, CInt(bytes.count), nil), "BN_bin2bn")
        defer { BN_free(number) }
        guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil else { throw .drain("BN_to_ASN1_INTEGER") }
    }

    /// Lends what every server's certificate says (RFC 5280, 4.2.1): no CA, for signatures and as a TLS server, these names.
    private func withExtensions(_ body: (OpaquePointer) throws(OpenSSLError) -> Void) throws(OpenSSLError) {
        let list = try OpenSSLError.check(shim_sk_X509_EXTENSION_new_null(), "sk_X509_EXTENSION_new_null")
        defer { shim_sk_X509_EXTENSION_free(list) }
        let alternatives = names.map { ($0.contains(":") || HTTPClientAddress($0) != nil ? "IP:" : "DNS:") + $0 }.joined(separator: ",")
        for (identifier, value) in [
            (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"), (NID_ext_key_usage, "serverAuth"),
            (NID_subject_alt_name, alternatives),
        ] {
            let made = X509V3_EXT_conf_nid(nil, nil, identifier, value)
            guard let made, shim_sk_X509_EXTENSION_push(list, made) > 0 else {
                X509_EXTENSION_free(made)
                throw .drain("X509V3_EXT_conf_nid")
            }
        }
        try body(list)
    }
}

extension Certificate {
    /// The certificate in PEM (RFC 7468, 5).
    package var pem: String {
        var text = "-----BEGIN CERTIFICATE-----\n"
        var rest = Base64.encode(der)[...]
        while !rest.isEmpty {
            text += String(decoding: rest.prefix(64), as: UTF8.self) + "\n"
            rest = rest.dropFirst(64)
        }
        return text + "-----END CERTIFICATE-----\n"
    }
}
