import Primitives

/// Google's issuers of authorization tokens for client-side encryption, as data: each signs for one product.
///
/// Source: Google Workspace client-side encryption, "Set up your key service" (2026-04). `iss` is the bare address.
package enum GoogleCSEIssuer: String, Sendable, CaseIterable {
    /// Drive, Docs, Sheets, Slides.
    case drive
    case meet
    case calendar
    case gmail
    /// Moves keys from one key service to another; also asks for `digest`.
    case migration

    /// The token's `iss`.
    package var value: String {
        switch self {
        case .drive: "gsuitecse-tokenissuer-drive@system.gserviceaccount.com"
        case .meet: "gsuitecse-tokenissuer-meet@system.gserviceaccount.com"
        case .calendar: "gsuitecse-tokenissuer-calendar@system.gserviceaccount.com"
        case .gmail: "gsuitecse-tokenissuer-gmail@system.gserviceaccount.com"
        case .migration: "apps-security-cse-kaclscommunication@system.gserviceaccount.com"
        }
    }

    /// The audience of all of them.
    package static let audience = "cse-authorization"

    /// The entry for the verifier, the same in every process.
    package var issuer: Issuer {
        Issuer(
            id: IssuerID(named: "google-cse/\(rawValue)"), name: "Google CSE \(rawValue)", values: [value],
            keys: .jwksURL("https://www.googleapis.com/service_accounts/v1/jwk/\(value)"), algorithms: [.rs256])
    }
}

extension IssuerID {
    /// The id of an issuer that stands in no table: from the SHA-256 of its name, marked as a UUID of version 8 (RFC 9562, 5.8).
    package init(named name: String) {
        var bytes = Array(Digest.sha256(Array("holdfast issuer \(name)".utf8)).prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        guard let id = UUIDBytes(bytes) else { preconditionFailure("a digest's first sixteen bytes are sixteen bytes") }
        self.init(bytes: id)
    }
}
