import KeyCore
import Primitives

/// API tokens: the own ones, and everybody's.
struct TokenRoutes: RouteProvider {
    private static let sorts = ["created_at", "expires_at"]

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/self/tokens", "listOwnTokens", "The own API tokens", tag: "Sign-in", access: .signedIn,
                query: Page.parameters(sorts: TokenRoutes.sorts),
                answers: [200: .json(Page.schema(of: AccountSchemas.token, name: "APITokens"))], handler: listOwn),
            // Without Idempotency-Key: the token is shown once and kept nowhere.
            Route(
                .post, "/api/v1/self/tokens", "createToken", "Make an API token; it is shown once", tag: "Sign-in", access: .signedIn,
                event: .apiTokenCreated, body: .json(AccountSchemas.tokenDraft, maxBytes: 16 << 10),
                answers: [201: .json(AccountSchemas.newToken)], handler: create),
            Route(
                .delete, "/api/v1/self/tokens/{token}", "revokeOwnToken", "Revoke an API token of the own", tag: "Sign-in",
                access: .signedIn, event: .apiTokenRevoked, answers: [204: .empty], handler: revokeOwn),
            Route(
                .get, "/api/v1/tokens", "listTokens", "The API tokens of all users", tag: "Users", access: .needs(.revokeTokens),
                query: Page.parameters(sorts: TokenRoutes.sorts) + [QueryParameter("user_id", .id, "Only this user's")],
                answers: [200: .json(Page.schema(of: AccountSchemas.token, name: "APITokens"))], handler: list),
            Route(
                .delete, "/api/v1/tokens/{token}", "revokeToken", "Revoke somebody's API token", tag: "Users",
                access: .needs(.revokeTokens), event: .apiTokenRevoked, answers: [204: .empty], handler: revoke),
        ]
    }

    private func listOwn(_ call: APICall) async throws -> APIAnswer {
        try await list(call, owner: try call.caller.account().description)
    }

    private func list(_ call: APICall) async throws -> APIAnswer { try await list(call, owner: call.query["user_id"]) }

    private func list(_ call: APICall, owner: String?) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: TokenRoutes.sorts)
        var listing = AccountListing(sorts: APITokenStore.sorts)
        if let owner { listing.keep("t.user_id = ?", .text(owner)) }
        let (tokens, total) = try await call.stores.apiTokens.list(page, listing)
        return APIAnswer(200, .json(page.document(tokens, total: total, key: { token in
            (.integer((page.sort == "created_at" ? token.createdAt : token.expiresAt).nanoseconds), token.id)
        }, { $0.document() })))
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        let owner = try call.caller.account()
        if case .token = call.caller.proof {  // one that leaks must not outlive its revocation
            throw Problem(.permissionDenied, "an API token makes no API tokens", remedy: "sign in and make it yourself")
        }
        let scope = call.body["permissions"]?.array.map { Set($0.compactMap { $0.string.flatMap(Permission.init(rawValue:)) }) }
        let days = call.body["expires_in_days"]?.integer ?? 90
        let (token, secret) = try await call.stores.apiTokens.create(
            call.body["name"]?.string ?? "", of: owner, scope: scope, lifetime: .seconds(days * 86400), by: call.caller)
        return APIAnswer(201, .json(token.document(secret: secret)), audit: AuditDetail(target: token.id))
    }

    private func revokeOwn(_ call: APICall) async throws -> APIAnswer {
        let id: APITokenID = try call.id("token")
        if case .token(let own) = call.caller.proof, own != id.description {
            throw Problem(.permissionDenied, "an API token revokes no other than itself", remedy: "sign in and revoke it yourself")
        }
        let token = try await call.stores.apiTokens.revoke(id, owner: try call.caller.account())
        return APIAnswer(204, audit: AuditDetail(target: token.id))
    }

    private func revoke(_ call: APICall) async throws -> APIAnswer {
        let token = try await call.stores.apiTokens.revoke(try call.id("token"))
        return APIAnswer(204, audit: AuditDetail(target: token.id))
    }
}
