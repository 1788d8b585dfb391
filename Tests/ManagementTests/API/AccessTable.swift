@testable import Management

/// Who may do what, written down a second time: what the routes and the system groups say must be this. A route or a permission without
/// a row here fails `AccessMatrixTests`.
enum AccessTable {
    /// What a route asks of its caller.
    enum Row: Equatable {
        /// Anybody, signed in or not.
        case open
        /// Whoever is signed in, for their own things.
        case signedIn
        /// Whoever has the permission everywhere.
        case needs(Permission)
        /// Whoever has it everywhere, or on the thing that this parameter names.
        case on(Permission, String)
        /// Whoever has it everywhere or on something.
        case lists(Permission)
    }

    /// By operation id.
    static let routes: [String: Row] = accounts.merging(resources) { a, _ in a }.merging(observation) { a, _ in a }
        .merging(backups) { a, _ in a }.merging(approvals) { a, _ in a }

    private static let accounts: [String: Row] = [
        "signIn": .open, "startOIDC": .open, "finishOIDC": .open,
        "signOut": .signedIn, "getSelf": .signedIn, "changePassword": .signedIn, "beginSecondFactor": .signedIn,
        "confirmSecondFactor": .signedIn, "makeRecoveryCodes": .signedIn, "removeSecondFactor": .signedIn, "listOwnTokens": .signedIn, "createToken": .signedIn,
        "revokeOwnToken": .signedIn, "listPermissions": .signedIn,
        "listUsers": .needs(.readUsers), "getUser": .needs(.readUsers), "createUser": .needs(.createUsers),
        "updateUser": .needs(.updateUsers), "deleteUser": .needs(.deleteUsers), "resetPassword": .needs(.updateUsers),
        "unlockUser": .needs(.updateUsers), "removeUsersSecondFactor": .needs(.updateUsers),
        "listGroups": .needs(.readGroups), "getGroup": .needs(.readGroups), "createGroup": .needs(.createGroups),
        "updateGroup": .needs(.updateGroups), "deleteGroup": .needs(.deleteGroups), "addMember": .needs(.updateGroups),
        "removeMember": .needs(.updateGroups),
        "listGrants": .needs(.readGrants), "createGrant": .needs(.writeGrants), "deleteGrant": .needs(.writeGrants),
        "listTokens": .needs(.revokeTokens), "revokeToken": .needs(.revokeTokens), "listSessions": .needs(.revokeTokens),
        "endSession": .needs(.revokeTokens),
        "listOIDCProviders": .needs(.readUsers), "getOIDCProvider": .needs(.readUsers), "createOIDCProvider": .needs(.updateUsers),
        "updateOIDCProvider": .needs(.updateUsers), "deleteOIDCProvider": .needs(.updateUsers),
    ]

    private static let resources: [String: Row] = [
        "listKeys": .lists(.readKeys), "getKey": .on(.readKeys, "key"), "getPublicKey": .on(.readKeys, "key"),
        "createKey": .needs(.createKeys), "importKey": .needs(.importKeys), "getImportKey": .signedIn,
        "updateKey": .on(.updateKeys, "key"), "rotateKey": .on(.rotateKeys, "key"), "importKeyVersion": .on(.importKeys, "key"),
        "setKeyVersionState": .on(.changeStateOfKeys, "key"), "scheduleKeyVersionDestruction": .on(.destroyKeys, "key"),
        "cancelKeyVersionDestruction": .on(.destroyKeys, "key"), "destroyKeyVersion": .on(.destroyKeys, "key"),
        "deleteKey": .on(.destroyKeys, "key"), "exportKey": .on(.exportKeys, "key"), "listKeySources": .needs(.readKeySources),
        "listEndpoints": .lists(.readEndpoints), "getEndpoint": .on(.readEndpoints, "endpoint"), "createEndpoint": .needs(.createEndpoints),
        "updateEndpoint": .on(.updateEndpoints, "endpoint"), "setEndpointState": .on(.changeStateOfEndpoints, "endpoint"),
        "deleteEndpoint": .on(.deleteEndpoints, "endpoint"), "testEndpoint": .on(.updateEndpoints, "endpoint"),
        "listSigningKeys": .needs(.readIssuers), "rotateSigningKeys": .needs(.updateIssuers),
        "getNamedCredential": .on(.readEndpoints, "endpoint"), "listCacheOnlyKeys": .on(.readEndpoints, "endpoint"),
        "getCacheOnlyKey": .on(.readEndpoints, "endpoint"), "createCacheOnlyKey": .on(.updateEndpoints, "endpoint"),
        "updateCacheOnlyKey": .on(.updateEndpoints, "endpoint"), "rotateCacheOnlyKey": .on(.updateEndpoints, "endpoint"),
        "setCacheOnlyKeyState": .on(.changeStateOfEndpoints, "endpoint"),
        "listIssuers": .needs(.readIssuers), "getIssuer": .needs(.readIssuers), "createIssuer": .needs(.createIssuers),
        "updateIssuer": .needs(.updateIssuers), "deleteIssuer": .needs(.deleteIssuers), "testIssuer": .needs(.createIssuers),
        "listPolicies": .needs(.readPolicies), "getPolicy": .needs(.readPolicies), "createPolicy": .needs(.writePolicies),
        "deletePolicy": .needs(.deletePolicies), "listPolicyVersions": .needs(.readPolicies), "getPolicyVersion": .needs(.readPolicies),
        "savePolicyVersion": .needs(.writePolicies), "diffPolicyVersions": .needs(.readPolicies), "rollBackPolicy": .needs(.writePolicies),
        "validatePolicy": .needs(.readPolicies), "simulatePolicy": .needs(.readPolicies),
        "listCertificates": .needs(.readCertificates), "stageCertificate": .needs(.writeCertificates),
        "activateCertificate": .needs(.writeCertificates), "exportCertificate": .needs(.readCertificates),
    ]

