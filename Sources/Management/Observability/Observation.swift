package import KeyCore
package import Logging
package import Primitives

/// What the routes of audit, metrics, health, settings and alerts stand on.
package struct Observation: Sendable {
    package let index: AuditIndexer
    package let verification: AuditVerification
    package let metrics: MetricRegistry
    package let requests: ManagementCounters
    package let health: HealthBoard
    package let settings: RuntimeSettings
    package let alerts: AlertMonitor
    package let startedAt: Instant
    /// Whether `/metrics` needs no sign-in.
    package var metricsAreOpen = false
    /// Whether requests can be served right now.
    package var isReady: @Sendable () -> Bool = { true }

    /// - Parameters:
    ///   - file: what holdfast.yaml says of what can be set.
    ///   - auditFolder: where the journals stand.
    ///   - verify: verifies them; it blocks.
    /// - Throws: `FileError` if the system has no thread to give.
    package init(
        stores: Stores, file: FileSettings = FileSettings(), auditFolder: String, logger: Logger,
        verify: @escaping @Sendable () throws -> AuditReport
    ) throws {
        index = try AuditIndexer(folder: auditFolder, database: stores.database, clock: stores.clock)
        verification = try AuditVerification(verify)
        metrics = MetricRegistry()
        requests = ManagementCounters()
        health = HealthBoard()
        settings = RuntimeSettings(file, stores: stores)
        alerts = AlertMonitor(stores: stores, index: index, settings: settings, metrics: metrics, logger: logger)
        startedAt = stores.clock.now
        requests.register(in: metrics)
    }

    /// Its parts of the API.
    func providers(_ services: ManagementServices) -> [any RouteProvider] {
        [
            AuditRoutes(index: index, verification: verification),
            ProbeRoutes(metrics: metrics, metricsAreOpen: metricsAreOpen, isReady: isReady),
            HealthRoutes(board: health, version: services.version, startedAt: startedAt),
            SettingsRoutes(settings),
            AlertRoutes(alerts),
        ]
    }
}
