import Foundation
import KeyCore
import Primitives

/// OpenID providers on the wire.
enum OIDCSchemas {
    static let issuer = Schema.string(StringRule(
        length: 9...512, pattern: "^https://[!-~]+$", about: "an https URL without query and fragment", accepts: { isHTTPS($0, suffix: "") }))
    static let redirectURI = Schema.string(StringRule(
        length: 9...512, pattern: "^https://[!-~]+/api/v1/sign-in/oidc/callback$",
        about: "an https URL of this server that ends in /api/v1/sign-in/oidc/callback",
        accepts: { isHTTPS($0, suffix: "/api/v1/sign-in/oidc/callback") }))
    static let clientID = Schema.string(StringRule(
        length: 1...256, pattern: "^[ -~]+$", about: "1 to 256 printable ASCII characters",
        accepts: { $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } }))

    static let provider = Schema.object(name: "OIDCProvider", [
        .required("id", .id), .required("name", .name), .required("issuer", issuer), .required("client_id", clientID),
        .required("has_client_secret", .boolean), .required("redirect_uri", redirectURI), .required("matches_email", .boolean),
        .required("enabled", .boolean), .required("created_at", .time), .required("revision", .integer(1...Int64.max)),
    ])

    static let draft = Schema.object(name: "OIDCProviderDraft", [
        .required("name", .name), .required("issuer", issuer, "Its configuration is read from below it"), .required("client_id", clientID),
        .optional("client_secret", .nullable(.secret(1...512)), "Sealed; never shown again"),
        .required("redirect_uri", redirectURI, "As registered at the provider"),
        .optional("matches_email", .boolean, "Whether an address that it calls verified stands for the user with that address; false if left out"),
    ])

    static let change = Schema.object(name: "OIDCProviderChange", [
        .optional("name", .name), .optional("issuer", issuer), .optional("client_id", clientID),
        .optional("client_secret", .nullable(.secret(1...512))), .optional("redirect_uri", redirectURI),
        .optional("matches_email", .boolean), .optional("enabled", .boolean),
    ])

    private static func isHTTPS(_ text: String, suffix: String) -> Bool {
        guard let url = URL(string: text), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return false }
        return url.scheme == "https" && url.host?.isEmpty == false && url.user == nil && url.query == nil && url.fragment == nil
            && text.hasPrefix("https://") && url.path.hasSuffix(suffix)
    }
}

/// OpenID providers.
struct OIDCProviderRoutes: RouteProvider {
    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/oidc-providers", "listOIDCProviders", "OpenID providers", tag: "OpenID", access: .needs(.readUsers),
                query: Page.parameters(sorts: ["name"]),
                answers: [200: .json(Page.schema(of: OIDCSchemas.provider, name: "OIDCProviders"))], handler: list),
            Route(
                .post, "/api/v1/oidc-providers", "createOIDCProvider",
                "Let people of an OpenID provider sign in; needs every permission that anybody has, since it can sign in as them",
                tag: "OpenID", access: .needs(.updateUsers), event: .oidcProviderCreated, quorum: .addToAdmins, body: .json(OIDCSchemas.draft),
                answers: [201: .json(OIDCSchemas.provider)], isCreation: true, allowsDryRun: true, handler: create),
            Route(
                .get, "/api/v1/oidc-providers/{provider}", "getOIDCProvider", "One OpenID provider", tag: "OpenID",
                access: .needs(.readUsers), answers: [200: .json(OIDCSchemas.provider)], handler: get),
            Route(
                .patch, "/api/v1/oidc-providers/{provider}", "updateOIDCProvider", "Change an OpenID provider", tag: "OpenID",
                access: .needs(.updateUsers), event: .oidcProviderChanged, quorum: .addToAdmins, body: .json(OIDCSchemas.change),
                answers: [200: .json(OIDCSchemas.provider)], allowsDryRun: true, allowsIfMatch: true, handler: update),
            Route(
                .delete, "/api/v1/oidc-providers/{provider}", "deleteOIDCProvider", "Remove an OpenID provider", tag: "OpenID",
                access: .needs(.updateUsers), event: .oidcProviderDeleted, answers: [204: .empty], allowsDryRun: true, allowsIfMatch: true,
                handler: delete),
        ]
    }

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: ["name"])
        let (providers, total) = try await call.stores.oidcProviders.list(page)
        return APIAnswer(200, .json(page.document(
            providers, total: total, key: { (.string($0.name), $0.id.description) }, \.document)))
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        let provider = try await call.stores.oidcProviders.find(try call.id("provider"))
        return .thing(provider.document, revision: provider.revision)
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        let provider = try await call.stores.oidcProviders.create(OIDCProviderRoutes.change(call.body), by: call.caller)
        return .thing(
            provider.document, revision: provider.revision, status: 201, location: "/api/v1/oidc-providers/\(provider.id)",
            audit: AuditDetail(target: provider.name))
    }

    private func update(_ call: APICall) async throws -> APIAnswer {
        let provider = try await call.stores.oidcProviders.update(
            try call.id("provider"), OIDCProviderRoutes.change(call.body), revision: call.expectedRevision, by: call.caller)
        return .thing(provider.document, revision: provider.revision, audit: AuditDetail(target: provider.name))
    }

    private func delete(_ call: APICall) async throws -> APIAnswer {
        let provider = try await call.stores.oidcProviders.delete(try call.id("provider"), revision: call.expectedRevision)
        return APIAnswer(204, audit: AuditDetail(target: provider.name))
    }

    private static func change(_ body: JSONValue) -> OIDCProviderChange {
        var change = OIDCProviderChange()
        (change.name, change.issuer, change.clientID) = (body["name"]?.string, body["issuer"]?.string, body["client_id"]?.string)
        (change.redirectURI, change.matchesEmail) = (body["redirect_uri"]?.string, body["matches_email"]?.bool)
        change.isEnabled = body["enabled"]?.bool
        if let secret = body["client_secret"] { change.secret = .some(secret.string.map { SharedSecret(SecretBytes(copying: $0.utf8)) }) }
        return change
    }
}
