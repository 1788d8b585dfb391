package import Primitives

/// The TLS certificates of the listeners, wherever they are kept: beside each active pair the next one can be staged, which nobody is shown
/// until it is activated.
package protocol CertificateShelf: Sendable {
    /// All of them, in the order of the configuration.
    func certificates() throws -> [ShelvedCertificate]

    /// Lays a pair ready. Blocks.
    /// - Parameters:
    ///   - certificatePEM: the leaf, then its intermediates; nil has a key and a self-signed certificate made.
    ///   - privateKey: PEM; nil takes the staged key, for which a request was handed out.
    /// - Throws: `CertificateShelfError`.
    func stage(_ id: String, certificatePEM: String?, privateKey: SharedSecret?) throws -> ShelvedCertificate

    /// Puts the staged pair in the place of the active one, each file at once and whole. Blocks.
    /// - Throws: `CertificateShelfError`.
    func activate(_ id: String) throws -> ShelvedCertificate
}

/// Why a certificate was not staged or activated.
package enum CertificateShelfError: Error, Sendable {
    /// None has this id.
    case unknown
    /// What was given can't be used, and where in the request it stood.
    case unusable(field: String, expected: String)
    /// There is no staged one.
    case nothingStaged
    /// The files can't be read or written; the text is for the operator.
    case files(String)
}

/// One configured certificate.
package struct ShelvedCertificate: Sendable {
    /// As `data-1`, `management-1`: the listener and the place in the configuration.
    package let id: String
    /// Which listeners show it: `data`, `management`.
    package let listeners: [String]
    /// The names by which it is chosen.
    package let serverNames: [String]
    /// The leaf and its intermediates; empty if the file can't be read.
    package let active: [Certificate]
    /// The same of the staged one; empty if none is staged.
    package let staged: [Certificate]
    /// The request for the staged key, in PEM (PKCS #10); nil if no key is staged.
    package let request: String?

    /// A certificate as given.
    package init(id: String, listeners: [String], serverNames: [String], active: [Certificate], staged: [Certificate], request: String?) {
        (self.id, self.listeners, self.serverNames) = (id, listeners, serverNames)
        (self.active, self.staged, self.request) = (active, staged, request)
    }
}

/// No certificates.
package struct EmptyCertificateShelf: CertificateShelf {
    package init() {}
    package func certificates() throws -> [ShelvedCertificate] { [] }
    package func stage(_ id: String, certificatePEM: String?, privateKey: SharedSecret?) throws -> ShelvedCertificate {
        throw CertificateShelfError.unknown
    }
    package func activate(_ id: String) throws -> ShelvedCertificate { throw CertificateShelfError.unknown }
}
