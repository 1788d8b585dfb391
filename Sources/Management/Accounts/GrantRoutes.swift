import KeyCore
import Primitives

/// Permissions on single keys and endpoints.
struct GrantRoutes: RouteProvider {
    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/grants", "listGrants", "Grants on single resources", tag: "Grants", access: .needs(.readGrants),
                query: Page.parameters(sorts: ["created_at"]) + [
                    QueryParameter("user_id", .id, "Only this user's"), QueryParameter("group_id", .id, "Only this group's"),
                    QueryParameter("resource_id", .id, "Only those on this resource"),
                ], answers: [200: .json(Page.schema(of: AccountSchemas.grant, name: "Grants"))], handler: list),
            Route(
                .post, "/api/v1/grants", "createGrant", "Grant permissions that you hold on a resource", tag: "Grants",
                access: .needs(.writeGrants), event: .grantCreated, quorum: .changeGrants, body: .json(AccountSchemas.grantDraft),
                answers: [201: .json(AccountSchemas.grant)], isCreation: true, allowsDryRun: true, handler: create),
            Route(
                .delete, "/api/v1/grants/{grant}", "deleteGrant", "Withdraw a grant", tag: "Grants", access: .needs(.writeGrants),
                event: .grantDeleted, quorum: .changeGrants, answers: [204: .empty], allowsDryRun: true, handler: delete),
        ]
    }

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: ["created_at"])
        var listing = AccountListing(sorts: GrantStore.sorts)
        for name in ["user_id", "group_id", "resource_id"] {
            if let value = call.query[name] { listing.keep("\(name) = ?", .text(value)) }
        }
        let (grants, total) = try await call.stores.grants.list(page, listing)
        return APIAnswer(200, .json(page.document(
            grants, total: total, key: { (.integer($0.createdAt.nanoseconds), $0.id.description) }, \.document)))
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        let holder: GrantStore.Holder
        switch (call.body["user_id"]?.string.flatMap({ UserID($0) }), call.body["group_id"]?.string.flatMap({ GroupID($0) })) {
        case (let user?, nil): holder = .user(user)
        case (nil, let group?): holder = .group(group)
        default: throw Problem.invalid("/user_id", expected: "either user_id or group_id")
        }
        guard let kind = call.body["resource_kind"]?.string.flatMap(ResourceKind.init(rawValue:)), let resource = call.body["resource_id"]?.string
        else { throw Problem.invalid("/resource_kind", expected: "a kind of resource and an id") }
        let permissions = Set((call.body["permissions"]?.array ?? []).compactMap { $0.string.flatMap(Permission.init(rawValue:)) })
        guard permissions.isSubset(of: kind.permissions) else {
            throw Problem.invalid("/permissions", expected: "some of \(kind.permissions.map(\.rawValue).joined(separator: ", "))")
        }
        let grant = try await call.stores.grants.create(permissions, on: kind, resource, to: holder, by: call.caller)
        return .thing(grant.document, status: 201, audit: GrantRoutes.detail(grant))
    }

    private func delete(_ call: APICall) async throws -> APIAnswer {
        let grant = try await call.stores.grants.delete(try call.id("grant"))
        return APIAnswer(204, audit: GrantRoutes.detail(grant))
    }

    private static func detail(_ grant: Grant) -> AuditDetail {
        AuditDetail(
            target: grant.user.map { "user \($0)" } ?? grant.group.map { "group \($0)" },
            keyID: grant.kind == .key ? KeyID(grant.resource) : nil,
            endpointID: grant.kind == .endpoint ? EndpointID(grant.resource) : nil, cause: Authority.text(grant.permissions))
    }
}
