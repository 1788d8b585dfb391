import Foundation
import KeyCore
import Primitives

/// Signing in at an OpenID provider: authorization code with PKCE, state and nonce.
struct OIDCRoutes: RouteProvider {
    let settings: AccountSettings

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/sign-in/oidc/{provider}/start", "startOIDC", "Send a browser to an OpenID provider", tag: "Sign-in",
                access: .open(reason: "whoever isn't signed in yet must be able to"),
                query: [QueryParameter("mode", .oneOf(["token", "cookie"]), "How the session is to be given: as JSON, or as a cookie; token if left out")],
                answers: [302: .empty], handler: start),
            Route(
                .get, "/api/v1/sign-in/oidc/callback", "finishOIDC", "Where the provider sends the browser back", tag: "Sign-in",
                access: .open(reason: "whoever isn't signed in yet must be able to"), event: .sessionBegun, query: callbackQuery,
                answers: [200: .other(type: "text/html; charset=utf-8"), 201: .json(AccountSchemas.session)], handler: finish),
        ]
    }

    /// Providers add parameters of their own; the known ones are let pass.
    private var callbackQuery: [QueryParameter] {
        [
            QueryParameter("code", .text(1...2048), "The provider's code"), QueryParameter("state", .text(1...1024), "What we sent"),
            QueryParameter("iss", .text(1...512), "The provider's issuer (RFC 9207)"),
            QueryParameter("error", .text(1...256), "Why there is no code"),
        ] + ["error_description", "error_uri", "scope", "session_state", "authuser", "hd", "prompt"].map {
            QueryParameter($0, .text(0...2048), "Not looked at")
        }
    }

    private func start(_ call: APICall) async throws -> APIAnswer {
        try settings.oidcMemory.admit(call.remoteAddress, at: call.stores.clock.now)
        let provider = try await call.stores.oidcProviders.find(try call.id("provider"))
        guard provider.isEnabled else { throw Problem(.notFound, "OpenID provider \(provider.id) does not exist") }
        let client = OIDCClient(transport: settings.oidc, clock: call.stores.clock, memory: settings.oidcMemory)
        let configuration = try await client.discover(provider)
        let browser = try OIDCBrowser()
        let state = try browser.seal(
            OIDCBrowser.State(provider: provider.id, isCookie: call.query["mode"] == "cookie"), with: call.stores.sealer,
            at: call.stores.clock.now)
        var answer = APIAnswer(302)
        answer.headers = [("Location", client.authorizationURL(provider, configuration, browser, state: state)), browser.cookie]
        return answer
    }

    private func finish(_ call: APICall) async throws -> APIAnswer {
        let (stores, now) = (call.stores, call.stores.clock.now)
        try settings.oidcMemory.admit(call.remoteAddress, at: now)
        guard let browser = OIDCBrowser(cookieIn: call.headers), let text = call.query["state"],
            let state = browser.open(text, with: stores.sealer, at: now)
        else {
            throw Problem(
                .malformedRequest, "this browser has not begun this sign-in, or too long ago", remedy: "begin the sign-in again")
        }
        let provider: OIDCProvider
        do { provider = try await stores.oidcProviders.find(state.provider) } catch StoreError.notFound {
            throw OIDCClient.refusal("the provider was removed meanwhile")
        }
        guard provider.isEnabled, call.query["iss"].map({ $0 == provider.issuer }) ?? true else {
            throw OIDCClient.refusal("the answer is not of the provider that was asked, or it is disabled")
        }
        guard let code = call.query["code"] else { throw OIDCClient.refusal("the provider did not confirm who you are") }
        let client = OIDCClient(transport: settings.oidc, clock: stores.clock, memory: settings.oidcMemory)
        let token = try await client.redeem(code, provider, secret: try await stores.oidcProviders.secret(of: provider), browser)
        let session = try await begin(token, provider, isCookie: state.isCookie, call)
        return answer(session, at: now)
    }

    private func begin(_ token: VerifiedToken, _ provider: OIDCProvider, isCookie: Bool, _ call: APICall) async throws -> NewSession {
        let (now, rules, address) = (call.stores.clock.now, settings.sessions, call.remoteAddress)
        let verifiedEmail = token.claims["email_verified"] == .bool(true) ? token.email : nil
        let session: NewSession? = try await call.stores.database.write { connection in
            var rows = try connection.query(
                """
                SELECT u.id, u.enabled FROM user_identities i JOIN users u ON u.id = i.user_id JOIN oidc_providers p ON p.id = i.provider_id
                WHERE i.provider_id = $1 AND i.subject = $2 AND p.enabled = 1
                """, [.text(provider.id.description), .text(token.subject)])
            if rows.isEmpty, provider.matchesEmail, let verifiedEmail {
                rows = try connection.query(
                    "SELECT id, enabled FROM users WHERE email_canonical = $1", [.text(Email.canonical(verifiedEmail))])
            }
            guard let row = rows.first, try row.boolean("enabled"), let user = UserID(try row.text("id")) else { return nil }
            let draft = SessionDraft(user: user, method: .oidc, isCookie: isCookie, fingerprint: nil, remoteAddress: address)
            return try SessionStore.begin(draft, rules: rules, at: now, in: connection)
        }
        guard let session else {
            throw Problem(
                .permissionDenied, "who you are at the provider is no user here", remedy: "have an administrator bind your identity to your account")
        }
        return session
    }

    /// The page holds nothing of what was sent: there is nothing to escape (N41). It leads on by itself, since a browser sends a strict cookie
    /// only on a way that began here.
    private func answer(_ session: NewSession, at now: Instant) -> APIAnswer {
        var answer = session.answer(201, mustChange: false, at: now)
        if session.isCookie { (answer.status, answer.body) = (200, .bytes(OIDCRoutes.page, type: "text/html; charset=utf-8")) }
        answer.headers.append(OIDCBrowser.clearCookie)
        return answer
    }

    private static let page = Array("""
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><title>Holdfast</title><meta http-equiv="refresh" content="0; url=/"></head>
        <body><p>You are signed in. <a href="/">Continue</a></p></body></html>

        """.utf8)
}
