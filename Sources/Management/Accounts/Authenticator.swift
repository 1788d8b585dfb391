import KeyCore
import Primitives

/// Finds out who asks: by the header `Authorization`, by a cookie, by the client certificate, or by the local socket; the first that is
/// there decides, and if it proves nothing, nobody is signed in.
///
/// Each request reads the database: what is disabled, revoked or signed out is refused from the next request on (N24, N39).
package struct Authenticator: Authenticating {
    private let database: any SQLDatabase
    private let clock: WallClock
    private let rules: SessionRules

    /// An authenticator over the stores of the installation.
    package init(_ stores: Stores, rules: SessionRules = SessionRules()) {
        (database, clock, self.rules) = (stores.database, stores.clock, rules)
    }

    package func authenticate(_ request: APIRequest) async throws -> Caller {
        if let header = request.headers["authorization"] { return try await bearer(header, request) }
        if let user = request.localUser { return .local(user) }
        if let token = SessionCookie.token(in: request) {
            try SessionCookie.checkOrigin(request)
            return try await session(token, isCookie: true, request)
        }
        if let fingerprint = ClientCertificate.fingerprint(request.tls, at: clock.now) {
            try SessionCookie.checkNoForeignPage(request)
            return try await certificate(fingerprint)
        }
        throw Problem(
            .unauthenticated, "nobody is signed in", remedy: "sign in: POST /api/v1/sessions, or send an API token as Authorization: Bearer")
    }

    // MARK: Proofs

    private func bearer(_ header: String, _ request: APIRequest) async throws -> Caller {
        let parts = header.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { throw Authenticator.refusal }
        let token = String(parts[1])
        return switch BearerToken.kind(of: token) {
        case .apiToken: try await apiToken(token)
        case .session: try await session(token, isCookie: false, request)
        case .browser, nil: throw Authenticator.refusal
        }
    }

    private func session(_ token: String, isCookie: Bool, _ request: APIRequest) async throws -> Caller {
        let (now, rules) = (clock.now, rules)
        let fingerprint = ClientCertificate.fingerprint(request.tls, at: now)
        let found: (caller: Caller, id: String, isStale: Bool)? = try await database.read { connection in
            let rows = try connection.query(
                """
                SELECT s.id, s.is_cookie, s.fingerprint, s.last_used_at, s.expires_at, s.method, u.id AS user_id, u.canonical, u.must_change_password
                FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = $1 AND u.enabled = 1
                """, [.blob(BearerToken.hash(token))])
            guard let row = rows.first, try row.boolean("is_cookie") == isCookie, try row.integer("expires_at") > now.nanoseconds else {
                return nil
            }
            let lastUsed = Instant(nanoseconds: try row.integer("last_used_at"))
            guard now - lastUsed < rules.idle else { return nil }
            if let bound = try row.optionalText("fingerprint"), bound != fingerprint { return nil }
            let id = try row.text("id")
            let mustChange = try row.text("method") == SignInMethod.password.rawValue && row.boolean("must_change_password")
            let caller = try Authenticator.caller(row, .session(id), mustChange: mustChange, in: connection)
            return (caller, id, now - lastUsed > .seconds(60))
        }
        guard let found else { throw Authenticator.refusal }
        if found.isStale { try await touch("UPDATE sessions SET last_used_at = $2 WHERE id = $1", found.id, now) }
        return found.caller
    }

    private func apiToken(_ token: String) async throws -> Caller {
        let now = clock.now
        let found: (caller: Caller, id: String, isStale: Bool)? = try await database.read { connection in
            let rows = try connection.query(
                """
                SELECT t.id, t.permissions, t.last_used_at, u.id AS user_id, u.canonical
                FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.token_hash = $1 AND t.expires_at > $2 AND u.enabled = 1
                """, [.blob(BearerToken.hash(token)), .integer(now.nanoseconds)])
            guard let row = rows.first else { return nil }
            let lastUsed = Instant(nanoseconds: try row.optionalInteger("last_used_at") ?? 0)
            let scope = APIToken.scope(try row.text("permissions"))
            let id = try row.text("id")
            return (try Authenticator.caller(row, .token(id), scope: scope, in: connection), id, now - lastUsed > .seconds(60))
        }
        guard let found else { throw Authenticator.refusal }
        if found.isStale { try await touch("UPDATE api_tokens SET last_used_at = $2 WHERE id = $1", found.id, now) }
        return found.caller
    }

    private func certificate(_ fingerprint: String) async throws -> Caller {
        let caller: Caller? = try await database.read { connection in
            let rows = try connection.query(
                """
                SELECT u.id AS user_id, u.canonical FROM user_certificates c JOIN users u ON u.id = c.user_id
                WHERE c.fingerprint = $1 AND u.enabled = 1
                """, [.text(fingerprint)])
            return try rows.first.map { try Authenticator.caller($0, .certificate(fingerprint), in: connection) }
        }
        guard let caller else {
            throw Problem(
                .unauthenticated, "the client certificate is no user's", remedy: "have its SHA-256 fingerprint bound to your account")
        }
        return caller
    }

    // MARK: Parts

    private static func caller(
        _ row: SQLRow, _ proof: Caller.Proof, scope: Set<Permission>? = nil, mustChange: Bool = false, in connection: borrowing SQLConnection
    ) throws -> Caller {
        let key = try row.text("user_id")
        guard let user = UserID(key) else { throw StoreError.corrupt("user \(key)") }
        var authority = try Authority(of: user, in: connection)
        if let scope { authority = authority.within(scope) }
        return Caller(
            userID: user, name: "user:\(try row.text("canonical"))", proof: proof, groups: authority.groups,
            permissions: authority.permissions, grants: authority.grants, mustChangePassword: mustChange)
    }

    /// Once a minute is enough to tell when something was last used.
    private func touch(_ statement: String, _ id: String, _ now: Instant) async throws {
        try await database.execute(statement, [.text(id), .integer(now.nanoseconds)])
    }

    private static let refusal = Problem(
        .unauthenticated, "the session or token is unknown, expired or withdrawn", remedy: "sign in again: POST /api/v1/sessions")
}

/// The certificate that TLS has verified.
enum ClientCertificate {
    /// SHA-256 of its DER in hexadecimal; nil if there is none, or it has expired while the connection stood.
    static func fingerprint(_ tls: TLSHandshake?, at now: Instant) -> String? {
        guard let der = tls?.clientCertificateDER, let certificate = try? Certificate(der: der), certificate.notBefore <= now.seconds,
            now.seconds <= certificate.notAfter
        else { return nil }
        return Hex.string(certificate.sha256Fingerprint)
    }
}
