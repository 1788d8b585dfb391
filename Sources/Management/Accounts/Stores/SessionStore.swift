import KeyCore
import Primitives

/// How long sessions live.
package struct SessionRules: Sendable {
    /// Without any request.
    package var idle = Duration.seconds(3600)
    /// In all.
    package var absolute = Duration.seconds(12 * 3600)
    /// At once for one user; the oldest makes room.
    package var perUser = 50

    /// The defaults.
    package init() {}
}

/// How somebody signed in.
enum SignInMethod: String, Sendable, CaseIterable { case password, certificate, oidc }

/// A session's circumstances.
struct SessionDraft: Sendable {
    let user: UserID
    let method: SignInMethod
    let isCookie: Bool
    /// Of the client certificate to which it is bound.
    let fingerprint: String?
    let remoteAddress: String
}

/// A session that has just begun: the one moment at which its token is known.
struct NewSession: Sendable {
    let id: SessionID
    let token: BearerToken
    let expiresAt: Instant
    let isCookie: Bool
    let user: User
}

/// A session as lists show it.
struct Session: Sendable {
    let id: String
    let user: (id: String, name: String)
    let method: String
    let isCookie: Bool
    let remoteAddress: String
    let createdAt: Instant
    let lastUsedAt: Instant
    let expiresAt: Instant

    static let columns = "s.id, s.user_id, u.name, s.method, s.is_cookie, s.remote_address, s.created_at, s.last_used_at, s.expires_at"

    init(_ row: SQLRow) throws {
        id = try row.text("id")
        user = (try row.text("user_id"), try row.text("name"))
        (method, isCookie, remoteAddress) = (try row.text("method"), try row.boolean("is_cookie"), try row.text("remote_address"))
        createdAt = Instant(nanoseconds: try row.integer("created_at"))
        lastUsedAt = Instant(nanoseconds: try row.integer("last_used_at"))
        expiresAt = Instant(nanoseconds: try row.integer("expires_at"))
    }
}

/// Sessions in the database: they outlive the process, and end when they are deleted here.
package struct SessionStore: Sendable {
    let database: any SQLDatabase
    let clock: WallClock

    static let sorts = [
        "created_at": AccountListing.Sort(column: "s.created_at", isText: false),
        "last_used_at": .init(column: "s.last_used_at", isText: false),
    ]

    /// Begins a session within the transaction that has found its user worthy.
    static func begin(_ draft: SessionDraft, rules: SessionRules, at now: Instant, in connection: borrowing SQLConnection) throws -> NewSession {
        let id = try SessionID.random()
        let token = try BearerToken(.session)
        let expiresAt = now + rules.absolute
        try connection.execute(
            "DELETE FROM sessions WHERE expires_at <= $1 OR last_used_at <= $2",
            [.integer(now.nanoseconds), .integer((now - rules.idle).nanoseconds)])
        try connection.execute(
            """
            DELETE FROM sessions WHERE id IN (
                SELECT id FROM sessions WHERE user_id = $1 ORDER BY last_used_at DESC, id LIMIT 1000000 OFFSET $2)
            """, [.text(draft.user.description), .integer(Int64(rules.perUser - 1))])
        try connection.execute(
            """
            INSERT INTO sessions (id, token_hash, user_id, method, is_cookie, fingerprint, remote_address, created_at, last_used_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)
            """,
            [
                .text(id.description), .blob(token.hash), .text(draft.user.description), .text(draft.method.rawValue),
                .boolean(draft.isCookie), .optional(draft.fingerprint), .text(draft.remoteAddress), .integer(now.nanoseconds),
                .integer(expiresAt.nanoseconds),
            ])
        try connection.execute(
            "UPDATE users SET last_sign_in_at = $2 WHERE id = $1", [.text(draft.user.description), .integer(now.nanoseconds)])
        return NewSession(
            id: id, token: token, expiresAt: expiresAt, isCookie: draft.isCookie, user: try User.find(draft.user, in: connection))
    }

    /// Ends all sessions of a user.
    static func endAll(of user: UserID, in connection: borrowing SQLConnection) throws {
        try connection.execute("DELETE FROM sessions WHERE user_id = $1", [.text(user.description)])
    }

    func list(_ page: Page, _ listing: AccountListing) async throws -> (sessions: [Session], total: Int64) {
        try await database.read { connection in
            let tables = "sessions s JOIN users u ON u.id = s.user_id"
            let (rows, total) = try listing.rows(Session.columns, from: tables, id: "s.id", page: page, in: connection)
            return (try rows.map { try Session($0) }, total)
        }
    }

    /// Ends a session; `owner` restricts it to that user's (N39).
    func end(_ id: SessionID, owner: UserID? = nil) async throws {
        try await database.write { connection in
            let count = try connection.execute(
                "DELETE FROM sessions WHERE id = $1 AND ($2 IS NULL OR user_id = $2)",
                [.text(id.description), .optional(owner?.description)])
            guard count > 0 else { throw StoreError.notFound("session \(id)") }
        }
    }
}
