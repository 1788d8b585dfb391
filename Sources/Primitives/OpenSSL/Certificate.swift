import COpenSSL

/// An X.509 certificate, read into values (RFC 5280). Reading is not trusting: no chain is verified here.
package struct Certificate: Sendable, Hashable {
    /// Why it can't be read.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// Not what was expected.
        case malformed(expected: String)
        /// OpenSSL failed for a reason of its own.
        case library(OpenSSLError)

        package var description: String {
            switch self {
            case .malformed(let expected): "expected \(expected)"
            case .library(let error): "\(error)"
            }
        }
    }

    /// The certificate itself.
    package let der: [UInt8]
    /// As an RFC 2253 string, most specific part first; may be empty.
    package let subject: String
    /// As an RFC 2253 string.
    package let issuer: String
    /// Names of the extension `subjectAltName`, as they are written there.
    package let dnsNames: [String]
    /// Addresses of `subjectAltName` in text form, IPv6 as in RFC 5952.
    package let ipAddresses: [String]
    /// Mailboxes of `subjectAltName`.
    package let emailAddresses: [String]
    /// The first second of its validity, in Unix seconds.
    package let notBefore: Int64
    /// The last second of its validity, in Unix seconds.
    package let notAfter: Int64
    /// Lower-case hexadecimal, whole bytes.
    package let serialNumber: String
    /// Its key as `SubjectPublicKeyInfo` in DER; it may be of a type that `publicKey()` refuses.
    package let spkiDER: [UInt8]

    /// A certificate from DER.
    /// - Throws: `.malformed` unless it is exactly one certificate with sound names and dates.
    package init(der: [UInt8]) throws(Failure) {
        let decoded = der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var next = bytes.baseAddress
            guard let certificate = d2i_X509(nil, &next, bytes.count) else { return nil }
            if next == bytes.baseAddress.map({ $0 + bytes.count }) { return certificate }
            X509_free(certificate)
            return nil
        }
        guard let decoded else {
            _ = OpenSSLError.drain("d2i_X509")
            throw .malformed(expected: "one X.509 certificate in DER")
        }
        let reader = CertificateReader(owning: decoded)
        let names = try reader.alternativeNames()
        self.der = der
        (dnsNames, ipAddresses, emailAddresses) = (names.dns, names.ip, names.email)
        notBefore = try reader.unixSeconds(X509_get0_notBefore(decoded))
        notAfter = try reader.unixSeconds(X509_get0_notAfter(decoded))
        do {
            subject = try reader.text(of: X509_get_subject_name(decoded))
            issuer = try reader.text(of: X509_get_issuer_name(decoded))
            serialNumber = try reader.serialNumber()
            spkiDER = try reader.spki()
        } catch {
            throw .library(error)
        }
    }

    /// The certificates of a PEM text, in its order; other text between them is skipped, other blocks are not.
    /// - Throws: `.malformed` unless there is at least one, and nothing but certificates.
    package static func chain(pem: String) throws(Failure) -> [Certificate] {
        let text = Array(pem.utf8)
        var chain: [Certificate] = []
        let bio: MemoryBIO
        do { bio = try MemoryBIO(text, count: text.count) } catch { throw .library(error) }
        while let block = try nextBlock(bio) {
            guard block.label == "CERTIFICATE" else {
                throw .malformed(expected: "PEM with “BEGIN CERTIFICATE”, found “BEGIN \(block.label)”")
            }
            chain.append(try Certificate(der: block.withBytes { Array($0) }))
        }
        guard !chain.isEmpty else { throw .malformed(expected: "PEM with “BEGIN CERTIFICATE”") }
        return chain
    }

    private static func nextBlock(_ bio: borrowing MemoryBIO) throws(Failure) -> PEMBlock? {
        do {
            return try PEMBlock(readingFrom: bio)
        } catch {
            throw .malformed(expected: "certificates in PEM (RFC 7468)")
        }
    }

    /// SHA-256 of `der`, 32 bytes.
    package var sha256Fingerprint: [UInt8] { Digest.sha256(der) }

    /// SHA-256 of the key's `SubjectPublicKeyInfo`, 32 bytes: what a pin holds.
    package var spkiSHA256: [UInt8] { Digest.sha256(spkiDER) }

    /// Its key.
    /// - Throws: `KeyImportError` if the key is not acceptable.
    package func publicKey() throws(KeyImportError) -> PublicKey { try PublicKey(spkiDER: spkiDER) }

    /// Whether `privateKey` belongs to it.
    package func matches(_ privateKey: PrivateKey) -> Bool {
        (try? publicKey()).map { $0.isEqual(to: privateKey.publicKey) } ?? false
    }
}
