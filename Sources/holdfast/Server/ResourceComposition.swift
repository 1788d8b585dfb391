import KeyCore
import Management
import Primitives
import Synchronization

/// What stands behind the API's keys, endpoints, issuers, policies and certificates in this process.
enum ResourceComposition {
    static func services(_ installation: Installation, port: DataPlanePort, fetcher: JWKSFetcher) -> ResourceServices {
        var services = ResourceServices()
        let database = installation.database
        services.database = database
        services.dataPlanePort = { port.number }
        services.fetch = { try await fetcher.document($0) }
        services.certificates = ConfiguredCertificates(installation)
        services.afterDestruction = { try database.checkpoint() }
        let reader = AuditReader(folder: installation.auditFolder)
        services.journal = { count, filter in try reader.last(count, where: filter) }
        return services
    }
}

/// The port on which the data plane listens, known once it does.
final class DataPlanePort: Sendable {
    private let bound = Mutex<Int?>(nil)

    var number: Int? { bound.withLock { $0 } }
    func set(_ number: Int) { bound.withLock { $0 = number } }
}
