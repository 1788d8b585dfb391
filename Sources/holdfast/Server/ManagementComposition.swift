import FrontDoors
import KeyCore
import Logging
import Management

/// The management API of this build: what stands behind its routes (`ManagementRoutes` lists them).
struct ManagementComposition: Sendable {
    let api: ManagementAPI
    let backups: Backups
    let backupScheduler: BackupScheduler
    private let approvals: Approvals
    private let answers: StoredAnswers
    private let logger: Logger

    init(
        _ installation: Installation, audit: any AuditSink, routing: Routing, observation: Observation, oidc: @escaping OIDCTransport,
        resources: ResourceServices, logger: Logger
    ) throws {
        let stores = Stores(database: installation.database, sealer: installation.sealer, clock: installation.clock)
        approvals = Approvals(stores, directory: AccountDirectory(stores), audit: audit)
        answers = try StoredAnswers(stores)
        self.logger = logger
        backups = try Backups(stores, folder: installation.folder.file("backups"), program: Version.text) {
            try FolderMembers.read(installation.folder, installation.configuration)
        }
        backupScheduler = BackupScheduler(backups, stores: stores, audit: audit)
        var services = ManagementServices(
            stores: stores, keySources: KeySources.all, approvals: approvals, version: Version.text, observation: observation,
            backups: backups)
        services.accounts.oidc = oidc
        services.resources = resources
        api = ManagementAPI(
            routes: ManagementRoutes.all(services), stores: stores, audit: audit,
            authenticator: Authenticator(stores, rules: services.accounts.sessions), approvals: approvals, idempotency: answers,
            logger: logger, counters: observation.requests, publish: { try await routing.catchUp() })
    }

    /// Ends what has run out, every half minute, until its task is cancelled.
    func keepHouse() async {
        while !Task.isCancelled {
            do {
                try await approvals.sweep()
                try await answers.sweep()
            } catch {
                logger.error("expired approvals and idempotency keys remain; it will be tried again", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(30))
        }
    }
}

extension Configuration {
    /// The management listener's settings with its socket's path made absolute; without one if that path is too long for the kernel.
    func managementSettings(in folder: DataFolder, logger: Logger) -> ManagementListenerSettings {
        var settings = management.settings
        settings.drainTimeout = dataPlane.limits.drainTimeout
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
