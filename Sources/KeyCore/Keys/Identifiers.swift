package import Primitives

/// A 128-bit name that is never reused, written as a UUID (RFC 9562).
package protocol UniqueID: Hashable, Sendable, CustomStringConvertible {
    /// The sixteen bytes.
    var bytes: UUIDBytes { get }
    /// From its sixteen bytes.
    init(bytes: UUIDBytes)
}

extension UniqueID {
    /// Lower-case text, as `0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77`.
    package var description: String { bytes.description }

    /// From canonical lower-case text; nil for anything else, so that a thing has one name only.
    package init?(_ text: some StringProtocol) {
        guard let bytes = UUIDBytes(text) else { return nil }
        self.init(bytes: bytes)
    }

    /// A new random one (version 4).
    package static func random() throws(OpenSSLError) -> Self { Self(bytes: try UUIDBytes.random()) }
}

/// Names a key.
package struct KeyID: UniqueID {
    package let bytes: UUIDBytes
    package init(bytes: UUIDBytes) { self.bytes = bytes }
}

/// Names an endpoint.
package struct EndpointID: UniqueID {
    package let bytes: UUIDBytes
    package init(bytes: UUIDBytes) { self.bytes = bytes }
}

/// Names an issuer's entry.
package struct IssuerID: UniqueID {
    package let bytes: UUIDBytes
    package init(bytes: UUIDBytes) { self.bytes = bytes }
}

/// Names a policy.
package struct PolicyID: UniqueID {
    package let bytes: UUIDBytes
    package init(bytes: UUIDBytes) { self.bytes = bytes }
}
