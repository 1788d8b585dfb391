package import Primitives

/// A certificate that an org's endpoint names, and what becomes impossible without it.
package struct OrgCertificate: Sendable {
    /// What it is for.
    package enum Use: String, Sendable {
        /// Keys are encrypted to it.
        case wrapping
        /// It signs the org's tokens.
        case signing
    }

    package let endpointID: EndpointID
    package let endpointName: String
    package let use: Use
    package let certificate: Certificate

    /// SHA-256, hexadecimal.
    package var fingerprint: String { Hex.string(certificate.sha256Fingerprint) }
    package var notAfter: Instant { Instant(seconds: certificate.notAfter) }

    /// All certificates of an endpoint's options.
    package static func all(of options: CacheOnlyOptions, _ id: EndpointID, _ name: String) -> [OrgCertificate] {
        let signing = options.authentication.signedToken?.certificates.map(\.certificate) ?? []
        return options.certificates.map { OrgCertificate(endpointID: id, endpointName: name, use: .wrapping, certificate: $0) }
            + signing.map { OrgCertificate(endpointID: id, endpointName: name, use: .signing, certificate: $0) }
    }
}

extension RoutingSnapshot {
    /// The certificates of all orgs.
    package var orgCertificates: [OrgCertificate] {
        endpoints.flatMap { endpoint in
            endpoint.salesforce.map { OrgCertificate.all(of: $0.options, endpoint.id, endpoint.name) } ?? []
        }
    }
}
