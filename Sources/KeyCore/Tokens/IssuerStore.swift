package import Primitives

/// Issuers in the database.
package struct IssuerStore: Sendable {
    private let database: any SQLDatabase
    private let clock: WallClock

    /// Over an open, migrated database.
    package init(database: any SQLDatabase, clock: WallClock) { (self.database, self.clock) = (database, clock) }

    /// Adds an issuer.
    package func create(_ issuer: Issuer) async throws(StoreError) {
        try EntityName.check(issuer.name)
        guard !issuer.values.isEmpty, issuer.values.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 512 }) else {
            throw .refused("expected at least one value of iss, of 1 to 512 bytes")
        }
        guard !issuer.algorithms.isEmpty else { throw .refused("expected at least one algorithm, as RS256") }
        try IssuerStore.check(issuer.claims)
        try IssuerStore.check(issuer.keys, algorithms: issuer.algorithms)
        let now = clock.now
        try await StoreError.typed {
            try await database.write { connection in
                guard try connection.query("SELECT id FROM issuers WHERE name = $1", [.text(issuer.name)]).isEmpty else {
                    throw StoreError.exists("an issuer named “\(issuer.name)”")
                }
                try connection.execute(
                    "INSERT INTO issuers (id, name, document, enabled, development, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
                    [
                        .text(issuer.id.description), .text(issuer.name), .text(IssuerStore.document(issuer)),
                        .boolean(issuer.isEnabled), .boolean(issuer.isDevelopment), .integer(now.nanoseconds),
                    ])
                try ChangeLog.record(.issuer, issuer.id.description, at: now, in: connection)
            }
        }
    }

    /// Enables or disables an issuer; tokens of a disabled one are refused, also those verified before.
    package func setEnabled(_ isEnabled: Bool, of id: IssuerID) async throws(StoreError) {
        let now = clock.now
        try await StoreError.typed {
            try await database.write { connection in
                let changed = try connection.execute(
                    "UPDATE issuers SET enabled = $2 WHERE id = $1", [.text(id.description), .boolean(isEnabled)])
                guard changed == 1 else { throw StoreError.notFound("issuer \(id)") }
                try ChangeLog.record(.issuer, id.description, at: now, in: connection)
            }
        }
    }

    /// All issuers by name.
    package func list() async throws(StoreError) -> [Issuer] {
        try await StoreError.typed { try await database.read { try IssuerStore.all($0) } }
    }

    /// The issuer of that name, or whose id is `text`.
    package func find(_ text: String) async throws(StoreError) -> Issuer {
        guard let issuer = try await list().first(where: { $0.name == text || $0.id.description == text }) else {
            throw .notFound("issuer “\(text)”")
        }
        return issuer
    }

    // MARK: Rows

    static func all(_ connection: borrowing SQLConnection) throws -> [Issuer] {
        try connection.query("SELECT id, name, document, enabled, development FROM issuers ORDER BY name").map { row in
            guard let id = IssuerID(try row.text("id")) else { throw StoreError.corrupt("issuer \(try row.text("id"))") }
            return try issuer(
                id, name: try row.text("name"), document: try JSONValue(parsing: Array(try row.text("document").utf8)),
                isEnabled: try row.boolean("enabled"), isDevelopment: try row.boolean("development"))
        }
    }

    private static func issuer(
        _ id: IssuerID, name: String, document: JSONValue, isEnabled: Bool, isDevelopment: Bool
    ) throws(StoreError) -> Issuer {
        let keys: Issuer.KeyOrigin
        switch (document["jwksURL"]?.string, document["jwks"]?.string) {
        case (let url?, nil): keys = .jwksURL(url)
        case (nil, let pinned?): keys = .pinned(jwks: pinned)
        default: throw .corrupt("issuer \(id) has no keys")
        }
        // A rule that can't be read must not become a weaker one.
        guard let requiresVerifiedEmail = document["requiresVerifiedEmail"]?.bool,
            let allowsMissingKeyID = document["allowsMissingKeyID"]?.bool,
            let allowedEmailSuffixes = document["allowedEmailSuffixes"]?.strings, let values = document["values"]?.strings,
            let algorithmNames = document["algorithms"]?.strings
        else { throw .corrupt("the rules of issuer \(id)") }
        var claims = Issuer.ClaimRules()
        (claims.requiresVerifiedEmail, claims.allowsMissingKeyID) = (requiresVerifiedEmail, allowsMissingKeyID)
        claims.allowedEmailSuffixes = allowedEmailSuffixes
        if let lifetime = document["maxLifetimeSeconds"] {
            guard let seconds = lifetime.integer, seconds > 0 else { throw .corrupt("the lifetime of issuer \(id)") }
            claims.maxLifetime = .seconds(seconds)
        }
        return Issuer(
            id: id, name: name, values: values, keys: keys, algorithms: Set(algorithmNames.compactMap(SignatureAlgorithm.init)),
            claims: claims, isEnabled: isEnabled, isDevelopment: isDevelopment)
    }

    private static func document(_ issuer: Issuer) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("values")
            writer.value(.array(issuer.values.map(JSONValue.string)))
            switch issuer.keys {
            case .jwksURL(let url): writer.member("jwksURL", url)
            case .pinned(let jwks): writer.member("jwks", jwks)
            }
            writer.name("algorithms")
            writer.value(.array(issuer.algorithms.map(\.rawValue).sorted().map(JSONValue.string)))
            writer.member("requiresVerifiedEmail", issuer.claims.requiresVerifiedEmail)
            writer.member("allowsMissingKeyID", issuer.claims.allowsMissingKeyID)
            writer.name("allowedEmailSuffixes")
            writer.value(.array(issuer.claims.allowedEmailSuffixes.map(JSONValue.string)))
            writer.member("maxLifetimeSeconds", issuer.claims.maxLifetime.components.seconds)
        }
        return writer.string
    }

    private static func check(_ claims: Issuer.ClaimRules) throws(StoreError) {
        guard claims.maxLifetime >= .seconds(1) else { throw .refused("expected a lifetime of at least one second") }
        for suffix in claims.allowedEmailSuffixes {
            // Without one of these in front it would also end names of somebody else's domain.
            guard suffix.utf8.first == 0x40 || suffix.utf8.first == 0x2E, (2...320).contains(suffix.utf8.count) else {
                throw .refused("expected an e-mail's end that begins with @ or a dot, as @example.com, found “\(suffix.prefix(80))”")
            }
        }
    }

    private static func check(_ keys: Issuer.KeyOrigin, algorithms: Set<SignatureAlgorithm>) throws(StoreError) {
        switch keys {
        case .jwksURL(let url):
            let rest = url.utf8.dropFirst(8)
            guard url.hasPrefix("https://"), url.utf8.count <= 2048, let first = rest.first, first != 0x2F,
                rest.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x5C }), !rest.prefix(while: { $0 != 0x2F }).contains(0x40)
            else {
                throw .refused("expected the address of a JWK Set that begins with https://, found “\(url.prefix(80))”")
            }
        case .pinned(let jwks):
            do { _ = try JWKS(parsing: Array(jwks.utf8), algorithms: algorithms) } catch { throw .refused("\(error)") }
        }
    }
}

extension JSONValue {
    /// The elements, if it is an array of strings only.
    var strings: [String]? {
        guard let array else { return nil }
        let strings = array.compactMap(\.string)
        return strings.count == array.count ? strings : nil
    }
}
