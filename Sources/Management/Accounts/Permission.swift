/// One thing that somebody may do, as `verb:resource`: the documented list from which groups are made.
package enum Permission: String, Sendable, CaseIterable {
    case readKeys = "read:keys"
    case createKeys = "create:keys"
    case updateKeys = "update:keys"
    case rotateKeys = "rotate:keys"
    /// Suspend, resume, deactivate, mark compromised.
    case changeStateOfKeys = "change-state:keys"
    /// Schedule the destruction of a version, cancel it, destroy at once.
    case destroyKeys = "destroy:keys"
    case importKeys = "import:keys"
    /// Export material, wrapped under a public key.
    case exportKeys = "export:keys"
    case readKeySources = "read:key-sources"
    case readEndpoints = "read:endpoints"
    case createEndpoints = "create:endpoints"
    case updateEndpoints = "update:endpoints"
    /// Activate, pause, disable.
    case changeStateOfEndpoints = "change-state:endpoints"
    case deleteEndpoints = "delete:endpoints"
    case readIssuers = "read:issuers"
    case createIssuers = "create:issuers"
    case updateIssuers = "update:issuers"
    case deleteIssuers = "delete:issuers"
    case readPolicies = "read:policies"
    /// Create a policy, save a version, roll back.
    case writePolicies = "write:policies"
    case deletePolicies = "delete:policies"
    case readCertificates = "read:certificates"
    /// Stage and activate TLS certificates.
    case writeCertificates = "write:certificates"
    case readAudit = "read:audit"
    case exportAudit = "export:audit"
    case verifyAudit = "verify:audit"
    case readBackups = "read:backups"
    /// Make, verify and download backups, and change their schedule.
    case createBackups = "create:backups"
    case deleteBackups = "delete:backups"
    case restoreBackups = "restore:backups"
    case readSettings = "read:settings"
    case updateSettings = "update:settings"
    case readAlerts = "read:alerts"
    /// Acknowledge alerts; change thresholds and webhooks.
    case updateAlerts = "update:alerts"
    case readMetrics = "read:metrics"
    case readUsers = "read:users"
    case createUsers = "create:users"
    /// Change, disable, unlock users; reset passwords and second factors.
    case updateUsers = "update:users"
    case deleteUsers = "delete:users"
    case readGroups = "read:groups"
    case createGroups = "create:groups"
    /// Change a group's permissions and members.
    case updateGroups = "update:groups"
    case deleteGroups = "delete:groups"
    case readGrants = "read:grants"
    case writeGrants = "write:grants"
    /// See and revoke other people's API tokens and sessions.
    case revokeTokens = "revoke:tokens"
    case readApprovals = "read:approvals"
    /// Approve or reject what somebody else has asked for.
    case decideApprovals = "decide:approvals"
    /// Choose which operations need approval, and by how many.
    case updateQuorum = "update:quorum"

    /// Those that decide what other people may do.
    static let overPeople: Set<Permission> = [
        .createUsers, .updateUsers, .deleteUsers, .createGroups, .updateGroups, .deleteGroups, .writeGrants, .revokeTokens, .decideApprovals,
        .updateQuorum, .restoreBackups, .updateSettings,
    ]

    /// The verb before the colon.
    package var verb: String { String(rawValue.prefix { $0 != ":" }) }
    /// The resource after the colon.
    package var resource: String { String(rawValue.drop { $0 != ":" }.dropFirst()) }
}

/// A kind of thing on which permissions can be granted one by one.
package enum ResourceKind: String, Sendable, CaseIterable {
    case key
    case endpoint

    /// The permissions that can be granted on one such thing.
    package var permissions: [Permission] {
        switch self {
        case .key: [.readKeys, .updateKeys, .rotateKeys, .changeStateOfKeys, .destroyKeys, .importKeys, .exportKeys]
        case .endpoint: [.readEndpoints, .updateEndpoints, .changeStateOfEndpoints, .deleteEndpoints]
        }
    }
}
