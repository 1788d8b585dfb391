package import KeyCore

/// The steps of a request for approval, each on record.
extension AuditEvent {
    package static let approvalRequested = AuditEvent("approval.requested")
    package static let approvalGiven = AuditEvent("approval.given")
    package static let approvalRejected = AuditEvent("approval.rejected")
    package static let approvalCancelled = AuditEvent("approval.cancelled")
    package static let approvalExpired = AuditEvent("approval.expired")
    package static let approvalExecuted = AuditEvent("approval.executed")
    package static let approvalFailed = AuditEvent("approval.failed")
    package static let quorumChanged = AuditEvent("quorum.changed")
}
