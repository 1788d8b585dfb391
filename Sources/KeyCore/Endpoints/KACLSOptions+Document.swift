package import Primitives

extension KACLSOptions {
    /// Reads a document in YAML or JSON; a field that is left out has its default, an unknown one is refused.
    /// - Throws: `DocumentError` with line, field and what was expected.
    package init(parsing text: String, source: String) throws(DocumentError) {
        try self.init(try StrictDocument(parsing: text, source: source))
    }

    /// Reads the member `kacls` of a request.
    /// - Throws: `.invalid` with the field's place below `kacls`.
    package init(checking document: JSONValue) throws(StoreError) {
        do {
            try self.init(parsing: String(decoding: document.json, as: UTF8.self), source: "kacls")
        } catch {
            let place = error.field.replacing("[", with: "/").replacing("]", with: "").replacing(".", with: "/")
            let prefix = "expected "
            let message = error.message.hasPrefix(prefix) ? String(error.message.dropFirst(prefix.count)) : error.message
            throw .invalid(field: place.isEmpty ? "kacls" : "kacls/\(place)", expected: message)
        }
    }

    /// Reads the document of an endpoint.
    package init(_ document: StrictDocument) throws(DocumentError) {
        self.init()
        let members = try document.members([
            "urls", "operations", "owner_domains", "origins", "private_network_access", "authorization", "identity_providers", "guests",
            "privileged", "rewrap_peers", "migration_peers", "clock_skew_seconds", "delegation_seconds", "sha1_signatures",
            "mgf1_sha1_fallback", "reason", "requests_per_second",
        ])
        if let list = members["urls"] { urls = try KACLSFields.list(list, KACLSFields.url) }
        if let list = members["operations"] { operations = Set(try KACLSFields.list(list, KACLSFields.method)) }
        if let list = members["owner_domains"] { ownerDomains = try KACLSFields.list(list, KACLSFields.domain) }
        if let list = members["origins"] { origins = try KACLSFields.list(list, KACLSFields.origin) }
        if let member = members["private_network_access"] { allowsPrivateNetworkAccess = try member.bool() }
        if let member = members["authorization"] { try readAuthorization(member) }
        if let list = members["identity_providers"] { identityProviders = try KACLSFields.list(list, KACLSFields.provider) }
        if let member = members["guests"] {
            let fields = try member.members(["allowed", "own_provider"])
            allowsGuests = try fields["allowed"]?.bool() ?? false
            requiresGuestProvider = try fields["own_provider"]?.bool() ?? false
        }
        if let member = members["privileged"] { privileged = try KACLSFields.privileged(member) }
        if let list = members["rewrap_peers"] { rewrapPeers = try KACLSFields.list(list, KACLSFields.peer) }
        if let list = members["migration_peers"] { migrationPeers = try KACLSFields.list(list, KACLSFields.peer) }
        if let member = members["clock_skew_seconds"] { clockSkew = .seconds(try member.integer(in: 0...300)) }
        if let member = members["delegation_seconds"] { delegationLifetime = .seconds(try member.integer(in: 60...900)) }
        if let member = members["sha1_signatures"] { allowsSHA1 = try member.bool() }
        if let member = members["mgf1_sha1_fallback"] { triesMGF1WithSHA1 = try member.bool() }
        if let member = members["reason"] {
            let fields = try member.members(["max_bytes", "refuse_longer"])
            maxReasonBytes = try fields["max_bytes"]?.integer(in: 1...1024) ?? 1024
            refusesLongReasons = try fields["refuse_longer"]?.bool() ?? false
        }
        if let member = members["requests_per_second"] {
            let limit = try member.integer(in: 0...1_000_000)
            requestsPerSecond = limit == 0 ? nil : limit
        }
    }

