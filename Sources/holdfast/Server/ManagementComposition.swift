import KeyCore
import Logging
import Management

/// The management API of this build: what stands behind its routes (`ManagementRoutes` lists them).
enum ManagementComposition {
    static func api(_ installation: Installation, audit: any AuditSink, routing: Routing, logger: Logger) -> ManagementAPI {
        let stores = Stores(database: installation.database, sealer: installation.sealer, clock: installation.clock)
        let services = ManagementServices(stores: stores, keySources: KeySources.all, version: Version.text)
        return ManagementAPI(
            routes: ManagementRoutes.all(services), stores: stores, audit: audit,
            authenticator: LocalAuthenticator(), approvals: NoApprovals(), idempotency: NoIdempotency(), logger: logger,
            publish: { try await routing.catchUp() })
    }
}

extension Configuration {
    /// The management listener's settings with its socket's path made absolute; without one if that path is too long for the kernel.
    func managementSettings(in folder: DataFolder, logger: Logger) -> ManagementListenerSettings {
        var settings = management.settings
        guard let path = management.socket.map(folder.file) else { return settings }
        if path.utf8.count < 104 {
            settings.socketPath = path
        } else {
            logger.warning("no management socket: its path is longer than 103 bytes", metadata: ["path": "\(path)"])
        }
        return settings
    }

    /// The URL under which the management listener is reached from this machine.
    func managementURL(port: Int) -> String {
        var plane = DataPlane()
        plane.certificates = management.certificates.isEmpty ? dataPlane.certificates : management.certificates
        return plane.url(port: port)
    }
}

extension Configuration.Certificate {
    /// The same, asking clients for no certificate.
    var withoutClients: Self {
        var certificate = self
        certificate.clients = .none
        return certificate
    }
}
