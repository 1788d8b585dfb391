import KeyCore
import Primitives

/// Users.
struct UserRoutes: RouteProvider {
    let settings: AccountSettings
    private static let oneTime = Schema.object(name: "OneTimePassword", [
        .required("one_time_password", .shownOnce(12...128), "Shown once; must be changed at the next sign-in"),
    ])

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/users", "listUsers", "Users", tag: "Users", access: .needs(.readUsers),
                query: Page.parameters(sorts: ["name", "created_at"]) + [
                    QueryParameter("name", .text(1...128), "Only the user of that name, in any spelling of it"),
                    QueryParameter("email", .text(1...254), "Only the user with that address"),
                    QueryParameter("enabled", .boolean, "Only enabled ones, or only disabled ones"),
                    QueryParameter("group_id", .id, "Only the members of this group"),
                ], answers: [200: .json(Page.schema(of: AccountSchemas.user, name: "Users"))], handler: list),
            // Without Idempotency-Key: the one-time password is shown once and kept nowhere.
            Route(
                .post, "/api/v1/users", "createUser", "Make a user", tag: "Users", access: .needs(.createUsers), event: .userCreated,
                body: .json(AccountSchemas.userDraft), answers: [201: .json(AccountSchemas.newUser)], allowsDryRun: true, handler: create),
            Route(
                .get, "/api/v1/users/{user}", "getUser", "One user", tag: "Users", access: .needs(.readUsers),
                answers: [200: .json(AccountSchemas.user)], handler: get),
            Route(
                .patch, "/api/v1/users/{user}", "updateUser", "Change, disable, enable a user; bind certificates and identities",
                tag: "Users", access: .needs(.updateUsers), event: .userChanged, quorum: .addToAdmins, body: .json(AccountSchemas.userChange),
                answers: [200: .json(AccountSchemas.user)], allowsDryRun: true, allowsIfMatch: true, handler: update),
            Route(
                .delete, "/api/v1/users/{user}", "deleteUser", "Remove a user with sessions, tokens and grants", tag: "Users",
                access: .needs(.deleteUsers), event: .userDeleted, answers: [204: .empty], allowsDryRun: true, allowsIfMatch: true,
                handler: delete),
            Route(
                .post, "/api/v1/users/{user}/reset-password", "resetPassword", "Give a user a one-time password; all sessions end",
                tag: "Users", access: .needs(.updateUsers), event: .passwordReset, quorum: .addToAdmins, answers: [200: .json(UserRoutes.oneTime)],
                handler: resetPassword),
            Route(
                .post, "/api/v1/users/{user}/unlock", "unlockUser", "End a lock-out after too many failures", tag: "Users",
                access: .needs(.updateUsers), event: .userUnlocked, answers: [200: .json(AccountSchemas.user)], handler: unlock),
            Route(
                .delete, "/api/v1/users/{user}/totp", "removeUsersSecondFactor", "Remove a user's second factor", tag: "Users",
                access: .needs(.updateUsers), event: .secondFactorRemoved, quorum: .addToAdmins, answers: [204: .empty], handler: removeSecondFactor),
        ]
    }

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: ["name", "created_at"])
        var listing = AccountListing(sorts: UserStore.sorts)
        if let name = call.query["name"] { listing.keep("canonical = ?", .text(AccountName(typed: name).canonical)) }
        if let email = call.query["email"] { listing.keep("email_canonical = ?", .text(Email.canonical(email))) }
        if let enabled = call.query["enabled"] { listing.keep("enabled = ?", .boolean(enabled == "true")) }
        if let group = call.query["group_id"] {
            listing.keep("id IN (SELECT user_id FROM group_members WHERE group_id = ?)", .text(group))
        }
        let (users, total) = try await call.stores.users.list(page, listing)
        return APIAnswer(200, .json(page.document(users, total: total, key: { user in
            (page.sort == "name" ? .string(user.canonical) : .integer(user.createdAt.nanoseconds), user.id.description)
        }, \.document)))
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        let user = try await call.stores.users.find(try call.id("user"))
        return .thing(user.document, revision: user.revision)
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        var draft = UserDraft(name: try AccountName(new: call.body["name"]?.string ?? ""))
        (draft.displayName, draft.email) = (call.body["display_name"]?.string, call.body["email"]?.string)
        draft.groups = (call.body["groups"]?.array ?? []).compactMap { $0.string.flatMap { GroupID($0) } }
        let given = call.body["password"]?.string
        if let given { try settings.passwords.check(given, of: draft.name, field: "/password") }
        let password = try given ?? PasswordPolicy.oneTime()
        draft.passwordHash = try await settings.bench.hash(PasswordPolicy.bytes(password))
        let user = try await call.stores.users.create(draft, by: call.caller)
        return .thing(
            user.document.adding(["one_time_password": given == nil ? .string(password) : .null]), revision: user.revision, status: 201,
            location: "/api/v1/users/\(user.id)", audit: AuditDetail(target: user.target))
    }

    private func update(_ call: APICall) async throws -> APIAnswer {
        var change = UserChange()
        if let value = call.body["display_name"] { change.displayName = .some(value.string) }
        if let value = call.body["email"] { change.email = .some(value.string) }
        change.isEnabled = call.body["enabled"]?.bool
        change.certificates = call.body["certificates"]?.array?.compactMap(\.string)
        change.identities = call.body["identities"]?.array?.compactMap { identity in
            guard let provider = identity["provider_id"]?.string, let subject = identity["subject"]?.string else { return nil }
            return User.Identity(provider: provider, subject: subject)
        }
        let id: UserID = try call.id("user")
        if change.bindsSignIn {
            try PrivilegeRule.refuseOwn(id, of: call.caller, instead: "let another administrator do it, or do it on the server's local socket")
        }
        let user = try await call.stores.users.update(id, change, revision: call.expectedRevision, by: call.caller)
        return .thing(user.document, revision: user.revision, audit: AuditDetail(target: user.target, cause: UserRoutes.words(call.body)))
    }

    /// Which fields were changed, for the record.
    private static func words(_ body: JSONValue) -> String? {
        let names = (body.object ?? []).map(\.name)
        return names.isEmpty ? nil : names.joined(separator: " ")
    }

    private func delete(_ call: APICall) async throws -> APIAnswer {
        let user = try await call.stores.users.delete(try call.id("user"), revision: call.expectedRevision, by: call.caller)
        return APIAnswer(204, audit: AuditDetail(target: user.target))
    }

    private func resetPassword(_ call: APICall) async throws -> APIAnswer {
        let id: UserID = try call.id("user")
        try PrivilegeRule.refuseOwn(id, of: call.caller, instead: "change your password: PUT /api/v1/self/password, or `holdfast password`")
        let before = try await call.stores.passwords.credentials(id)
        let password = try PasswordPolicy.oneTime()
        let hash = try await settings.bench.hash(PasswordPolicy.bytes(password))
        try await call.stores.passwords.replace(before.passwordHash, of: id, with: hash, mustChange: true, by: call.caller) { _ in }
        return APIAnswer(
            200, .json(["one_time_password": .string(password)]), audit: AuditDetail(target: "user:\(before.name.canonical)"))
    }

    private func unlock(_ call: APICall) async throws -> APIAnswer {
        let user = try await call.stores.users.unlock(try call.id("user"), by: call.caller)
        return .thing(user.document, revision: user.revision, audit: AuditDetail(target: user.target))
    }

    private func removeSecondFactor(_ call: APICall) async throws -> APIAnswer {
        let id: UserID = try call.id("user")
        try PrivilegeRule.refuseOwn(id, of: call.caller, instead: "remove your own with your password: DELETE /api/v1/self/totp")
        let user = try await call.stores.secondFactors.remove(from: id, by: call.caller)
        return APIAnswer(204, audit: AuditDetail(target: user.target))
    }
}
