import Primitives

/// What every issuer must obey.
enum IssuerRules {
    /// What can be said of it alone.
    static func check(_ issuer: Issuer) throws(StoreError) {
        try EntityName.check(issuer.name)
        guard (1...64).contains(issuer.values.count), issuer.values.allSatisfy({ (1...512).contains($0.utf8.count) && FreeText.isAcceptable($0) })
        else { throw .invalid(field: "values", expected: "1 to 64 values of iss, of 1 to 512 bytes each") }
        guard !issuer.algorithms.isEmpty else { throw .invalid(field: "algorithms", expected: "at least one algorithm, as RS256") }
        try check(issuer.claims)
        try check(issuer.keys, algorithms: issuer.algorithms)
    }

    private static func check(_ claims: Issuer.ClaimRules) throws(StoreError) {
        guard claims.maxLifetime >= .seconds(1) else { throw .invalid(field: "max_lifetime_seconds", expected: "at least one second") }
        for suffix in claims.allowedEmailSuffixes {
            // Without one of these in front it would also end names of somebody else's domain.
            guard suffix.utf8.first == 0x40 || suffix.utf8.first == 0x2E, (2...320).contains(suffix.utf8.count) else {
                throw .invalid(field: "allowed_email_suffixes", expected: "e-mails' ends that begin with @ or a dot, as @example.com")
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
                throw .invalid(field: "jwks_url", expected: "the address of a JWK Set that begins with https://")
            }
        case .pinned(let jwks):
            do { _ = try JWKS(parsing: Array(jwks.utf8), algorithms: algorithms) } catch {
                throw .invalid(field: "jwks", expected: "a JWK Set with a usable key: \(error)")
            }
        }
    }

    /// That no endpoint believes another issuer with the same value of `iss`.
    static func checkEndpoints(of issuer: Issuer, _ connection: borrowing SQLConnection) throws {
        let all = try IssuerRow.all(connection)
        let rows = try connection.query(
            """
            SELECT others.endpoint_id AS endpoint_id, others.issuer_id AS issuer_id FROM endpoint_issuers AS own
            JOIN endpoint_issuers AS others ON others.endpoint_id = own.endpoint_id WHERE own.issuer_id = $1
            """, [.text(issuer.id.description)])
        var believed: [String: Set<String>] = [:]
        for row in rows { believed[try row.text("endpoint_id"), default: []].insert(try row.text("issuer_id")) }
        for ids in Set(believed.values) {
            try EndpointRules.checkClaims(all.filter { ids.contains($0.id.description) })
        }
    }
}
