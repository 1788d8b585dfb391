package import Primitives

/// What an administrator says of a new identifier.
package struct CacheOnlyKeyDraft: Sendable {
    /// Nil for a new UUID.
    package var identifier: String?
    /// Nil for the endpoint's own key.
    package var keyID: KeyID?
    /// Nil for the newest one that is active.
    package var version: KeyVersionNumber?
    /// The fingerprint of one of the endpoint's certificates; nil for the first.
    package var certificate: String?
    package var notBefore: Instant?
    package var notAfter: Instant?

    /// The endpoint's own key under a new UUID.
    package init() {}
}

/// A key identifier as administrators see it.
package struct CacheOnlyKeyEntry: Sendable, Equatable {
    package let id: String
    package let endpointID: EndpointID
    package let key: CacheOnlyKey
    package let createdAt: Instant
    package let updatedAt: Instant
    package let revision: Int64

    /// `RemoteKeyIdentifier` in the org.
    package var identifier: String { key.identifier }
}

/// What becomes different about an identifier; nil leaves a thing as it is. Which key it stands for is not among it.
package struct CacheOnlyKeyChange: Sendable {
    package var isEnabled: Bool?
    package var certificate: String?
    package var notBefore: Instant??
    package var notAfter: Instant??

    /// Nothing.
    package init() {}
}

/// Which identifiers a list shows; all that is set must hold.
package struct CacheOnlyKeyFilter: Sendable {
    package var endpointID: EndpointID?
    package var identifier: String?
    package var keyID: KeyID?
    package var isEnabled: Bool?

    /// Every identifier.
    package init() {}

    var query: KeysetQuery {
        var query = KeysetQuery("salesforce_keys")
        if let endpointID { query.add("endpoint_id = $", .text(endpointID.description)) }
        if let identifier { query.add("identifier = $", .text(identifier)) }
        if let keyID { query.add("key_id = $", .text(keyID.description)) }
        if let isEnabled { query.add("enabled = $", .boolean(isEnabled)) }
        return query
    }
}
