import KeyCore
import Primitives

extension User {
    /// As `AccountSchemas.user` says.
    var document: JSONValue {
        [
            "id": .string(id.description), "name": .string(name), "display_name": .optional(displayName), "email": .optional(email),
            "enabled": .bool(isEnabled), "has_password": .bool(hasPassword), "must_change_password": .bool(mustChangePassword),
            "second_factor": .bool(hasSecondFactor), "created_at": .optional(createdAt), "last_sign_in_at": .optional(lastSignInAt),
            "groups": .array(groups.map { ["id": .string($0.id), "name": .string($0.name)] }), "certificates": .strings(certificates),
            "identities": .array(identities.map { ["provider_id": .string($0.provider), "subject": .string($0.subject)] }),
            "revision": .integer(revision),
        ]
    }

    /// How it stands in the audit.
    var target: String { "user:\(canonical)" }
}

extension Group {
    /// As `AccountSchemas.group` says.
    var document: JSONValue {
        [
            "id": .string(id.description), "name": .string(name), "description": .optional(description),
            "permissions": .strings(permissions.map(\.rawValue).sorted()), "system": .bool(isSystem), "members": .integer(memberCount),
            "created_at": .optional(createdAt), "revision": .integer(revision),
        ]
    }

    /// How it stands in the audit.
    var target: String { "group:\(canonical)" }
}

extension Grant {
    /// As `AccountSchemas.grant` says.
    var document: JSONValue {
        [
            "id": .string(id.description), "user_id": .optional(user), "group_id": .optional(group),
            "resource_kind": .string(kind.rawValue), "resource_id": .string(resource),
            "permissions": .strings(permissions.map(\.rawValue).sorted()), "created_at": .optional(createdAt),
        ]
    }
}

extension APIToken {
    /// As `AccountSchemas.token` says; with the secret as `newToken` says.
    func document(secret: BearerToken? = nil) -> JSONValue {
        let document: JSONValue = [
            "id": .string(id), "name": .string(name), "user": ["id": .string(user.id), "name": .string(user.name)],
            "permissions": permissions.map { .strings($0.map(\.rawValue).sorted()) } ?? .null, "created_at": .optional(createdAt),
            "expires_at": .optional(expiresAt), "last_used_at": .optional(lastUsedAt),
        ]
        return secret.map { document.adding(["token": .string($0.text)]) } ?? document
    }
}

extension Session {
    /// As `AccountSchemas.listedSession` says.
    var document: JSONValue {
        [
            "id": .string(id), "user": ["id": .string(user.id), "name": .string(user.name)], "method": .string(method),
            "cookie": .bool(isCookie), "remote_address": .string(remoteAddress), "created_at": .optional(createdAt),
            "last_used_at": .optional(lastUsedAt), "expires_at": .optional(expiresAt),
        ]
    }
}

extension NewSession {
    /// As `AccountSchemas.session` says.
    func document(mustChange: Bool) -> JSONValue {
        [
            "token": isCookie ? .null : .string(token.text), "session_id": .string(id.description), "expires_at": .optional(expiresAt),
            "must_change_password": .bool(mustChange), "user": ["id": .string(user.id.description), "name": .string(user.name)],
        ]
    }

    /// The answer that tells the token, in its body or as a cookie: the only place that does.
    func answer(_ status: Int, mustChange: Bool, at now: Instant) -> APIAnswer {
        var answer = APIAnswer(status, .json(document(mustChange: mustChange)), audit: AuditDetail(target: user.target))
        if isCookie { answer.headers.append(SessionCookie.set(token, seconds: (expiresAt - now).components.seconds)) }
        return answer
    }
}

extension Caller {
    /// As `AccountSchemas.caller` says.
    func document(hasSecondFactor: Bool) -> JSONValue {
        let proof = switch proof {
        case .none, .localSocket: "local-socket"
        case .session: "session"
        case .token: "token"
        case .certificate: "certificate"
        }
        let grants = grants.filter { !$0.value.isEmpty }.sorted { $0.key.rawValue < $1.key.rawValue }
        return [
            "name": .string(name), "user_id": .optional(userID?.description), "groups": .strings(groups.sorted()),
            "permissions": .strings(permissions.map(\.rawValue).sorted()),
            "grants": .array(grants.map { ["permission": .string($0.key.rawValue), "resource_ids": .strings($0.value.sorted())] }),
            "proof": .string(proof), "must_change_password": .bool(mustChangePassword), "second_factor": .bool(hasSecondFactor),
        ]
    }

    /// The account whose things are acted on.
    /// - Throws: `.permissionDenied` for the local socket, which has none; `.passwordChangeRequired` while the password must be changed.
    func account(beforePasswordChange: Bool = false) throws(Problem) -> UserID {
        guard let userID else {
            throw Problem(.permissionDenied, "the local socket has no account of its own", remedy: "sign in as a user")
        }
        guard beforePasswordChange || !mustChangePassword else {
            throw Problem(
                .passwordChangeRequired, "the password must be changed before anything else",
                remedy: "change it: PUT /api/v1/self/password, or `holdfast password`")
        }
        return userID
    }
}
