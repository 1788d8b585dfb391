package import KeyCore

/// The acts of management that more than one place records.
extension AuditEvent {
    package static let keyCreated = AuditEvent("key.created")
    package static let keyUpdated = AuditEvent("key.updated")
    package static let keyRotated = AuditEvent("key.rotated")
    package static let keyStateChanged = AuditEvent("key.state-changed")
    package static let keyDestructionScheduled = AuditEvent("key.destruction-scheduled")
    package static let endpointCreated = AuditEvent("endpoint.created")
    package static let endpointChanged = AuditEvent("endpoint.changed")
    package static let endpointDeleted = AuditEvent("endpoint.deleted")
    package static let issuerCreated = AuditEvent("issuer.created")
    package static let issuerChanged = AuditEvent("issuer.changed")
    package static let issuerDeleted = AuditEvent("issuer.deleted")
    package static let policySaved = AuditEvent("policy.saved")
    package static let policyDeleted = AuditEvent("policy.deleted")
    package static let certificateStaged = AuditEvent("certificate.staged")
    package static let certificateActivated = AuditEvent("certificate.activated")
    package static let tokenMinted = AuditEvent("token.minted")
    package static let installationCreated = AuditEvent("installation.created")
}
