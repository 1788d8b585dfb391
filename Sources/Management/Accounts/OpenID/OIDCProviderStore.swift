import KeyCore
import Primitives

/// OpenID providers in the database; their secrets are sealed. A provider can sign in as its people: only who holds everything that anybody
/// holds may add or redirect one.
struct OIDCProviderStore: Sendable {
    let database: any SQLDatabase
    let sealer: DataSealer
    let clock: WallClock

    static let sorts = ["name": AccountListing.Sort(column: "name", isText: true)]

    func find(_ id: OIDCProviderID) async throws -> OIDCProvider { try await database.read { try OIDCProvider.find(id, in: $0) } }

    func list(_ page: Page) async throws -> (providers: [OIDCProvider], total: Int64) {
        try await database.read { connection in
            let listing = AccountListing(sorts: OIDCProviderStore.sorts)
            let (rows, total) = try listing.rows(OIDCProvider.columns, from: "oidc_providers", id: "id", page: page, in: connection)
            return (try rows.map { try OIDCProvider($0) }, total)
        }
    }

    /// The secret that proves us to the provider; nil if it knows us without.
    func secret(of provider: OIDCProvider) async throws -> SharedSecret? {
        let rows = try await database.query("SELECT client_secret FROM oidc_providers WHERE id = $1", [.text(provider.id.description)])
        return try rows.first?.optionalBlob("client_secret").map { SharedSecret(try sealer.open($0, at: OIDCProviderStore.place(provider.id))) }
    }

    func create(_ draft: OIDCProviderChange, by caller: Caller) async throws -> OIDCProvider {
        let id = try OIDCProviderID.random()
        let sealed = try (draft.secret ?? nil).map { try sealer.seal($0.bytes, at: OIDCProviderStore.place(id)) }
        let now = clock.now
        return try await database.write { connection in
            try PrivilegeRule(caller, in: connection).requireAllOfEverybody(in: connection)
            try OIDCProviderStore.checkUnique(draft, id, in: connection)
            try connection.execute(
                """
                INSERT INTO oidc_providers (id, name, issuer, client_id, client_secret, redirect_uri, matches_email, enabled, created_at, revision)
                VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, 1)
                """,
                [
                    .text(id.description), .text(draft.name ?? ""), .text(draft.issuer ?? ""), .text(draft.clientID ?? ""),
                    .optional(sealed), .text(draft.redirectURI ?? ""), .boolean(draft.matchesEmail ?? false), .integer(now.nanoseconds),
                ])
            return try OIDCProvider.find(id, in: connection)
        }
    }

    func update(_ id: OIDCProviderID, _ change: OIDCProviderChange, revision: Int64?, by caller: Caller) async throws -> OIDCProvider {
        let sealed = try change.secret.map { secret in try secret.map { try sealer.seal($0.bytes, at: OIDCProviderStore.place(id)) } }
        return try await database.write { connection in
            let present = try OIDCProvider.find(id, in: connection)
            guard revision == nil || revision == present.revision else { throw StoreError.changed("OpenID provider “\(present.name)”") }
            if change.opens { try PrivilegeRule(caller, in: connection).requireAllOfEverybody(in: connection) }
            try OIDCProviderStore.checkUnique(change, id, in: connection)
            try connection.execute(
                """
                UPDATE oidc_providers SET name = $2, issuer = $3, client_id = $4, redirect_uri = $5, matches_email = $6, enabled = $7,
                    revision = revision + 1 WHERE id = $1
                """,
                [
                    .text(id.description), .text(change.name ?? present.name), .text(change.issuer ?? present.issuer),
                    .text(change.clientID ?? present.clientID), .text(change.redirectURI ?? present.redirectURI),
                    .boolean(change.matchesEmail ?? present.matchesEmail), .boolean(change.isEnabled ?? present.isEnabled),
                ])
            if let sealed {
                try connection.execute(
                    "UPDATE oidc_providers SET client_secret = $2 WHERE id = $1", [.text(id.description), .optional(sealed)])
            }
            return try OIDCProvider.find(id, in: connection)
        }
    }

    /// Removes a provider with what bound users to it.
    func delete(_ id: OIDCProviderID, revision: Int64?) async throws -> OIDCProvider {
        try await database.write { connection in
            let present = try OIDCProvider.find(id, in: connection)
            guard revision == nil || revision == present.revision else { throw StoreError.changed("OpenID provider “\(present.name)”") }
            try connection.execute("DELETE FROM user_identities WHERE provider_id = $1", [.text(id.description)])
            try connection.execute("DELETE FROM oidc_providers WHERE id = $1", [.text(id.description)])
            return present
        }
    }

    private static func checkUnique(_ draft: OIDCProviderChange, _ id: OIDCProviderID, in connection: borrowing SQLConnection) throws {
        let others = try connection.query(
            "SELECT id FROM oidc_providers WHERE (name = $1 OR issuer = $2) AND id <> $3",
            [.optional(draft.name), .optional(draft.issuer), .text(id.description)])
        guard others.isEmpty else { throw StoreError.exists("an OpenID provider of that name or issuer") }
    }

    private static func place(_ id: OIDCProviderID) -> SealedLocation {
        SealedLocation(table: "oidc_providers", row: id.description, column: "client_secret")
    }
}

extension Stores {
    var oidcProviders: OIDCProviderStore { OIDCProviderStore(database: database, sealer: sealer, clock: clock) }
}