    private static let observation: [String: Row] = [
        "getOpenAPI": .open, "getLiveness": .open, "getReadiness": .open, "getVersion": .signedIn,
        "getHealth": .signedIn, "getMetrics": .needs(.readMetrics),
        "searchAudit": .needs(.readAudit), "getAuditStatistics": .needs(.readAudit), "exportAudit": .needs(.exportAudit),
        "verifyAudit": .needs(.verifyAudit),
        "getSettings": .needs(.readSettings), "changeSettings": .needs(.updateSettings),
        "listAlerts": .needs(.readAlerts), "acknowledgeAlert": .needs(.updateAlerts), "getAlertSettings": .needs(.readAlerts),
        "replaceAlertSettings": .needs(.updateAlerts), "testAlertWebhook": .needs(.updateAlerts),
    ]

    private static let backups: [String: Row] = [
        "listBackups": .needs(.readBackups), "getBackup": .needs(.readBackups), "createBackup": .needs(.createBackups),
        "uploadBackup": .needs(.createBackups), "downloadBackup": .needs(.createBackups), "verifyBackup": .needs(.createBackups),
        "deleteBackup": .needs(.deleteBackups), "planRestore": .needs(.restoreBackups), "restoreBackup": .needs(.restoreBackups),
        "getRestorePlan": .signedIn,
        "getBackupSchedule": .needs(.readBackups), "putBackupSchedule": .needs(.createBackups),
    ]

    private static let approvals: [String: Row] = [
        "listApprovals": .signedIn, "getApproval": .signedIn, "cancelApproval": .signedIn,
        "approveApproval": .needs(.decideApprovals), "rejectApproval": .needs(.decideApprovals),
        "listQuorumRules": .needs(.readApprovals), "putQuorumRule": .needs(.updateQuorum),
    ]

    /// Which system groups have a permission: Admins, Users, Key Users, Connection Admins, User Admins (`a`), Auditors (`r`).
    static let permissions: [Permission: String] = [
        .readKeys: "A U K - - r", .createKeys: "- U K - - -", .updateKeys: "- U K - - -", .rotateKeys: "- U K - - -",
        .changeStateOfKeys: "- U - - - -", .destroyKeys: "- U - - - -", .importKeys: "- U - - - -", .exportKeys: "- U - - - -",
        .readKeySources: "A U K C - r",
        .readEndpoints: "A U K - - r", .createEndpoints: "A - - - - -", .updateEndpoints: "A - - - - -",
        .changeStateOfEndpoints: "A - - - - -", .deleteEndpoints: "A - - - - -",
        .readIssuers: "A U - C - r", .createIssuers: "A - - C - -", .updateIssuers: "A - - C - -", .deleteIssuers: "A - - C - -",
        .readPolicies: "A U - - - r", .writePolicies: "A - - - - -", .deletePolicies: "A - - - - -",
        .readCertificates: "A U - C - r", .writeCertificates: "A - - - - -",
        .readAudit: "A - - - - r", .exportAudit: "A - - - - r", .verifyAudit: "A - - - - r",
        .readBackups: "A - - - - r", .createBackups: "A - - - - -", .deleteBackups: "A - - - - -", .restoreBackups: "A - - - - -",
        .readSettings: "A - - C - r", .updateSettings: "A - - C - -", .readAlerts: "A - - - - r", .updateAlerts: "A - - - - -",
        .readMetrics: "A - - - - r",
        .readUsers: "A - - - a r", .createUsers: "A - - - a -", .updateUsers: "A - - - a -", .deleteUsers: "A - - - a -",
        .readGroups: "A - - - a r", .createGroups: "A - - - a -", .updateGroups: "A - - - a -", .deleteGroups: "A - - - a -",
        .readGrants: "A - - - a r", .writeGrants: "A - - - a -", .revokeTokens: "A - - - a -",
        .readApprovals: "A - - - - r", .decideApprovals: "A - - - - -", .updateQuorum: "A - - - - -",
    ]

    /// Whether a system group has a permission, by the table.
    static func has(_ group: SystemGroup, _ permission: Permission) -> Bool {
        let column = SystemGroup.allCases.firstIndex(of: group) ?? 0
        return permissions[permission]?.split(separator: " ")[column] != "-"
    }
}
