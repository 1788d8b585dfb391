package import Primitives

/// What becomes different about an org's endpoint; nil leaves a thing as it is.
package struct CacheOnlyChange: Sendable {
    /// A password that stays, or a new one.
    package enum Password: Sendable, Equatable {
        /// The one of that id.
        case kept(id: String)
        case new(BasicCredential)
    }

    /// What becomes of a thing that can be absent.
    package enum Part<Value: Sendable>: Sendable {
        case kept, removed
        case set(Value)

        func applied(to value: Value?) -> Value? {
            switch self {
            case .kept: value
            case .removed: nil
            case .set(let value): value
            }
        }
    }

    package var organization: String?
    package var certificates: [Certificate]?
    package var passwords: [Password]?
    package var signedToken = Part<PinnedTokenRules>.kept
    package var accessToken = Part<AccessTokenRules>.kept
    package var clientCertificates: [String]?
    package var requiresNonce: Bool?
    package var nonceMemory: Duration?
    package var allowsAnyCertificate: Bool?

    /// Nothing.
    package init() {}

    /// The options as they become.
    /// - Throws: `.invalid` if a password is to stay that isn't there.
    package func applied(to present: CacheOnlyOptions) throws(StoreError) -> CacheOnlyOptions {
        var options = present
        if let organization { options.organization = organization }
        if let certificates { options.certificates = certificates }
        if let passwords { options.authentication.passwords = try CacheOnlyChange.passwords(passwords, options.authentication.passwords) }
        options.authentication.signedToken = signedToken.applied(to: options.authentication.signedToken)
        options.authentication.accessToken = accessToken.applied(to: options.authentication.accessToken)
        if let clientCertificates { options.authentication.clientCertificates = clientCertificates }
        if let requiresNonce { options.requiresNonce = requiresNonce }
        if let nonceMemory { options.nonceMemory = nonceMemory }
        if let allowsAnyCertificate { options.allowsAnyCertificate = allowsAnyCertificate }
        return options
    }

    private static func passwords(_ wanted: [Password], _ present: [BasicCredential]) throws(StoreError) -> [BasicCredential] {
        try wanted.map { (password) throws(StoreError) in
            switch password {
            case .new(let credential): return credential
            case .kept(let id):
                guard let credential = present.first(where: { $0.id == id }) else {
                    throw .invalid(field: "salesforce/authentication/basic/id", expected: "the id of a password that this endpoint has")
                }
                return credential
            }
        }
    }
}
