import KeyCore
import Primitives

/// Groups, their members, and the list of permissions.
struct GroupRoutes: RouteProvider {
    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/permissions", "listPermissions", "All permissions from which groups are made", tag: "Groups",
                access: .signedIn,
                answers: [200: .json(.object(name: "Permissions", [.required("permissions", .array(.object(name: "PermissionInfo", [
                    .required("name", AccountSchemas.permission),
                    .required("resource_kind", .nullable(.oneOf(ResourceKind.self)), "On what it can be granted one by one"),
                ]), count: 0...1000))]))], handler: permissions),
            Route(
                .get, "/api/v1/groups", "listGroups", "Groups", tag: "Groups", access: .needs(.readGroups),
                query: Page.parameters(sorts: ["name", "created_at"]) + [
                    QueryParameter("name", .text(1...128), "Only the group of that name, in any spelling of it")
                ], answers: [200: .json(Page.schema(of: AccountSchemas.group, name: "Groups"))], handler: list),
            Route(
                .post, "/api/v1/groups", "createGroup", "Make a group of permissions that you hold", tag: "Groups",
                access: .needs(.createGroups), event: .groupCreated, quorum: .addToAdmins, body: .json(AccountSchemas.groupDraft),
                answers: [201: .json(AccountSchemas.group)], isCreation: true, allowsDryRun: true, handler: create),
            Route(
                .get, "/api/v1/groups/{group}", "getGroup", "One group", tag: "Groups", access: .needs(.readGroups),
                answers: [200: .json(AccountSchemas.group)], handler: get),
            Route(
                .patch, "/api/v1/groups/{group}", "updateGroup", "Change a group's name, description or permissions", tag: "Groups",
                access: .needs(.updateGroups), event: .groupChanged, quorum: .addToAdmins, body: .json(AccountSchemas.groupChange),
                answers: [200: .json(AccountSchemas.group)], allowsDryRun: true, allowsIfMatch: true, handler: update),
            Route(
                .delete, "/api/v1/groups/{group}", "deleteGroup", "Remove a group with its grants", tag: "Groups",
                access: .needs(.deleteGroups), event: .groupDeleted, answers: [204: .empty], allowsDryRun: true, allowsIfMatch: true,
                handler: delete),
            Route(
                .put, "/api/v1/groups/{group}/members/{user}", "addMember", "Add a user to a group whose permissions you hold", tag: "Groups",
                access: .needs(.updateGroups), event: .memberAdded, quorum: .addToAdmins, answers: [204: .empty], allowsDryRun: true,
                handler: add),
            Route(
                .delete, "/api/v1/groups/{group}/members/{user}", "removeMember", "Remove a user from a group", tag: "Groups",
                access: .needs(.updateGroups), event: .memberRemoved, answers: [204: .empty], allowsDryRun: true, handler: remove),
        ]
    }

    private func permissions(_ call: APICall) async throws -> APIAnswer {
        let kinds = ResourceKind.allCases.flatMap { kind in kind.permissions.map { ($0, kind) } }
        return APIAnswer(200, .json(["permissions": .array(Permission.allCases.map { permission in
            ["name": .string(permission.rawValue), "resource_kind": .optional(kinds.first { $0.0 == permission }?.1.rawValue)]
        })]))
    }

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: ["name", "created_at"])
        var listing = AccountListing(sorts: GroupStore.sorts)
        if let name = call.query["name"] { listing.keep("canonical = ?", .text(AccountName(typed: name).canonical)) }
        let (groups, total) = try await call.stores.groups.list(page, listing)
        return APIAnswer(200, .json(page.document(groups, total: total, key: { group in
            (page.sort == "name" ? .string(group.canonical) : .integer(group.createdAt.nanoseconds), group.id.description)
        }, \.document)))
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        let group = try await call.stores.groups.find(try call.id("group"))
        return .thing(group.document, revision: group.revision)
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        let group = try await call.stores.groups.create(
            try AccountName(new: call.body["name"]?.string ?? ""), description: call.body["description"]?.string,
            permissions: GroupRoutes.permissions(call.body) ?? [], by: call.caller)
        return .thing(
            group.document, revision: group.revision, status: 201, location: "/api/v1/groups/\(group.id)",
            audit: AuditDetail(target: group.target))
    }

    private func update(_ call: APICall) async throws -> APIAnswer {
        var change = GroupChange()
        if let name = call.body["name"]?.string { change.name = try AccountName(new: name) }
        if let description = call.body["description"] { change.description = .some(description.string) }
        change.permissions = GroupRoutes.permissions(call.body)
        let group = try await call.stores.groups.update(try call.id("group"), change, revision: call.expectedRevision, by: call.caller)
        return .thing(group.document, revision: group.revision, audit: AuditDetail(target: group.target))
    }

    private func delete(_ call: APICall) async throws -> APIAnswer {
        let group = try await call.stores.groups.delete(try call.id("group"), revision: call.expectedRevision)
        return APIAnswer(204, audit: AuditDetail(target: group.target))
    }

    private func add(_ call: APICall) async throws -> APIAnswer {
        let (group, user) = try await call.stores.groups.add(try call.id("user"), to: try call.id("group"), by: call.caller)
        return APIAnswer(204, audit: AuditDetail(target: "\(group.target) \(user.target)"))
    }

    private func remove(_ call: APICall) async throws -> APIAnswer {
        let (group, user) = try await call.stores.groups.remove(try call.id("user"), from: try call.id("group"), by: call.caller)
        return APIAnswer(204, audit: AuditDetail(target: "\(group.target) \(user.target)"))
    }

    private static func permissions(_ body: JSONValue) -> Set<Permission>? {
        body["permissions"]?.array.map { Set($0.compactMap { $0.string.flatMap(Permission.init(rawValue:)) }) }
    }
}
