import KeyCore
import Primitives

/// Signing in and out.
struct SessionRoutes: RouteProvider {
    let settings: AccountSettings

    var routes: [Route] {
        [
            Route(
                .post, "/api/v1/sessions", "signIn", "Sign in", tag: "Sign-in",
                access: .open(reason: "whoever isn't signed in yet must be able to"), event: .sessionBegun,
                body: .json(AccountSchemas.credentials, maxBytes: 8 << 10), answers: [201: .json(AccountSchemas.session)], handler: begin),
            Route(
                .delete, "/api/v1/sessions/current", "signOut", "Sign out: end the session that this request proves", tag: "Sign-in",
                access: .signedIn, event: .sessionEnded, answers: [204: .empty], handler: end),
            Route(
                .get, "/api/v1/user-sessions", "listSessions", "The sessions of all users", tag: "Users", access: .needs(.revokeTokens),
                query: Page.parameters(sorts: ["created_at", "last_used_at"]) + [QueryParameter("user_id", .id, "Only this user's")],
                answers: [200: .json(Page.schema(of: AccountSchemas.listedSession, name: "Sessions"))], handler: list),
            Route(
                .delete, "/api/v1/user-sessions/{session}", "endSession", "End somebody's session", tag: "Users",
                access: .needs(.revokeTokens), event: .sessionEnded, answers: [204: .empty], handler: endOther),
        ]
    }

    private func begin(_ call: APICall) async throws -> APIAnswer {
        let signIn = SignIn(settings: settings, stores: call.stores)
        let now = call.stores.clock.now
        let circumstances = SignIn.Circumstances(remoteAddress: call.remoteAddress, isCookie: call.body["cookie"]?.bool ?? false)
        switch (call.body["user"]?.string, call.body["password"]?.string) {
        case (let user?, let password?):
            let session = try await signIn.begin(user: user, password: password, code: call.body["totp"]?.string, circumstances)
            return session.answer(201, mustChange: session.user.mustChangePassword, at: now)
        case (nil, nil):
            guard let fingerprint = ClientCertificate.fingerprint(call.tls, at: now) else {
                throw Problem.invalid("/user", expected: "user and password, or a client certificate on the connection")
            }
            return try await signIn.begin(fingerprint: fingerprint, circumstances).answer(201, mustChange: false, at: now)
        default: throw Problem.invalid("/password", expected: "user and password together, or neither")
        }
    }

    private func end(_ call: APICall) async throws -> APIAnswer {
        guard case .session(let text) = call.caller.proof, let id = SessionID(text) else {
            throw Problem(
                .wrongState, "this request is not proved by a session", remedy: "revoke an API token with DELETE /api/v1/self/tokens/{token}")
        }
        try await call.stores.sessions.end(id, owner: call.caller.userID)
        var answer = APIAnswer(204, audit: AuditDetail(target: text))
        answer.headers.append(SessionCookie.clear)
        return answer
    }

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: ["created_at", "last_used_at"])
        var listing = AccountListing(sorts: SessionStore.sorts)
        if let user = call.query["user_id"] { listing.keep("s.user_id = ?", .text(user)) }
        let (sessions, total) = try await call.stores.sessions.list(page, listing)
        return APIAnswer(200, .json(page.document(sessions, total: total, key: { session in
            let at = page.sort == "created_at" ? session.createdAt : session.lastUsedAt
            return (.integer(at.nanoseconds), session.id)
        }, \.document)))
    }

    private func endOther(_ call: APICall) async throws -> APIAnswer {
        try await call.stores.sessions.end(try call.id("session"))
        return APIAnswer(204, audit: AuditDetail(target: call.parameters["session"]))
    }
}
