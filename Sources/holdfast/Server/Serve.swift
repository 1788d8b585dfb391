import FrontDoors
import Foundation
import KeyCore
import Logging
import Management
import NIOCore
import Plugins
import Primitives
import Synchronization

/// A running server: how its parts hang together, which handler serves what, in which order it starts and stops.
///
/// `POST /{key path}:wrap` and `:unwrap` go to `EKMDoor`, what lies under a Salesforce endpoint to `SalesforceDoor`; `/healthz` and `/readyz` tell a status. Start: journal, configuration,
/// listener. Stop: listener (drain), background tasks, journal (last checkpoint), database.
final class Server: Sendable {
    private let installation: Installation
    private let logger: Logger
    private let routing: Routing
    private let nodeJournal: NodeJournal
    private var journal: AuditJournal { nodeJournal.sink }
    private let jwks: JWKSStore
    private let ring: SigningKeyRing
    private let nonces: NonceMemory
    private let listener: Listener
    private let certificates: CertificateWatch
    private let management: ManagementListener
    private let managementAPI: ManagementComposition
    private let managementCertificates: CertificateWatch
    private let observation: Observation
    private let background: BackgroundWork
    private let dataPlanePort = DataPlanePort()
    private let truncation: LogTruncation
    private let destructions: DueDestructions

    /// Puts the parts together; nothing listens yet.
    init(_ installation: Installation, logLevel: LogLevel, logger: Logger) async throws {
        let configuration = installation.configuration
        let clock = installation.clock
        (self.installation, self.logger, truncation) = (installation, logger, LogTruncation(installation.database))
        do {
            nodeJournal = try AuditComposition.openJournal(installation, node: configuration.audit.node, logger: logger)
        } catch AuditError.locked(let node) {
            throw Complaint("another server runs on \(installation.folder.path) and writes the journal of \(node): stop it first")
        }
        let journal = nodeJournal.sink
        destructions = DueDestructions(installation.keys, audit: PatientAuditSink(journal), clock: clock) { [truncation] in truncation.ask() }
        observation = try ObservationComposition.make(installation, journal: journal, logger: logger)
        background = BackgroundWork(registry: observation.metrics, logger: logger)
        try await observation.settings.reload()
        let fetcher = JWKSFetcher { [settings = observation.settings] url in settings.connection(to: url) }
        // Threads of their own: who signs in must not make issuers' keys wait.
        let providers = JWKSFetcher { [settings = observation.settings] url in settings.connection(to: url) }
        jwks = JWKSStore(timing: configuration.jwks, clock: clock, logger: logger) { url in try await fetcher.fetch(url) }
        let cache = KeyCache()
        ring = SigningKeyRing(secrets: installation.secrets, clock: clock)
        routing = try await Routing(installation, jwks: jwks, fetcher: fetcher, ring: ring, cache: cache, logger: logger)
        let keys = KeyService(
            store: installation.keys, cache: cache, sources: KeySources.all, audit: journal, clock: clock,
            deadline: configuration.keySourceDeadline)
        let tokens = TokenVerifier(keys: jwks, clock: clock)
        let refusals = RefusalLimiter(perSecond: 50, burst: 500)
        let ekm = EKMDoor(
            snapshot: { [routing] in routing.snapshot }, tokens: tokens, keys: keys, audit: journal, refusals: refusals, logger: logger)
        let workers = try WorkerPool("rsa", threads: max(1, ProcessInfo.processInfo.activeProcessorCount / 2), maximumWaiting: 256)
        let peers = KACLSPeerClient(
            client: HTTPClient(threads: 8, maximumWaiting: 128), connection: fetcher.connection, ring: ring, workers: workers)
        let workspaceTokens = TokenVerifier(keys: jwks, clock: clock)
        let kacls = KACLSDoor(
            snapshot: { [routing] in routing.snapshot }, tokens: workspaceTokens, keys: keys, ring: ring,
            workers: workers, peers: peers, audit: journal, refusals: RefusalLimiter(perSecond: 50, burst: 500), version: Version.text, logger: logger)
        let callouts = TokenVerifier(keys: jwks, clock: clock)
        nonces = NonceMemory(store: NonceStore(database: installation.database), clock: clock)
        let salesforce = SalesforceDoor(
            snapshot: { [routing] in routing.snapshot }, tokens: callouts, keys: keys, nonces: nonces, audit: journal,
            refusals: RefusalLimiter(perSecond: 50, burst: 500), clock: clock, logger: logger)
        certificates = CertificateWatch(configuration.dataPlane.certificates, in: installation.folder, logger: logger)
        listener = try Listener(
            handler: DataPlane(ekm: ekm, kacls: kacls, salesforce: salesforce, isReady: { [journal] in journal.health == .green }),
            tls: try certificates.load(), limits: configuration.dataPlane.limits,
            threads: configuration.dataPlane.threads ?? ProcessInfo.processInfo.activeProcessorCount, clock: clock, logger: logger)
        let own = configuration.management.certificates
        managementCertificates = CertificateWatch(
            own.isEmpty ? configuration.dataPlane.certificates.map(\.withoutClients) : own, in: installation.folder,
            applicationProtocols: ["http/1.1"], logger: logger)
        managementAPI = try ManagementComposition(
            installation, audit: PatientAuditSink(journal), routing: routing, observation: observation, oidc: { try await providers.send($0) },
            resources: ResourceComposition.services(
                installation, port: dataPlanePort, fetcher: fetcher, routing: routing, jwks: jwks, truncation: truncation),
            logger: logger)
        management = try ManagementListener(
            api: managementAPI.api,
            tls: try managementCertificates.load(), settings: configuration.managementSettings(in: installation.folder, logger: logger),
            clock: clock, logger: logger)
        let metrics = DataPlaneMetrics(registry: observation.metrics)
        metrics.register([ekm.counters, kacls.counters, salesforce.counters])
        metrics.register([tokens, workspaceTokens, callouts])
        metrics.register(cache)
        metrics.register(journal)
        metrics.register(jwks, issuers: { [routing] in routing.snapshot.keyHolders }, clock: clock)
        registerServerMetrics()
        registerHealth()
        observation.alerts.observe(alertSources)
        observation.settings.follow { [listener] settings in
            listener.apply(configuration.dataPlane.limits.applying(settings))
            logLevel.current = Logger.Level(rawValue: settings.logLevel) ?? .info
        }
    }

