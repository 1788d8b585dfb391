package import Primitives

extension CacheOnlyOptions {
    /// As it is stored in the endpoint's options.
    package var json: JSONValue {
        [
            "organization": .string(organization),
            "passwords": .array(authentication.passwords.map(CacheOnlyOptions.json)),
            "signedToken": authentication.signedToken.map(CacheOnlyOptions.json) ?? .null,
            "accessToken": authentication.accessToken.map { ["scope": .string($0.scope), "subjects": .strings($0.subjects)] } ?? .null,
            "clientCertificates": .strings(authentication.clientCertificates),
            "certificates": .array(certificates.map(CacheOnlyOptions.json)),
            "requiresNonce": .bool(requiresNonce),
            "nonceMemorySeconds": .integer(nonceMemory.components.seconds), "allowsAnyCertificate": .bool(allowsAnyCertificate),
        ]
    }

    /// What `json` wrote. A rule that can't be read must not become a weaker one.
    /// - Throws: `.corrupt`, naming the member.
    package init(stored document: JSONValue) throws(StoreError) {
        let found = Reader(document)
        self.init(
            organization: try found.text("organization"),
            certificates: try found.list("certificates").map { value throws(StoreError) in try CacheOnlyOptions.certificate(value) })
        authentication.passwords = try found.list("passwords").map { value throws(StoreError) in
            let own = Reader(value)
            guard let digest = Hex.decode(try own.text("digest")), digest.count == 32, let createdAt = value["createdAt"]?.integer else {
                throw .corrupt("a password")
            }
            return BasicCredential(
                id: try own.text("id"), user: try own.text("user"), digest: digest, createdAt: Instant(nanoseconds: createdAt))
        }
        authentication.signedToken = try found.optional("signedToken").map { value throws(StoreError) in
            try CacheOnlyOptions.signedToken(Reader(value))
        }
        authentication.accessToken = try found.optional("accessToken").map { value throws(StoreError) in
            let own = Reader(value)
            return AccessTokenRules(scope: try own.text("scope"), subjects: try own.texts("subjects"))
        }
        authentication.clientCertificates = try found.texts("clientCertificates")
        (requiresNonce, allowsAnyCertificate) = (try found.flag("requiresNonce"), try found.flag("allowsAnyCertificate"))
        nonceMemory = try found.seconds("nonceMemorySeconds")
    }

    private static func json(_ credential: BasicCredential) -> JSONValue {
        [
            "id": .string(credential.id), "user": .string(credential.user), "digest": .string(Hex.string(credential.digest)),
            "createdAt": .integer(credential.createdAt.nanoseconds),
        ]
    }

    private static func json(_ rules: PinnedTokenRules) -> JSONValue {
        [
            "issuer": .string(rules.issuer), "subject": .string(rules.subject), "audience": .string(rules.audience),
            "certificates": .array(rules.certificates.map { ["kid": .string($0.keyID), "certificate": json($0.certificate)] }),
            "skewSeconds": .integer(rules.skew.components.seconds),
            "maxLifetimeSeconds": .integer(rules.maxLifetime.components.seconds),
        ]
    }

    private static func signedToken(_ found: Reader) throws(StoreError) -> PinnedTokenRules {
        let certificates = try found.list("certificates").map { value throws(StoreError) in
            let own = Reader(value)
            return PinnedTokenRules.Signer(
                keyID: try own.text("kid"), certificate: try certificate(value["certificate"] ?? .null))
        }
        var rules = PinnedTokenRules(
            issuer: try found.text("issuer"), subject: try found.text("subject"), audience: try found.text("audience"),
            certificates: certificates)
        rules.skew = try found.seconds("skewSeconds")
        rules.maxLifetime = try found.seconds("maxLifetimeSeconds")
        return rules
    }

    private static func json(_ certificate: Certificate) -> JSONValue { .string(Base64.string(certificate.der)) }

    private static func certificate(_ value: JSONValue) throws(StoreError) -> Certificate {
        guard let text = value.string, let der = try? Base64.decodeLenient(Array(text.utf8)[...]) else { throw .corrupt("a certificate") }
        do { return try Certificate(der: der) } catch { throw .corrupt("a certificate: \(error)") }
    }
}

/// Reads members that must be there.
private struct Reader {
    let document: JSONValue

    init(_ document: JSONValue) { self.document = document }

    func text(_ name: String) throws(StoreError) -> String {
        guard let text = document[name]?.string else { throw .corrupt("the member \(name)") }
        return text
    }

    func texts(_ name: String) throws(StoreError) -> [String] {
        guard let texts = document[name]?.strings else { throw .corrupt("the member \(name)") }
        return texts
    }

    func list(_ name: String) throws(StoreError) -> [JSONValue] {
        guard let list = document[name]?.array else { throw .corrupt("the member \(name)") }
        return list
    }

    /// Nil for `null`; a member that is missing is an error.
    func optional(_ name: String) throws(StoreError) -> JSONValue? {
        guard let value = document[name] else { throw .corrupt("the member \(name)") }
        if case .null = value { return Optional.none }  // `nil` alone would be JSON's null
        return value
    }

    func flag(_ name: String) throws(StoreError) -> Bool {
        guard let flag = document[name]?.bool else { throw .corrupt("the member \(name)") }
        return flag
    }

    func seconds(_ name: String) throws(StoreError) -> Duration {
        guard let seconds = document[name]?.integer, (0...86_400).contains(seconds) else { throw .corrupt("the member \(name)") }
        return .seconds(seconds)
    }
}
