import KeyCore
import Management
import Primitives
import Synchronization

/// What stands behind the API's keys, endpoints, issuers, policies and certificates in this process.
enum ResourceComposition {
    static func services(
        _ installation: Installation, port: DataPlanePort, fetcher: JWKSFetcher, routing: Routing, jwks: JWKSStore, truncation: LogTruncation
    ) -> ResourceServices {
        var services = ResourceServices()
        let database = installation.database
        services.database = database
        services.dataPlanePort = { port.number }
        services.asksForClientCertificate = { installation.configuration.dataPlane.asksForClientCertificate(at: $0) }
        services.fetch = { try await fetcher.document($0) }
        services.send = { try await fetcher.exchange($0) }
        services.issuerKeys = { id in issuerKeys(of: id, routing, jwks) }
        services.certificates = ConfiguredCertificates(installation)
        services.afterDestruction = { truncation.ask() }
        let reader = AuditReader(folder: installation.auditFolder)
        services.journal = { count, filter in try reader.last(count, where: filter) }
        return services
    }

    private static func issuerKeys(of id: EndpointID, _ routing: Routing, _ jwks: JWKSStore) -> [IssuerKeys] {
        guard let endpoint = routing.snapshot.endpoints.first(where: { $0.id == id }) else { return [] }
        let status = jwks.status
        return (endpoint.issuers + (endpoint.kacls?.unlistedIssuers ?? [])).map { issuer in
            IssuerKeys(issuer: issuer.name, count: status[issuer.id]?.keyCount ?? 0, failure: status[issuer.id]?.lastFailure)
        }
    }
}

/// The port on which the data plane listens, known once it does.
final class DataPlanePort: Sendable {
    private let bound = Mutex<Int?>(nil)

    var number: Int? { bound.withLock { $0 } }
    func set(_ number: Int) { bound.withLock { $0 = number } }
}
