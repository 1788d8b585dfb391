import KeyCore
import Primitives

/// An OpenID provider whose people may sign in here (OpenID Connect Core 1.0).
struct OIDCProvider: Sendable {
    let id: OIDCProviderID
    let name: String
    /// Its issuer identifier: compared exactly, and where its configuration is found.
    let issuer: String
    let clientID: String
    let hasSecret: Bool
    /// Where it sends people back: this server's callback as the provider knows it.
    let redirectURI: String
    /// Whether an address that it calls verified stands for the user with that address.
    let matchesEmail: Bool
    let isEnabled: Bool
    let createdAt: Instant
    let revision: Int64

    static let columns = "id, name, issuer, client_id, client_secret, redirect_uri, matches_email, enabled, created_at, revision"

    init(_ row: SQLRow) throws {
        let key = try row.text("id")
        guard let id = OIDCProviderID(key) else { throw StoreError.corrupt("OpenID provider \(key)") }
        self.id = id
        (name, issuer, clientID) = (try row.text("name"), try row.text("issuer"), try row.text("client_id"))
        (hasSecret, redirectURI) = (try row.optionalBlob("client_secret") != nil, try row.text("redirect_uri"))
        (matchesEmail, isEnabled) = (try row.boolean("matches_email"), try row.boolean("enabled"))
        createdAt = Instant(nanoseconds: try row.integer("created_at"))
        revision = try row.integer("revision")
    }

    /// The provider of that id.
    /// - Throws: `.notFound`.
    static func find(_ id: OIDCProviderID, in connection: borrowing SQLConnection) throws -> OIDCProvider {
        let rows = try connection.query("SELECT \(columns) FROM oidc_providers WHERE id = $1", [.text(id.description)])
        guard let row = rows.first else { throw StoreError.notFound("OpenID provider \(id)") }
        return try OIDCProvider(row)
    }

    /// Whether people of some provider can sign in.
    static func isAnyEnabled(in connection: borrowing SQLConnection) throws -> Bool {
        try !connection.query("SELECT id FROM oidc_providers WHERE enabled = 1 LIMIT 1").isEmpty
    }

    /// As `OIDCSchemas.provider` says.
    var document: JSONValue {
        [
            "id": .string(id.description), "name": .string(name), "issuer": .string(issuer), "client_id": .string(clientID),
            "has_client_secret": .bool(hasSecret), "redirect_uri": .string(redirectURI), "matches_email": .bool(matchesEmail),
            "enabled": .bool(isEnabled), "created_at": .optional(createdAt), "revision": .integer(revision),
        ]
    }
}

/// What a provider is to be; nil leaves it as it is.
struct OIDCProviderChange: Sendable {
    var name: String?
    var issuer: String?
    var clientID: String?
    /// `.some(nil)` takes it away.
    var secret: SharedSecret??
    var redirectURI: String?
    var matchesEmail: Bool?
    var isEnabled: Bool?

    /// Whether it could let somebody sign in who can't now.
    var opens: Bool {
        issuer != nil || clientID != nil || secret != nil || redirectURI != nil || matchesEmail == true || isEnabled == true
    }
}
