import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import KeyCore
package import Logging
import NIOCore
import NIOPosix
package import Primitives
import ServiceLifecycle
import Synchronization

/// The management listener: Hummingbird over our TLS, and over a socket in the data folder for the command line on the same machine.
package final class ManagementListener: Sendable {
    private let router: ManagementRouter
    private let settings: ManagementListenerSettings
    private let tls: Mutex<TLSServerContext>
    private let logger: Logger  // Hummingbird's: only what is critical, for it calls every ordinary end of a connection an error
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let services = Mutex<ServiceGroup?>(nil)
    private let peers = ManagementPeers()

    /// A listener that is not bound yet.
    package init(
        api: ManagementAPI, tls: TLSServerContext, settings: ManagementListenerSettings, clock: WallClock, logger: Logger
    ) throws(OpenSSLError) {
        router = ManagementRouter(api, clock: clock, requestIDs: try RequestIDs())
        var logger = logger
        logger.logLevel = .critical
        (self.settings, self.logger) = (settings, logger)
        self.tls = Mutex(tls)
    }

    /// How many connections are open.
    package var connections: Int { peers.count }

    /// New connections are shown `tls` from now on.
    package func reload(tls new: TLSServerContext) { tls.withLock { $0 = new } }

    /// Listens and serves until `stop` is called.
    /// - Parameter onReady: is told the port once both listeners accept.
    /// - Throws: `IOError` if an address can't be bound.
    package func run(onReady: @escaping @Sendable (Int) -> Void) async throws {
        let (ready, bound) = AsyncStream<Int?>.makeStream()
        let channel = HTTP1Channel(
            responder: { [self] request, writer, channel in try await respond(request, writer, channel) },
            configuration: {
                var configuration = HTTP1Channel.Configuration(
                    additionalChannelHandlers: [RequestMilestones()], idleTimeout: .nanoseconds(settings.idleTimeout.nanoseconds))
                configuration.httpDecoder = .init(maxHeaderFieldSize: 32 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100)
                return configuration
            }())
        var servers: [any Service] = []
        let refusal: @Sendable () -> MalformedAnswer = { [router] in router.answerToMalformed() }
        let tcp = ManagementTLSChannel(base: channel, peers: peers, settings: settings, refusal: refusal) { [self] in tls.withLock { $0 } }
        servers.append(tcp.server(
            configuration: ServerConfiguration(
                address: .hostname(settings.host, port: settings.port),
                availableConnectionsDelegate: MaximumAvailableConnections(settings.maxConnections)),
            onServerRunning: { bound.yield($0.localAddress?.port) }, eventLoopGroup: group, logger: logger))
        if let path = settings.socketPath {
            try? FileManager.default.removeItem(atPath: path)
            servers.append(ManagementSocketChannel(base: channel, peers: peers, settings: settings, refusal: refusal).server(
                configuration: ServerConfiguration(
                    address: .unixDomainSocket(path: path), availableConnectionsDelegate: MaximumAvailableConnections(100)),
                onServerRunning: { _ in
                    try? FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
                    bound.yield(nil)
                }, eventLoopGroup: group, logger: logger))
        }
        let expected = servers.count
        var shape = ServiceGroupConfiguration(services: servers, logger: logger)
        shape.maximumGracefulShutdownDuration = settings.drainTimeout
        let services = ServiceGroup(configuration: shape)
        self.services.withLock { $0 = services }
        let announcement = Task {
            var (port, count) = (settings.port, 0)
            for await found in ready {
                if let found { port = found }
                count += 1
                if count == expected { return onReady(port) }
            }
        }
        defer {
            announcement.cancel()
            if let path = settings.socketPath { try? FileManager.default.removeItem(atPath: path) }
        }
        try await services.run()
    }

    /// Stops accepting and lets requests end, within `drainTimeout`; `run` then returns.
    package func stop() async {
        await services.withLock { $0 }?.triggerGracefulShutdown()
    }

    private func respond(_ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        let connection = ManagementConnection(peer: peers.peer(of: channel) ?? ManagementPeer(address: "-"), logger: logger)
        let response = await router.respond(to: request.continuing(on: channel), on: connection)
        try await writer.write(response: response.head, body: response.body)
    }
}
