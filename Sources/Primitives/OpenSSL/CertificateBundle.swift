import COpenSSL

/// Certificates as PKCS#7 without content or signature (RFC 2315, 9.1), the form in which mail products exchange chains.
package enum CertificateBundle {
    /// PEM with the label `PKCS7`.
    package static func pkcs7PEM(_ certificates: [Certificate]) throws(OpenSSLError) -> String {
        let bundle = try OpenSSLError.check(PKCS7_new(), "PKCS7_new")
        defer { PKCS7_free(bundle) }
        try OpenSSLError.check(PKCS7_set_type(bundle, NID_pkcs7_signed), "PKCS7_set_type")
        try OpenSSLError.check(PKCS7_content_new(bundle, NID_pkcs7_data), "PKCS7_content_new")
        for certificate in certificates {
            let pointer = certificate.der.withUnsafeBufferPointer { bytes in
                var next = bytes.baseAddress
                return d2i_X509(nil, &next, bytes.count)
            }
            let x509 = try OpenSSLError.check(pointer, "d2i_X509")
            defer { X509_free(x509) }
            try OpenSSLError.check(PKCS7_add_certificate(bundle, x509), "PKCS7_add_certificate")
        }
        let bio = try MemoryBIO()
        try OpenSSLError.check(PEM_write_bio_PKCS7(bio.handle, bundle), "PEM_write_bio_PKCS7")
        return bio.text()
    }
}
