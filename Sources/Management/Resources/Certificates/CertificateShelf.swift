package import Primitives

/// The TLS certificates of the listeners, wherever they are kept.
package protocol CertificateShelf: Sendable {
    /// All of them, in the order of the configuration.
    func certificates() async throws -> [ShelvedCertificate]
}

/// One configured certificate.
package struct ShelvedCertificate: Sendable {
    /// As `data-1`, `management-1`.
    package let id: String
    package let leaf: Certificate?
}

/// No certificates.
package struct EmptyCertificateShelf: CertificateShelf {
    package init() {}
    package func certificates() async throws -> [ShelvedCertificate] { [] }
}
