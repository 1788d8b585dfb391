import COpenSSL
import Glibc

/// One `X509`, while its fields are copied out.
struct CertificateReader: ~Copyable {
    private let certificate: OpaquePointer

    /// Takes ownership.
    init(owning certificate: OpaquePointer) { self.certificate = certificate }

    deinit { X509_free(certificate) }

    /// A distinguished name as RFC 2253 writes it.
    borrowing func text(of name: OpaquePointer?) throws(OpenSSLError) -> String {
        let bio = try MemoryBIO()
        guard X509_NAME_print_ex(bio.handle, name, 0, shim_XN_FLAG_RFC2253()) >= 0 else { throw .drain("X509_NAME_print_ex") }
        return bio.text()
    }

    borrowing func serialNumber() throws(OpenSSLError) -> String {
        let number = try OpenSSLError.check(
            ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nil), "ASN1_INTEGER_to_BN")
        defer { BN_free(number) }
        let text = try OpenSSLError.check(BN_bn2hex(number), "BN_bn2hex")
        defer { shim_OPENSSL_free(text) }
        return String(cString: text).lowercased()
    }

    borrowing func spki() throws(OpenSSLError) -> [UInt8] {
        var output: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &output)
        guard count > 0, let output else { throw .drain("i2d_X509_PUBKEY") }
        defer { shim_OPENSSL_free(output) }
        return Array(UnsafeBufferPointer(start: output, count: Int(count)))
    }

    borrowing func unixSeconds(_ time: UnsafePointer<ASN1_TIME>?) throws(Certificate.Failure) -> Int64 {
        var parts = tm()
        guard ASN1_TIME_to_tm(time, &parts) == 1 else {
            _ = OpenSSLError.drain("ASN1_TIME_to_tm")
            throw .malformed(expected: "a certificate with UTCTime or GeneralizedTime validity")
        }
        return Int64(timegm(&parts))
    }

    /// The names of `subjectAltName`, or none.
    borrowing func alternativeNames() throws(Certificate.Failure) -> (dns: [String], ip: [String], email: [String]) {
        var names: (dns: [String], ip: [String], email: [String]) = ([], [], [])
        var status: CInt = 0
        guard let found = X509_get_ext_d2i(certificate, NID_subject_alt_name, &status, nil) else {
            _ = OpenSSLError.drain("X509_get_ext_d2i")
            guard status == -1 else { throw .malformed(expected: "one readable subjectAltName extension") }
            return names
        }
        let list = OpaquePointer(found)
        defer { GENERAL_NAMES_free(list) }
        for index in 0..<shim_sk_GENERAL_NAME_num(list) {
            var type: CInt = 0
            let name = GENERAL_NAME_get0_value(shim_sk_GENERAL_NAME_value(list, index), &type)
            guard let value = name?.assumingMemoryBound(to: ASN1_STRING.self) else { continue }
            switch type {
            case GEN_DNS: names.dns.append(try CertificateReader.ascii(value))
            case GEN_EMAIL: names.email.append(try CertificateReader.ascii(value))
            case GEN_IPADD: names.ip.append(try CertificateReader.address(value))
            default: continue
            }
        }
        return names
    }

    private static func bytes(_ value: UnsafePointer<ASN1_STRING>) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: ASN1_STRING_get0_data(value), count: Int(ASN1_STRING_length(value)))
    }

    /// An IA5String of visible characters only: a name with a NUL inside reads differently in C and here.
    private static func ascii(_ value: UnsafePointer<ASN1_STRING>) throws(Certificate.Failure) -> String {
        let bytes = bytes(value)
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .malformed(expected: "visible ASCII in the names of subjectAltName")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func address(_ value: UnsafePointer<ASN1_STRING>) throws(Certificate.Failure) -> String {
        let bytes = bytes(value)
        guard bytes.count == 4 || bytes.count == 16 else {
            throw .malformed(expected: "4 or 16 bytes in an IP address of subjectAltName")
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes.baseAddress, &text, socklen_t(text.count)) != nil else {
            throw .malformed(expected: "an IP address in subjectAltName")
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
