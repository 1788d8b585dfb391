import Primitives

/// Issuers as rows.
enum IssuerRow {
    static let columns: StaticString = "id, name, document, enabled, development, description, created_at, updated_at, revision"

    static func all(_ connection: borrowing SQLConnection) throws -> [Issuer] {
        try connection.query("SELECT \(columns) FROM issuers ORDER BY name").map { try entry($0).issuer }
    }

    /// Those that can be read, and what is wrong with the others.
    static func usable(_ connection: borrowing SQLConnection) throws -> (issuers: [Issuer], faults: [String]) {
        var (issuers, faults): ([Issuer], [String]) = ([], [])
        for row in try connection.query("SELECT \(columns) FROM issuers ORDER BY name") {
            do { issuers.append(try entry(row).issuer) } catch { faults.append("issuer “\(try row.text("name"))”: \(error)") }
        }
        return (issuers, faults)
    }

    static func find(_ id: IssuerID, _ connection: borrowing SQLConnection) throws -> IssuerEntry {
        guard let row = try connection.query("SELECT \(columns) FROM issuers WHERE id = $1", [.text(id.description)]).first else {
            throw StoreError.notFound("issuer \(id)")
        }
        return try entry(row)
    }

    static func entry(_ row: SQLRow) throws -> IssuerEntry {
        guard let id = IssuerID(try row.text("id")) else { throw StoreError.corrupt("issuer \(try row.text("id"))") }
        let document = try JSONValue(parsing: Array(try row.text("document").utf8))
        let issuer = try issuer(
            id, name: try row.text("name"), document: document, isEnabled: try row.boolean("enabled"),
            isDevelopment: try row.boolean("development"))
        return IssuerEntry(
            issuer: issuer, description: try row.text("description"), openIDConfigurationURL: document["openIDConfigurationURL"]?.string,
            revision: try row.integer("revision"), createdAt: Instant(nanoseconds: try row.integer("created_at")),
            updatedAt: Instant(nanoseconds: try row.integer("updated_at")))
    }

    /// Ends a change: revision, change log; the issuer as it is now.
    static func settle(
        _ id: IssuerID, expecting expected: Int64?, at now: Instant, _ connection: borrowing SQLConnection
    ) throws -> IssuerEntry {
        try Revision.advance("issuers", id.description, called: "issuer \(id)", expecting: expected, at: now, connection)
        try ChangeLog.record(.issuer, id.description, at: now, in: connection)
        return try find(id, connection)
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

    static func document(_ entry: IssuerEntry) -> String {
        let issuer = entry.issuer
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
            if let url = entry.openIDConfigurationURL { writer.member("openIDConfigurationURL", url) }
            writer.member("maxLifetimeSeconds", issuer.claims.maxLifetime.components.seconds)
        }
        return writer.string
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