    /// Listens, tells `readyFile`, and serves until `stop` returns.
    func run(readyFile: String?, until stop: @Sendable () async -> Void) async throws {
        let plane = installation.configuration.dataPlane
        let port = try await listen(plane)
        dataPlanePort.set(port)
        let (managing, managementPort) = try await startManagement()
        let settings = installation.configuration.managementSettings(in: installation.folder, logger: logger)
        let addresses = ServerAddresses(
            folder: installation.folder, dataPlaneURL: plane.url(port: port),
            managementURL: installation.configuration.managementURL(port: managementPort), managementSocket: settings.socketPath)
        try addresses.publish(readyFile: readyFile)
        logger.info("serving", metadata: [
            "dataPlane": "\(addresses.dataPlaneURL)", "management": "\(addresses.managementURL)",
            "endpoints": "\(routing.snapshot.endpoints.count)",
        ])
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.jwks.run() }
            group.addTask { await self.routing.follow() }
            group.addTask { await self.certificates.follow { self.listener.reload(tls: $0) } }
            group.addTask { await self.managementCertificates.follow { self.management.reload(tls: $0) } }
            group.addTask { await self.watchHealth() }
            group.addTask { await self.background.run("destroy-due-keys", every: .seconds(1)) { try await self.destroyDueKeys() } }
            group.addTask { await self.background.run("signing-keys", every: .seconds(1)) { try self.keepSigningKeys() } }
            group.addTask {
                await self.background.run("empty-database-log", every: .seconds(1)) { try await Offload.run { try self.truncation.run() } }
            }
            group.addTask {
                await self.background.run("sweep-request-ids", every: .seconds(300)) {
                    try await self.nonces.sweep(longest: self.routing.snapshot.longestNonceMemory)
                }
            }
            group.addTask { await self.observation.index.run() }
            group.addTask { await self.background.run("check-alerts", every: .seconds(10)) { try await self.observation.alerts.evaluate() } }
            group.addTask { await self.background.run("deliver-alerts", every: .seconds(1)) { try await self.observation.alerts.deliver() } }
            group.addTask { await self.background.run("reload-settings", every: .seconds(1)) { try await self.observation.settings.reload() } }
            group.addTask { await self.managementAPI.keepHouse() }
            group.addTask {
                try? await self.managementAPI.backups.reconcile()
                try? await self.managementAPI.backupScheduler.recover()
                await self.background.run("scheduled-backup", every: .seconds(15)) { try await self.managementAPI.backupScheduler.run() }
            }
            await stop()
            logger.info("stopping: no new connections; requests in progress are answered")
            await management.stop()
            await listener.drain()
            _ = await managing.result  // ends within the management listener's drainTimeout
            group.cancelAll()
        }
        await nodeJournal.close()
        try? installation.database.close()
        addresses.withdraw(readyFile: readyFile)
        logger.info("stopped")
    }

    private func listen(_ plane: Configuration.DataPlane) async throws -> Int {
        do {
            return try await listener.start(host: plane.host, port: plane.port)
        } catch {
            await nodeJournal.close()
            throw complaint(error, "\(plane.host):\(plane.port)", field: "dataPlane.listen")
        }
    }

    /// Starts the management listener; the task ends when it has stopped.
    private func startManagement() async throws -> (Task<Void, any Error>, port: Int) {
        let (ready, bound) = AsyncStream<Int>.makeStream()
        let task = Task {
            defer { bound.finish() }
            try await management.run { bound.yield($0) }
        }
        for await port in ready { return (task, port) }
        let settings = installation.configuration.management.settings
        await listener.drain()
        await nodeJournal.close()
        do { try await task.value } catch { throw complaint(error, "\(settings.host):\(settings.port)", field: "management.listen") }
        throw Complaint("the management listener stopped while it started")
    }

    private func complaint(_ error: any Error, _ address: String, field: String) -> Complaint {
        let reason = switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: "another program listens there; stop it"
        case EADDRNOTAVAIL: "that is no address of this machine; correct it"
        case EACCES: "this user may not open that port; take one above 1023"
        default: "\(error); correct it"
        }
        return Complaint("can't listen on \(address): \(reason), or change \(field) in \(installation.folder.configurationPath)")
    }

    /// Loads certificates again at once, as on SIGHUP.
    func reloadCertificates() {
        certificates.reload { listener.reload(tls: $0) }
        managementCertificates.reload { management.reload(tls: $0) }
    }

    private func watchHealth() async {
        var last = journal.health
        while !Task.isCancelled {
            let health = journal.health
            if health != last {
                if case .red(let fault, _) = health {
                    logger.error("audit journal in trouble", metadata: ["fault": "\(fault)"])
                } else {
                    logger.notice("audit journal is well again")
                }
                last = health
            }
            try? await Task.sleep(for: .milliseconds(250))
        }
    }

    /// Sees that there is a young enough key to sign tokens with, where an endpoint needs one.
    private func keepSigningKeys() throws {
        guard routing.snapshot.endpoints.contains(where: { $0.kacls != nil }) else { return }
        try ring.rotate(after: .seconds(90 * 24 * 3600))
    }

    private func destroyDueKeys() async throws {
        for version in try await destructions.run() {
            logger.notice("scheduled destruction done", metadata: ["key": "\(version.key)", "version": "\(version.number)"])
        }
    }

    // MARK: What is told of it

    private func registerServerMetrics() {
        let metrics = ServerMetrics(registry: observation.metrics)
        let (plane, administration) = (listener, management)
        metrics.register(
            connections: [("data-plane", { plane.gate.connections }), ("management", { administration.connections })],
            requests: { plane.gate.requestsInFlight })
        metrics.register(
            certificates: [("data-plane", certificates), ("management", managementCertificates)], clock: installation.clock)
        metrics.register(orgCertificates: { [routing] in routing.snapshot.orgCertificates }, clock: installation.clock)
        metrics.register(observation.index, clock: installation.clock)
        metrics.registerProcess()
    }

    private var alertSources: AlertSources {
        var sources = AlertSources()
        sources.journal = { [journal] in journal.health }
        sources.certificates = { [certificates, managementCertificates] in
            var seen: Set<String> = []
            return (certificates.certificatesInUse + managementCertificates.certificatesInUse)
                .filter { seen.insert($0.fingerprint).inserted }.map { ($0.name, $0.notAfter) }
        }
        sources.orgCertificates = { [routing] in routing.snapshot.orgCertificates }
        sources.issuers = { [jwks, routing] in
            let (status, records) = (jwks.status, jwks.fetchRecords)
            return routing.snapshot.keyHolders.map { ($0.name, records[$0.id]?.failingSince, status[$0.id]?.lastFailure) }
        }
        sources.freeBytes = { [folder = installation.folder] in folder.freeSpace?.freeBytes }
        return sources
    }

    private func registerHealth() {
        let health = ServerHealth(board: observation.health, clock: installation.clock)
        health.register(journal)
        health.register(installation.database)
        health.register(observation.index)
        health.register(jwks, issuers: { [routing] in routing.snapshot.keyHolders })
        health.register(certificates: [("data-plane", certificates), ("management", managementCertificates)])
        health.register(folder: installation.folder)
        health.register(managementAPI.backupScheduler)
    }
}

extension Configuration.DataPlane {
    /// Whether the certificate that is shown under that name (`TLSServerContext`) comes with a request for the client's.
    func asksForClientCertificate(at hostname: String) -> Bool {
        func entry(_ name: String) -> Configuration.Certificate? { certificates.first { $0.serverNames.contains(name) } }
        let wildcard = hostname.firstIndex(of: ".").flatMap { entry("*\(hostname[$0...])") }
        guard let entry = entry(hostname) ?? wildcard ?? certificates.first else { return false }
        if case .none = entry.clients { return false }
        return true
    }

    /// The URL under which the listener is reached from this machine.
    func url(port: Int) -> String {
        let name = certificates.first?.serverNames.first.flatMap { $0.contains("*") ? nil : $0 } ?? "localhost"
        return "https://\(name):\(port)"
    }
}
