package import KeyCore
package import Primitives

/// What the checks ask of the running server.
package struct AlertSources: Sendable {
    package var journal: @Sendable () -> AuditHealth = { .green }
    package var certificates: @Sendable () -> [(name: String, notAfter: Instant)] = { [] }
    package var orgCertificates: @Sendable () -> [OrgCertificate] = { [] }
    package var issuers: @Sendable () -> [(name: String, failingSince: Instant?, failure: String?)] = { [] }
    /// Bytes that are free on the data folder's file system.
    package var freeBytes: @Sendable () -> Int64? = { nil }

    /// Sources that have nothing to tell.
    package init() {}
}

/// Finds out what is the case now.
struct AlertChecks: Sendable {
    let stores: Stores
    let index: AuditIndexer
    let sources: AlertSources

    /// One group of conditions: the kinds that it decides about, and how.
    struct Check: Sendable {
        let kinds: Set<AlertKind>
        let find: @Sendable (AlertSettings, Instant) async throws -> [AlertCondition]
    }

    var all: [Check] {
        [
            Check(kinds: [.auditFailing, .auditTampered]) { _, _ in journal() },
            Check(kinds: [.certificateExpiry]) { certificates($0[.certificateDays], $1) + orgCertificates($0[.certificateDays], $1) },
            Check(kinds: [.issuerKeysStale]) { issuers($0[.issuerKeysStaleMinutes], $1) },
            Check(kinds: [.diskSpace]) { settings, _ in diskSpace(settings[.diskFreeMiB]) },
            Check(kinds: [.auditIndexLate]) { auditIndex($0[.auditIndexLateSeconds], $1) },
            Check(kinds: [.refusals]) { try await refusals($0[.refusalsInFiveMinutes], $1) },
            Check(kinds: [.destructionDue]) { try await destructions($0[.destructionHours], $1) },
            Check(kinds: [.keyExpiry]) { try await keys($0[.keyDays], $1) },
            Check(kinds: [.tokenExpiry]) { try await tokens($0[.tokenDays], $1) },
            Check(kinds: [.backupLate]) { try await lateBackups($0[.backupLateHours], $1) },
        ]
    }

    // MARK: The server

    private func journal() -> [AlertCondition] {
        guard case .red(let fault, let since) = sources.journal() else { return [] }
        let detail = "\(fault), since \(RFC3339.string(since))"
        if case .tampered = fault { return [AlertCondition(.auditTampered, .critical, "audit-journal", detail)] }
        return [AlertCondition(.auditFailing, .critical, "audit-journal", detail)]
    }

    private func certificates(_ days: Int64, _ now: Instant) -> [AlertCondition] {
        sources.certificates().filter { $0.notAfter < now + .seconds(days * 86400) && days > 0 }.map { name, notAfter in
            let isClose = notAfter < now + .seconds(days * 86400 / 4)
            return AlertCondition(
                .certificateExpiry, isClose ? .critical : .warning, "certificate:\(name)", AlertChecks.expiry("the certificate", notAfter, now))
        }
    }

    /// Salesforce's certificates live one or two years and are changed by hand at two places, so their warning comes twice as early.
    private func orgCertificates(_ days: Int64, _ now: Instant) -> [AlertCondition] {
        sources.orgCertificates().filter { $0.notAfter < now + .seconds(days * 2 * 86400) && days > 0 }.map { found in
            let isClose = found.notAfter < now + .seconds(days * 86400 / 4)
            let what = found.use == .wrapping ? "the certificate to which keys are encrypted" : "the certificate that signs the org's tokens"
            return AlertCondition(
                .certificateExpiry, isClose ? .critical : .warning, "endpoint:\(found.endpointID)/\(found.use.rawValue)-certificate:\(found.fingerprint.prefix(16))",
                "endpoint “\(found.endpointName)”: " + AlertChecks.expiry(what, found.notAfter, now) + "; make another in the org and add it here")
        }
    }

    private func issuers(_ minutes: Int64, _ now: Instant) -> [AlertCondition] {
        sources.issuers().compactMap { name, since, failure in
            guard minutes > 0, let since, now - since >= .seconds(minutes * 60) else { return nil }
            return AlertCondition(
                .issuerKeysStale, .warning, "issuer:\(name)",
                "its keys could not be renewed since \(RFC3339.string(since)): \(AuditText.clean(failure ?? "", limit: 300))")
        }
    }

    private func diskSpace(_ mebibytes: Int64) -> [AlertCondition] {
        guard mebibytes > 0, let free = sources.freeBytes(), free < mebibytes << 20 else { return [] }
        return [
            AlertCondition(
                .diskSpace, free < mebibytes << 18 ? .critical : .warning, "data-folder",
                "less than \(mebibytes) MiB are free; without space no record is made, and without a record no key is given out")
        ]
    }

    private func auditIndex(_ seconds: Int64, _ now: Instant) -> [AlertCondition] {
        guard seconds > 0, let last = index.status.caughtUpAt, now - last > .seconds(seconds) else { return [] }
        return [
            AlertCondition(
                .auditIndexLate, .warning, "audit-index",
                "behind the journal since \(RFC3339.string(last)): \(AuditText.clean(index.status.failure ?? "it has too much to do", limit: 300))")
        ]
    }

    static func expiry(_ what: String, _ end: Instant, _ now: Instant) -> String {
        end <= now ? "\(what) expired at \(RFC3339.string(end))" : "\(what) expires at \(RFC3339.string(end))"
    }
}
