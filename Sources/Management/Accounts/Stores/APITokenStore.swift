import KeyCore
package import Primitives

/// An API token as lists show it.
package struct APIToken: Sendable {
    package let id: String
    package let user: (id: String, name: String)
    package let name: String
    /// Nil if it may do whatever its owner may.
    package let permissions: Set<Permission>?
    package let createdAt: Instant
    package let expiresAt: Instant
    package let lastUsedAt: Instant?

    static let columns = "t.id, t.user_id, u.name AS user_name, t.name, t.permissions, t.created_at, t.expires_at, t.last_used_at"

    init(_ row: SQLRow) throws {
        id = try row.text("id")
        user = (try row.text("user_id"), try row.text("user_name"))
        name = try row.text("name")
        permissions = APIToken.scope(try row.text("permissions"))
        createdAt = Instant(nanoseconds: try row.integer("created_at"))
        expiresAt = Instant(nanoseconds: try row.integer("expires_at"))
        lastUsedAt = try row.optionalInteger("last_used_at").map { Instant(nanoseconds: $0) }
    }

    /// A stored scope: `*` is everything that the owner may.
    static func scope(_ stored: String) -> Set<Permission>? { stored == "*" ? nil : Authority.parse(stored) }
}

/// API tokens in the database.
package struct APITokenStore: Sendable {
    let database: any SQLDatabase
    let clock: WallClock

    static let sorts = [
        "created_at": AccountListing.Sort(column: "t.created_at", isText: false),
        "expires_at": .init(column: "t.expires_at", isText: false),
    ]

    func list(_ page: Page, _ listing: AccountListing) async throws -> (tokens: [APIToken], total: Int64) {
        try await database.read { connection in
            let tables = "api_tokens t JOIN users u ON u.id = t.user_id"
            let (rows, total) = try listing.rows(APIToken.columns, from: tables, id: "t.id", page: page, in: connection)
            return (try rows.map { try APIToken($0) }, total)
        }
    }

    /// Adds a token for its owner, with a scope that the owner holds now; nil: whatever the owner may, at each moment.
    func create(
        _ name: String, of owner: UserID, scope: Set<Permission>?, lifetime: Duration, by caller: Caller
    ) async throws -> (token: APIToken, secret: BearerToken) {
        let id = try APITokenID.random()
        let secret = try BearerToken(.apiToken)
        let now = clock.now
        return try await database.write { connection in
            let rule = try PrivilegeRule(caller, in: connection)
            if let scope {
                for permission in scope where caller.grants[permission]?.isEmpty ?? true { try rule.require([permission]) }
            }
            guard try connection.query(
                "SELECT id FROM api_tokens WHERE user_id = $1 AND name = $2", [.text(owner.description), .text(name)]).isEmpty
            else { throw StoreError.exists("a token of yours named “\(name)”") }
            let count = try connection.query(
                "SELECT CAST(COUNT(*) AS {BIGINT}) AS total FROM api_tokens WHERE user_id = $1", [.text(owner.description)])
            guard try count.first?.integer("total") ?? 0 < 1000 else {
                throw StoreError.refused("you have 1000 tokens already; revoke those that aren't needed")
            }
            try connection.execute(
                """
                INSERT INTO api_tokens (id, token_hash, user_id, name, permissions, created_at, last_used_at, expires_at)
                VALUES ($1, $2, $3, $4, $5, $6, NULL, $7)
                """,
                [
                    .text(id.description), .blob(secret.hash), .text(owner.description), .text(name),
                    .text(scope.map(Authority.text) ?? "*"), .integer(now.nanoseconds), .integer((now + lifetime).nanoseconds),
                ])
            return (try APITokenStore.find(id, in: connection), secret)
        }
    }

    /// Revokes a token; `owner` restricts it to that user's (N39).
    func revoke(_ id: APITokenID, owner: UserID? = nil) async throws -> APIToken {
        try await database.write { connection in
            let token = try APITokenStore.find(id, in: connection)
            guard owner == nil || token.user.id == owner?.description else { throw StoreError.notFound("token \(id)") }
            try connection.execute("DELETE FROM api_tokens WHERE id = $1", [.text(id.description)])
            return token
        }
    }

    private static func find(_ id: APITokenID, in connection: borrowing SQLConnection) throws -> APIToken {
        let rows = try connection.query(
            "SELECT \(APIToken.columns) FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.id = $1", [.text(id.description)])
        guard let row = rows.first else { throw StoreError.notFound("token \(id)") }
        return try APIToken(row)
    }
}
