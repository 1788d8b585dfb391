package import Primitives

/// What an alert is about; its name is stable.
package enum AlertKind: String, Sendable, CaseIterable {
    case certificateExpiry = "certificate-expiry"
    case keyExpiry = "key-expiry"
    case tokenExpiry = "token-expiry"
    /// Records don't become durable.
    case auditFailing = "audit-failing"
    /// Somebody touched the journal.
    case auditTampered = "audit-tampered"
    case auditIndexLate = "audit-index-late"
    /// Many refusals at one endpoint, or of one address.
    case refusals
    case diskSpace = "disk-space"
    /// An issuer's keys can't be renewed.
    case issuerKeysStale = "issuer-keys-stale"
    /// A key's material will be destroyed soon.
    case destructionDue = "destruction-due"
    case backupLate = "backup-late"
    /// What a test of the webhook sends; never kept.
    case test
}

/// How bad it is.
package enum AlertSeverity: String, Sendable, CaseIterable {
    case warning, critical
}

/// Something that is the case now and that somebody should know.
package struct AlertCondition: Sendable, Equatable {
    package let kind: AlertKind
    package let severity: AlertSeverity
    /// What it is about, as `key:<id>`: of one kind and subject there is one alert at a time.
    package let subject: String
    /// For people; holds no secret.
    package let detail: String

    /// A condition as given.
    package init(_ kind: AlertKind, _ severity: AlertSeverity, _ subject: String, _ detail: String) {
        (self.kind, self.severity, self.subject, self.detail) = (kind, severity, subject, detail)
    }
}

/// An alert: a condition with its history.
package struct Alert: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        case firing
        /// Somebody knows; it is still the case.
        case acknowledged
        case resolved
    }

    package let id: String
    package var condition: AlertCondition
    package var state: State
    package let since: Instant
    package var resolvedAt: Instant?
    package var acknowledgedAt: Instant?
    package var acknowledgedBy: String?
    package var revision: Int64
}
