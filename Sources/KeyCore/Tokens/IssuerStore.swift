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
        try IssuerStore.check(issuer.keys, algorithms: issuer.algorithms)
        let now = clock.now
        try await tried {
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
        try await tried {
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
        try await tried { try await database.read { try IssuerStore.all($0) } }
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
        if let url = document["jwksURL"]?.string {
            keys = .jwksURL(url)
        } else if let pinned = document["jwks"]?.string {
            keys = .pinned(jwks: pinned)
        } else {
            throw .corrupt("issuer \(id) has no keys")
        }
        var claims = Issuer.ClaimRules()
        claims.requiresVerifiedEmail = document["requiresVerifiedEmail"]?.bool ?? true
        claims.allowsMissingKeyID = document["allowsMissingKeyID"]?.bool ?? false
        claims.allowedEmailSuffixes = document["allowedEmailSuffixes"]?.array?.compactMap(\.string) ?? []
        let algorithms = document["algorithms"]?.array?.compactMap { $0.string.flatMap(SignatureAlgorithm.init) } ?? []
        return Issuer(
            id: id, name: name, values: document["values"]?.array?.compactMap(\.string) ?? [], keys: keys,
            algorithms: Set(algorithms), claims: claims, isEnabled: isEnabled, isDevelopment: isDevelopment)
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
        }
        return writer.string
    }

    private static func check(_ keys: Issuer.KeyOrigin, algorithms: Set<SignatureAlgorithm>) throws(StoreError) {
        switch keys {
        case .jwksURL(let url):
            guard url.hasPrefix("https://"), url.utf8.count <= 2048 else {
                throw .refused("expected the address of a JWK Set that begins with https://, found “\(url.prefix(80))”")
            }
        case .pinned(let jwks):
            do { _ = try JWKS(parsing: Array(jwks.utf8), algorithms: algorithms) } catch { throw .refused("\(error)") }
        }
    }

    private func tried<R>(_ body: () async throws -> R) async throws(StoreError) -> R {
        do { return try await body() } catch { throw StoreError(any: error) }
    }
}
