package import Primitives

/// When alerts are raised, and who is told.
package struct AlertSettings: Sendable, Equatable {
    /// From when on something is worth an alert; a whole number each. 0 turns the alert off, but for `backupLateHours`.
    package enum Threshold: String, Sendable, CaseIterable {
        case certificateDays = "certificate_days"
        case keyDays = "key_days"
        case tokenDays = "token_days"
        case destructionHours = "destruction_hours"
        case refusalsInFiveMinutes = "refusals_in_five_minutes"
        case diskFreeMiB = "disk_free_mib"
        case issuerKeysStaleMinutes = "issuer_keys_stale_minutes"
        case auditIndexLateSeconds = "audit_index_late_seconds"
        case backupLateHours = "backup_late_hours"

        var initial: Int64 {
            switch self {
            case .certificateDays, .keyDays: 30
            case .tokenDays: 14
            case .destructionHours: 72
            case .refusalsInFiveMinutes: 100
            case .diskFreeMiB: 1024
            case .issuerKeysStaleMinutes: 60
            case .auditIndexLateSeconds: 300
            case .backupLateHours: 0
            }
        }

        var about: String {
            switch self {
            case .certificateDays: "Days before a TLS certificate expires"
            case .keyDays: "Days before a key expires"
            case .tokenDays: "Days before an API token expires"
            case .destructionHours: "Hours before a key's material is destroyed"
            case .refusalsInFiveMinutes: "Refusals at one endpoint or of one address"
            case .diskFreeMiB: "Free space of the data folder's file system, in MiB"
            case .issuerKeysStaleMinutes: "Minutes during which an issuer's keys could not be renewed"
            case .auditIndexLateSeconds: "Seconds by which the audit index is behind the journal"
            case .backupLateHours: "Hours since the last backup of everything that was made here; 0: twice the time between two of the schedule, if there is one"
            }
        }
    }

    package var thresholds: [Threshold: Int64] = [:]
    package var webhookURL: String?
    package var isWebhookEnabled = true
    package var revision: Int64 = 1
    package var changedAt: Instant?

    /// What counts before anybody has changed anything.
    package init() {}

    package subscript(threshold: Threshold) -> Int64 { thresholds[threshold] ?? threshold.initial }

    init(document: JSONValue, revision: Int64, changedAt: Instant) {
        (self.revision, self.changedAt) = (revision, changedAt)
        for threshold in Threshold.allCases { thresholds[threshold] = document["thresholds"]?[threshold.rawValue]?.integer }
        webhookURL = document["webhook"]?["url"]?.string
        isWebhookEnabled = document["webhook"]?["enabled"]?.bool ?? true
    }

    var document: JSONValue {
        let values = Threshold.allCases.compactMap { threshold in
            thresholds[threshold].map { (name: threshold.rawValue, value: JSONValue.integer($0)) }
        }
        let webhook = webhookURL.map { ["url": .string($0), "enabled": .bool(isWebhookEnabled)] as JSONValue } ?? .null
        return ["thresholds": .object(values), "webhook": webhook]
    }
}
