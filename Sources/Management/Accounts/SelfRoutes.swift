import KeyCore
import Primitives

/// What somebody does with the own account: password, second factor.
struct SelfRoutes: RouteProvider {
    let settings: AccountSettings

    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/self", "getSelf", "Who this request proves, and what that may do", tag: "Sign-in", access: .signedIn,
                answers: [200: .json(AccountSchemas.caller)], handler: get),
            Route(
                .put, "/api/v1/self/password", "changePassword", "Change the own password; all sessions end", tag: "Sign-in",
                access: .signedIn, event: .passwordChanged,
                body: .json(.object(name: "PasswordChange", [
                    .required("current_password", AccountSchemas.password), .required("new_password", AccountSchemas.password),
                ]), maxBytes: 8 << 10),
                answers: [200: .json(.object(name: "PasswordChanged", [
                    .required("session", .nullable(AccountSchemas.session), "A new session in place of the one that asked; null if none did"),
                ]))], handler: changePassword),
            Route(
                .post, "/api/v1/self/totp", "beginSecondFactor", "Get a secret for an authenticator program", tag: "Sign-in",
                access: .signedIn, event: .secondFactorBegun,
                answers: [200: .json(.object(name: "SecondFactor", [
                    .required("secret", .text(32...32), "Base32; shown once"), .required("uri", .text(1...1024), "For a QR code"),
                ]))], handler: beginSecondFactor),
            Route(
                .post, "/api/v1/self/totp/confirm", "confirmSecondFactor", "Show a code of it: from now on signing in needs one, or a recovery code",
                tag: "Sign-in", access: .signedIn, event: .secondFactorConfirmed,
                body: .json(.object(name: "SecondFactorCode", [.required("code", AccountSchemas.code)]), maxBytes: 1 << 10),
                answers: [200: .json(SelfRoutes.recoveryCodes)], handler: confirmSecondFactor),
            Route(
                .post, "/api/v1/self/totp/recovery-codes", "makeRecoveryCodes", "New recovery codes; earlier ones count no more", tag: "Sign-in",
                access: .signedIn, event: .recoveryCodesMade,
                body: .json(.object(name: "PasswordProof", [.required("password", AccountSchemas.password)]), maxBytes: 8 << 10),
                answers: [200: .json(SelfRoutes.recoveryCodes)], handler: makeRecoveryCodes),
            Route(
                .delete, "/api/v1/self/totp", "removeSecondFactor", "Do without second factor", tag: "Sign-in", access: .signedIn,
                event: .secondFactorRemoved,
                body: .json(.object(name: "PasswordProof", [.required("password", AccountSchemas.password)]), maxBytes: 8 << 10),
                answers: [204: .empty], handler: removeSecondFactor),
        ]
    }

    private static let recoveryCodes = Schema.object(name: "RecoveryCodes", [
        .required(
            "recovery_codes", .array(.shownOnce(19...19), count: RecoveryCodes.count...RecoveryCodes.count),
            "Each signs in once in place of a code of the authenticator program; shown once"),
    ])

    private func get(_ call: APICall) async throws -> APIAnswer {
        var hasSecondFactor = false
        do {
            if let id = call.caller.userID { hasSecondFactor = try await call.stores.users.find(id).hasSecondFactor }
        } catch StoreError.notFound {
            throw Problem(.unauthenticated, "the account was deleted meanwhile")
        }
        return APIAnswer(200, .json(call.caller.document(hasSecondFactor: hasSecondFactor)))
    }

    private func changePassword(_ call: APICall) async throws -> APIAnswer {
        let id = try call.caller.account(beforePasswordChange: true)
        try requireSession(call)
        let (current, new) = (call.body["current_password"]?.string ?? "", call.body["new_password"]?.string ?? "")
        let signIn = SignIn(settings: settings, stores: call.stores)
        let credentials = try await signIn.prove(current, of: id, from: call.remoteAddress)
        try settings.passwords.check(new, of: credentials.name, field: "/new_password")
        let secret = PasswordPolicy.bytes(new)
        for earlier in try await call.stores.passwords.history(of: id, count: settings.passwords.remembered) {
            guard try await !settings.bench.matches(secret, earlier) else {
                throw Problem.invalid("/new_password", expected: "none of the last \(settings.passwords.remembered) passwords")
            }
        }
        let hash = try await settings.bench.hash(secret)
        let (now, rules, caller, address) = (call.stores.clock.now, settings.sessions, call.caller, call.remoteAddress)
        let cookie = SessionCookie.value(of: SessionCookie.name, in: call.headers) != nil && call.headers["authorization"] == nil
        let session: NewSession? = try await call.stores.passwords.replace(
            credentials.passwordHash, of: id, with: hash, mustChange: false, by: caller
        ) { connection in
            guard case .session = caller.proof else { return nil }
            let draft = SessionDraft(user: id, method: .password, isCookie: cookie, fingerprint: nil, remoteAddress: address)
            return try SessionStore.begin(draft, rules: rules, at: now, in: connection)
        }
        guard let session else {
            return APIAnswer(200, .json(["session": nil]), audit: AuditDetail(target: "user:\(credentials.name.canonical)"))
        }
        var answer = session.answer(200, mustChange: false, at: now)
        answer.body = .json(["session": session.document(mustChange: false)])
        return answer
    }

    private func beginSecondFactor(_ call: APICall) async throws -> APIAnswer {
        let id = try call.caller.account()
        try requireSession(call)
        let secret = SharedSecret(try SecretBytes(randomCount: 20))
        let user = try await call.stores.secondFactors.begin(secret, for: id)
        return APIAnswer(
            200, .json([
                "secret": .string(Base32.string(secret.bytes)), "uri": .string(TOTP.uri(secret.bytes, user: user.name)),
            ]), audit: AuditDetail(target: user.target))
    }

    private func confirmSecondFactor(_ call: APICall) async throws -> APIAnswer {
        let id = try call.caller.account()
        try requireSession(call)
        guard let codes = try await call.stores.secondFactors.confirm(call.body["code"]?.string ?? "", for: id) else {
            throw Problem.invalid("/code", expected: "the present six digits of the authenticator program")
        }
        return APIAnswer(200, .json(["recovery_codes": .strings(codes)]), audit: AuditDetail(target: call.caller.name))
    }

    private func makeRecoveryCodes(_ call: APICall) async throws -> APIAnswer {
        let id = try call.caller.account()
        try requireSession(call)
        _ = try await SignIn(settings: settings, stores: call.stores).prove(call.body["password"]?.string ?? "", of: id, from: call.remoteAddress)
        let codes = try await call.stores.secondFactors.renewRecoveryCodes(of: id)
        return APIAnswer(200, .json(["recovery_codes": .strings(codes)]), audit: AuditDetail(target: call.caller.name))
    }

    private func removeSecondFactor(_ call: APICall) async throws -> APIAnswer {
        let id = try call.caller.account()
        try requireSession(call)
        let signIn = SignIn(settings: settings, stores: call.stores)
        _ = try await signIn.prove(call.body["password"]?.string ?? "", of: id, from: call.remoteAddress)
        let user = try await call.stores.secondFactors.remove(from: id, by: call.caller)
        return APIAnswer(204, audit: AuditDetail(target: user.target))
    }

    /// A program's token must not change how its owner signs in.
    private func requireSession(_ call: APICall) throws(Problem) {
        if case .token = call.caller.proof {
            throw Problem(.permissionDenied, "an API token can't change how its owner signs in", remedy: "sign in and do it yourself")
        }
    }
}
