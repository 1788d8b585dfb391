import KeyCore
import Logging
import Management
import Primitives

/// What watches the server: audit index, metrics, health.
enum ObservationComposition {
    static func make(_ installation: Installation, journal: AuditJournal, logger: Logger) throws -> Observation {
        let stores = Stores(database: installation.database, sealer: installation.sealer, clock: installation.clock)
        var observation = try Observation(
            stores: stores, file: try installation.configuration.fileSettings(in: installation.folder), auditFolder: installation.auditFolder, logger: logger,
            verify: { try AuditComposition.verifier(installation).verify() })
        observation.metricsAreOpen = installation.configuration.metrics.isOpen
        observation.isReady = { journal.health == .green }
        return observation
    }
}
