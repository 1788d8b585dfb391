import KeyCore
import Primitives

/// Accounts on the wire: what bodies and answers look like.
enum AccountSchemas {
    static let permission = Schema.oneOf(Permission.self)
    static let permissions = Schema.array(permission, count: 0...Permission.allCases.count)
    static let reference = Schema.object(name: "Reference", [.required("id", .id), .required("name", .text(1...128))])
    static let password = Schema.secret(1...1024)
    static let code = Schema.secret(6...32)
    static let fingerprint = Schema.string(StringRule(
        length: 64...64, pattern: "^[0-9a-f]{64}$", about: "a SHA-256 fingerprint: 64 lower-case hexadecimal digits",
        accepts: { text in text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) } }))
    static let email = Schema.string(StringRule(
        length: 3...254, pattern: "^[!-?A-~]+@[!-?A-~]+$", about: "an e-mail address in ASCII", accepts: Email.isAcceptable))
    static let subject = Schema.text(1...255)
    static let newName = Schema.string(StringRule(length: 1...128, format: .name))

    static let credentials = Schema.object(name: "SignIn", [
        .optional("user", .text(1...256), "The user's name; left out with the password, the client certificate signs in"),
        .optional("password", password), .optional("totp", code, "The present code of the second factor, or a recovery code"),
        .optional("cookie", .boolean, "Whether the token is set as a cookie instead of being shown"),
    ])

    static let session = Schema.object(name: "NewSession", [
        .required("token", .nullable(.text(46...46)), "For the header Authorization: Bearer; null if it was set as a cookie"),
        .required("session_id", .id), .required("expires_at", .time),
        .required("must_change_password", .boolean, "Whether nothing else can be done before"), .required("user", reference),
    ])

    static let listedSession = Schema.object(name: "Session", [
        .required("id", .id), .required("user", reference), .required("method", .oneOf(SignInMethod.self)),
        .required("cookie", .boolean), .required("remote_address", .text(1...64)), .required("created_at", .time),
        .required("last_used_at", .time), .required("expires_at", .time),
    ])

    static let grantedPermissions = Schema.object(name: "GrantedPermissions", [
        .required("permission", permission), .required("resource_ids", .array(.id, count: 0...1_000_000)),
    ])

    static let caller = Schema.object(name: "Self", [
        .required("name", .text(1...256)), .required("user_id", .nullable(.id)),
        .required("groups", .array(.text(1...128), count: 0...100_000)), .required("permissions", permissions),
        .required("grants", .array(grantedPermissions, count: 0...Permission.allCases.count)),
        .required("proof", .oneOf(["session", "token", "certificate", "local-socket"])),
        .required("must_change_password", .boolean), .required("second_factor", .boolean),
    ])

    static let identity = Schema.object(name: "Identity", [
        .required("provider_id", .id), .required("subject", subject, "The provider's `sub`"),
    ])

    private static let userMembers: [Property] = [
        .required("id", .id), .required("name", .text(1...128)), .required("display_name", .nullable(.text(1...128))),
        .required("email", .nullable(email)), .required("enabled", .boolean), .required("has_password", .boolean),
        .required("must_change_password", .boolean), .required("second_factor", .boolean), .required("created_at", .time),
        .required("last_sign_in_at", .nullable(.time)), .required("groups", .array(reference, count: 0...100_000)),
        .required("certificates", .array(fingerprint, count: 0...100)), .required("identities", .array(identity, count: 0...100)),
        .required("revision", .integer(1...Int64.max)),
    ]
    static let user = Schema.object(name: "User", userMembers)
    static let newUser = Schema.object(name: "NewUser", userMembers + [
        .required("one_time_password", .nullable(.shownOnce(12...128)), "Shown once; null if the request named a password"),
    ])

    static let userDraft = Schema.object(name: "UserDraft", [
        .required("name", newName, "Unique, whatever its case"), .optional("display_name", .nullable(.text(1...128))),
        .optional("email", .nullable(email)), .optional("groups", .array(.id, count: 0...100), "The ids of groups; none that decides on approvals, as Admins"),
        .optional("password", password, "Must be changed at first sign-in; one is made if it is left out"),
    ])

    static let userChange = Schema.object(name: "UserChange", [
        .optional("display_name", .nullable(.text(1...128))), .optional("email", .nullable(email)), .optional("enabled", .boolean),
        .optional("certificates", .array(fingerprint, count: 0...100), "All certificates that sign this user in"),
        .optional("identities", .array(identity, count: 0...100), "All identities at OpenID providers that sign this user in"),
    ])

    static let group = Schema.object(name: "Group", [
        .required("id", .id), .required("name", .text(1...128)), .required("description", .nullable(.text(1...512))),
        .required("permissions", permissions), .required("system", .boolean, "Whether only its members can be changed"),
        .required("members", .integer(0...Int64.max), "How many"), .required("created_at", .time),
        .required("revision", .integer(1...Int64.max)),
    ])

    static let groupDraft = Schema.object(name: "GroupDraft", [
        .required("name", newName), .optional("description", .nullable(.text(1...512))), .required("permissions", permissions),
    ])

    static let groupChange = Schema.object(name: "GroupChange", [
        .optional("name", newName), .optional("description", .nullable(.text(1...512))), .optional("permissions", permissions),
    ])

    static let grant = Schema.object(name: "Grant", [
        .required("id", .id), .required("user_id", .nullable(.id)), .required("group_id", .nullable(.id)),
        .required("resource_kind", .oneOf(ResourceKind.self)), .required("resource_id", .id), .required("permissions", permissions),
        .required("created_at", .time),
    ])

    static let grantDraft = Schema.object(name: "GrantDraft", [
        .optional("user_id", .nullable(.id), "Either this"), .optional("group_id", .nullable(.id), "or this"),
        .required("resource_kind", .oneOf(ResourceKind.self)), .required("resource_id", .id),
        .required("permissions", .array(permission, count: 1...Permission.allCases.count), "Those that exist on such a resource"),
    ])

    private static let tokenMembers: [Property] = [
        .required("id", .id), .required("name", .name), .required("user", reference),
        .required("permissions", .nullable(permissions), "Null: whatever its owner may"), .required("created_at", .time),
        .required("expires_at", .time), .required("last_used_at", .nullable(.time)),
    ]
    static let token = Schema.object(name: "APIToken", tokenMembers)
    static let newToken = Schema.object(name: "NewAPIToken", [.required("token", .shownOnce(46...46), "Shown once")] + tokenMembers)

    static let tokenDraft = Schema.object(name: "APITokenDraft", [
        .required("name", .name, "Unique among your tokens"),
        .optional("permissions", .nullable(permissions), "What it may at most; whatever you may if left out"),
        .optional("expires_in_days", .integer(1...730), "90 if left out"),
    ])
}