    private mutating func readAuthorization(_ document: StrictDocument) throws(DocumentError) {
        let fields = try document.members(["google", "issuers", "audiences"])
        if let list = fields["google"] { googleIssuers = Set(try KACLSFields.list(list, KACLSFields.google)) }
        if let list = fields["issuers"] { authorizationIssuers = try KACLSFields.list(list, KACLSFields.issuer) }
        if let list = fields["audiences"] {
            authorizationAudiences = try KACLSFields.list(list, KACLSFields.audience)
            guard !authorizationAudiences.isEmpty else { throw list.error("expected at least one audience, usually cse-authorization") }
        }
    }

    /// The document, with every field.
    package var document: JSONValue {
        [
            "urls": .strings(urls.map(\.description)), "operations": .strings(operations.map(\.rawValue).sorted()),
            "owner_domains": .strings(ownerDomains), "origins": .strings(origins),
            "private_network_access": .bool(allowsPrivateNetworkAccess),
            "authorization": [
                "google": .strings(googleIssuers.map(\.rawValue).sorted()), "issuers": .strings(authorizationIssuers.map(\.description)),
                "audiences": .strings(authorizationAudiences),
            ],
            "identity_providers": .array(identityProviders.map(\.document)),
            "guests": ["allowed": .bool(allowsGuests), "own_provider": .bool(requiresGuestProvider)],
            "privileged": privileged.document, "rewrap_peers": .array(rewrapPeers.map(\.document)),
            "migration_peers": .array(migrationPeers.map(\.document)),
            "clock_skew_seconds": .integer(clockSkew.components.seconds),
            "delegation_seconds": .integer(delegationLifetime.components.seconds), "sha1_signatures": .bool(allowsSHA1),
            "mgf1_sha1_fallback": .bool(triesMGF1WithSHA1),
            "reason": ["max_bytes": .integer(Int64(maxReasonBytes)), "refuse_longer": .bool(refusesLongReasons)],
            "requests_per_second": .integer(Int64(requestsPerSecond ?? 0)),
        ]
    }

    /// The issuers table's entries that the endpoint names.
    package var issuers: Set<IssuerID> { Set(authorizationIssuers + identityProviders.map(\.issuer)) }
}

extension KACLSOptions.IdentityProvider {
    fileprivate var document: JSONValue {
        [
            "issuer": .string(issuer.description), "audiences": .strings(audiences), "users": .bool(vouchesForUsers),
            "guests": .bool(vouchesForGuests), "privileged": .bool(vouchesForPrivileged), "requires_kid": .bool(requiresKeyID),
            "requires_verified_email": .bool(requiresVerifiedEmail),
        ]
    }
}

extension KACLSOptions.Peer {
    fileprivate var document: JSONValue { ["url": .string(url.description), "private_addresses": .bool(mayBePrivate)] }
}

extension KACLSOptions.Privileged {
    fileprivate var document: JSONValue {
        [
            "wrap": .strings(wrap), "unwrap": .strings(unwrap), "private_key_decrypt": .strings(privateKeyDecrypt),
            "wrap_private_key": .strings(wrapPrivateKey), "requires_key_hash": .bool(requiresKeyHash),
        ]
    }
}

/// How each field of the document is read.
private enum KACLSFields {
    static func list<T>(
        _ document: StrictDocument, _ read: (StrictDocument) throws(DocumentError) -> T
    ) throws(DocumentError) -> [T] {
        let elements = try document.elements()
        guard elements.count <= 256 else { throw document.error("expected at most 256 elements") }
        var values: [T] = []
        for element in elements { values.append(try read(element)) }
        return values
    }

    private static func text<T>(
        _ document: StrictDocument, _ expected: String, _ make: (String) -> T?
    ) throws(DocumentError) -> T {
        guard let value = make(try document.string()) else { throw document.error("expected \(expected)") }
        return value
    }

    static func url(_ document: StrictDocument) throws(DocumentError) -> KACLSURL {
        try text(document, "an https URL such as https://cse.example.com/v1, without query and credentials") { KACLSURL($0) }
    }

