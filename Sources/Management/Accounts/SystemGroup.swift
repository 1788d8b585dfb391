/// The groups that every installation has. They can't be changed or deleted; only their members can.
package enum SystemGroup: String, Sendable, CaseIterable {
    /// Own accounts, endpoints, policies, settings, backups. They don't work with keys unless they are in another group too.
    case admins = "Admins"
    /// Work with keys: their whole life up to destruction.
    case users = "Users"
    /// Make, rotate and describe keys, but stop or destroy none.
    case keyUsers = "Key Users"
    /// Say whose tokens are believed and how other servers are reached.
    case connectionAdmins = "Connection Admins"
    /// Own users, groups, grants and tokens.
    case userAdmins = "User Admins"
    /// Read everything, change nothing.
    case auditors = "Auditors"

    /// What its members may do.
    package var permissions: Set<Permission> {
        switch self {
        case .admins:
            Set(Permission.allCases).subtracting([
                .createKeys, .updateKeys, .rotateKeys, .changeStateOfKeys, .destroyKeys, .importKeys, .exportKeys,
            ])
        case .users:
            [
                .readKeys, .createKeys, .updateKeys, .rotateKeys, .changeStateOfKeys, .destroyKeys, .importKeys, .exportKeys,
                .readKeySources, .readEndpoints, .readIssuers, .readPolicies, .readCertificates,
            ]
        case .keyUsers: [.readKeys, .createKeys, .updateKeys, .rotateKeys, .readKeySources, .readEndpoints]
        case .connectionAdmins:
            [
                .readKeySources, .readIssuers, .createIssuers, .updateIssuers, .deleteIssuers, .readSettings, .updateSettings,
                .readCertificates,
            ]
        case .userAdmins:
            [
                .readUsers, .createUsers, .updateUsers, .deleteUsers, .readGroups, .createGroups, .updateGroups, .deleteGroups,
                .readGrants, .writeGrants, .revokeTokens,
            ]
        case .auditors: Set(Permission.allCases.filter { $0.verb == "read" }).union([.exportAudit, .verifyAudit])
        }
    }

    /// What it is for, in a sentence.
    package var summary: String {
        switch self {
        case .admins: "Own accounts, endpoints, policies, settings and backups; don't work with keys"
        case .users: "Work with keys"
        case .keyUsers: "Make, rotate and describe keys; stop or destroy none"
        case .connectionAdmins: "Say whose tokens are believed and how other servers are reached"
        case .userAdmins: "Own users, groups, grants and tokens"
        case .auditors: "Read everything, change nothing"
        }
    }
}
