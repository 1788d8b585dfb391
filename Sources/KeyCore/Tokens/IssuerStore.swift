package import Primitives

/// An issuer as administrators see it.
package struct IssuerEntry: Sendable, Equatable {
    package var issuer: Issuer
    package var description: String
    /// The OpenID configuration from which its values and address were taken; nil if they were given.
    package var openIDConfigurationURL: String?
    package var revision: Int64
    package let createdAt: Instant
    package var updatedAt: Instant
}

/// What becomes different about an issuer; nil leaves a thing as it is.
package struct IssuerChange: Sendable {
    package var name: String?
    package var description: String?
    package var values: [String]?
    package var keys: Issuer.KeyOrigin?
    package var algorithms: Set<SignatureAlgorithm>?
    package var claims: Issuer.ClaimRules?
    package var isEnabled: Bool?

    /// Nothing.
    package init() {}
}

/// Issuers in the database.
package struct IssuerStore: Sendable {
    let database: any SQLDatabase
    let clock: WallClock

    /// Over an open, migrated database.
    package init(database: any SQLDatabase, clock: WallClock) { (self.database, self.clock) = (database, clock) }

    /// Adds an issuer.
    @discardableResult
    package func create(
        _ issuer: Issuer, description: String = "", openIDConfigurationURL: String? = nil
    ) async throws(StoreError) -> IssuerEntry {
        try IssuerRules.check(issuer)
        try FreeText.check(description: description)
        let now = clock.now
        let entry = IssuerEntry(
            issuer: issuer, description: description, openIDConfigurationURL: openIDConfigurationURL, revision: 0, createdAt: now,
            updatedAt: now)
        return try await StoreError.typed {
            try await database.write { connection in
                try IssuerStore.checkName(issuer, connection)
                try connection.execute(
                    """
                    INSERT INTO issuers (id, name, document, enabled, development, created_at, description, revision)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
                    """,
                    [
                        .text(issuer.id.description), .text(issuer.name), .text(IssuerRow.document(entry)), .boolean(issuer.isEnabled),
                        .boolean(issuer.isDevelopment), .integer(now.nanoseconds), .text(description),
                    ])
                return try IssuerRow.settle(issuer.id, expecting: nil, at: now, connection)
            }
        }
    }

    /// Changes an issuer.
    package func update(_ id: IssuerID, _ wanted: IssuerChange, expecting: Int64? = nil) async throws(StoreError) -> IssuerEntry {
        if let description = wanted.description { try FreeText.check(description: description) }
        let now = clock.now
        return try await StoreError.typed {
            try await database.write { connection in
                var entry = try IssuerRow.find(id, connection)
                let old = entry.issuer
                let issuer = Issuer(
                    id: id, name: wanted.name ?? old.name, values: wanted.values ?? old.values, keys: wanted.keys ?? old.keys,
                    algorithms: wanted.algorithms ?? old.algorithms, claims: wanted.claims ?? old.claims,
                    isEnabled: wanted.isEnabled ?? old.isEnabled, isDevelopment: old.isDevelopment)
                if issuer.keys != old.keys || issuer.values != old.values { entry.openIDConfigurationURL = nil }
                entry.issuer = issuer
                if let description = wanted.description { entry.description = description }
                try IssuerRules.check(issuer)
                try IssuerStore.checkName(issuer, connection)
                try connection.execute(
                    "UPDATE issuers SET name = $2, document = $3, enabled = $4, description = $5 WHERE id = $1",
                    [
                        .text(id.description), .text(issuer.name), .text(IssuerRow.document(entry)), .boolean(issuer.isEnabled),
                        .text(entry.description),
                    ])
                try IssuerRules.checkEndpoints(of: issuer, connection)
                return try IssuerRow.settle(id, expecting: expecting, at: now, connection)
            }
        }
    }

    /// Enables or disables an issuer; tokens of a disabled one are refused, also those verified before.
    package func setEnabled(_ isEnabled: Bool, of id: IssuerID) async throws(StoreError) {
        var change = IssuerChange()
        change.isEnabled = isEnabled
        _ = try await update(id, change)
    }

    /// Removes an issuer that no endpoint believes.
    /// - Returns: what it was.
    package func delete(_ id: IssuerID, expecting: Int64? = nil) async throws(StoreError) -> IssuerEntry {
        let now = clock.now
        return try await StoreError.typed {
            try await database.write { connection in
                let entry = try IssuerRow.find(id, connection)
                try Revision.check("issuers", id.description, called: "issuer \(id)", expecting: expecting, connection)
                let users = try connection.query(
                    """
                    SELECT endpoints.name AS name FROM endpoint_issuers JOIN endpoints ON endpoints.id = endpoint_issuers.endpoint_id
                    WHERE endpoint_issuers.issuer_id = $1 ORDER BY endpoints.name LIMIT 1
                    """, [.text(id.description)])
                if let user = users.first {
                    throw StoreError.refused("endpoint “\(try user.text("name"))” believes the issuer: take it away there first, or disable it")
                }
                try connection.execute("DELETE FROM issuers WHERE id = $1", [.text(id.description)])
                try ChangeLog.record(.issuer, id.description, at: now, in: connection)
                return entry
            }
        }
    }

    private static func checkName(_ issuer: Issuer, _ connection: borrowing SQLConnection) throws {
        let twins = try connection.query(
            "SELECT id FROM issuers WHERE name = $1 AND id <> $2", [.text(issuer.name), .text(issuer.id.description)])
        guard twins.isEmpty else { throw StoreError.exists("an issuer named “\(issuer.name)”") }
    }

    // MARK: Reading

    /// All issuers by name.
    package func list() async throws(StoreError) -> [Issuer] {
        try await StoreError.typed { try await database.read { try IssuerRow.all($0) } }
    }

    /// A page of issuers.
    package func list(name: String?, isEnabled: Bool?, _ keyset: Keyset) async throws(StoreError) -> Listing<IssuerEntry> {
        try await StoreError.typed {
            try await database.read { connection in
                var query = KeysetQuery("issuers")
                if let name { query.add("name = $", .text(name)) }
                if let isEnabled { query.add("enabled = $", .boolean(isEnabled)) }
                let (rows, total) = try query.run(IssuerRow.columns, keyset, connection)
                return Listing(items: try rows.map(IssuerRow.entry), total: total)
            }
        }
    }

    /// The issuer of that id.
    package func find(_ id: IssuerID) async throws(StoreError) -> IssuerEntry {
        try await StoreError.typed { try await database.read { try IssuerRow.find(id, $0) } }
    }

    /// The issuer of that name, or whose id is `text`.
    package func find(_ text: String) async throws(StoreError) -> Issuer {
        guard let issuer = try await list().first(where: { $0.name == text || $0.id.description == text }) else {
            throw .notFound("issuer “\(text)”")
        }
        return issuer
    }
}