    static func method(_ document: StrictDocument) throws(DocumentError) -> KACLSMethod {
        try text(document, "one of \(KACLSMethod.allCases.map(\.rawValue).joined(separator: ", "))") { KACLSMethod(rawValue: $0) }
    }

    static func google(_ document: StrictDocument) throws(DocumentError) -> GoogleCSEIssuer {
        try text(document, "one of \(GoogleCSEIssuer.allCases.map(\.rawValue).joined(separator: ", "))") { GoogleCSEIssuer(rawValue: $0) }
    }

    static func issuer(_ document: StrictDocument) throws(DocumentError) -> IssuerID {
        try text(document, "an issuer's id") { IssuerID($0) }
    }

    static func domain(_ document: StrictDocument) throws(DocumentError) -> String {
        try text(document, "a domain such as example.com") { text in
            let text = ASCII.lowercased(text)
            let isFine = (1...253).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2F && $0 != 0x40 }
            return isFine ? text : nil
        }
    }

    static func audience(_ document: StrictDocument) throws(DocumentError) -> String {
        try text(document, "an audience of 1 to 512 bytes") { (1...512).contains($0.utf8.count) ? $0 : nil }
    }

    /// Scheme and host, perhaps a port, exactly as browsers write it (RFC 6454, 6.1): no wildcard, no path, not `null`.
    static func origin(_ document: StrictDocument) throws(DocumentError) -> String {
        try text(document, "an origin such as https://client-side-encryption.google.com, without path and wildcard") { text in
            guard let url = KACLSURL(text), url.description == text, !text.dropFirst(8).utf8.contains(where: { $0 == 0x2F || $0 == 0x2A })
            else { return nil }
            return text
        }
    }

    static func peer(_ document: StrictDocument) throws(DocumentError) -> KACLSOptions.Peer {
        let fields = try document.members(["url", "private_addresses"])
        var peer = KACLSOptions.Peer(url: try url(try PolicyFields.required("url", fields, in: document)))
        peer.mayBePrivate = try fields["private_addresses"]?.bool() ?? false
        return peer
    }

    static func provider(_ document: StrictDocument) throws(DocumentError) -> KACLSOptions.IdentityProvider {
        let fields = try document.members([
            "issuer", "audiences", "users", "guests", "privileged", "requires_kid", "requires_verified_email",
        ])
        let audiences = try list(try PolicyFields.required("audiences", fields, in: document), audience)
        guard !audiences.isEmpty else { throw document.error("expected at least one audience: the client id of the web application") }
        var provider = KACLSOptions.IdentityProvider(
            issuer: try issuer(try PolicyFields.required("issuer", fields, in: document)), audiences: audiences)
        provider.vouchesForUsers = try fields["users"]?.bool() ?? true
        provider.vouchesForGuests = try fields["guests"]?.bool() ?? false
        provider.vouchesForPrivileged = try fields["privileged"]?.bool() ?? false
        provider.requiresKeyID = try fields["requires_kid"]?.bool() ?? false
        provider.requiresVerifiedEmail = try fields["requires_verified_email"]?.bool() ?? false
        return provider
    }

    static func privileged(_ document: StrictDocument) throws(DocumentError) -> KACLSOptions.Privileged {
        let fields = try document.members(["wrap", "unwrap", "private_key_decrypt", "wrap_private_key", "requires_key_hash"])
        var privileged = KACLSOptions.Privileged()
        if let member = fields["wrap"] { privileged.wrap = try list(member, user) }
        if let member = fields["unwrap"] { privileged.unwrap = try list(member, user) }
        if let member = fields["private_key_decrypt"] { privileged.privateKeyDecrypt = try list(member, user) }
        if let member = fields["wrap_private_key"] { privileged.wrapPrivateKey = try list(member, user) }
        privileged.requiresKeyHash = try fields["requires_key_hash"]?.bool() ?? true
        return privileged
    }

    private static func user(_ document: StrictDocument) throws(DocumentError) -> String {
        let text = try document.string()
        do { _ = try Principal(text) } catch { throw document.error(error.message) }
        return text
    }
}
