package import KeyCore

/// What goes on record of accounts.
extension AuditEvent {
    static let sessionBegun = AuditEvent("session.begun")
    static let sessionEnded = AuditEvent("session.ended")
    static let passwordChanged = AuditEvent("password.changed")
    static let passwordReset = AuditEvent("password.reset")
    static let secondFactorBegun = AuditEvent("second-factor.begun")
    static let secondFactorConfirmed = AuditEvent("second-factor.confirmed")
    static let recoveryCodesMade = AuditEvent("second-factor.recovery-codes-made")
    static let secondFactorRemoved = AuditEvent("second-factor.removed")
    /// A user was made; also by `holdfast init`.
    package static let userCreated = AuditEvent("user.created")
    static let userChanged = AuditEvent("user.changed")
    static let userDeleted = AuditEvent("user.deleted")
    static let userUnlocked = AuditEvent("user.unlocked")
    static let groupCreated = AuditEvent("group.created")
    static let groupChanged = AuditEvent("group.changed")
    static let groupDeleted = AuditEvent("group.deleted")
    static let memberAdded = AuditEvent("group.member-added")
    static let memberRemoved = AuditEvent("group.member-removed")
    static let grantCreated = AuditEvent("grant.created")
    static let grantDeleted = AuditEvent("grant.deleted")
    static let apiTokenCreated = AuditEvent("api-token.created")
    static let apiTokenRevoked = AuditEvent("api-token.revoked")
    static let oidcProviderCreated = AuditEvent("oidc-provider.created")
    static let oidcProviderChanged = AuditEvent("oidc-provider.changed")
    static let oidcProviderDeleted = AuditEvent("oidc-provider.deleted")
    /// The administrator was made anew with access to the root key.
    package static let administratorReset = AuditEvent("administrator.reset")
}
