package import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
package import Primitives
import Synchronization

/// A TLS listener that speaks HTTP/1.1 and HTTP/2 and has every request answered by one handler.
package final class Listener: Sendable {
    private struct Child {
        let channel: any Channel
        /// Whether its TLS handshake is done, so that it can be told to leave.
        var isEstablished = false
    }

    private struct Open {
        var server: (any Channel)?
        var children: [ObjectIdentifier: Child] = [:]
        var isDraining = false
    }

    private let environments: Mutex<ExchangeEnvironment>
    private let identities: Mutex<TLSServerContext>
    private let group: MultiThreadedEventLoopGroup
    private let executors: [ObjectIdentifier: EventLoopTaskExecutor]
    private let logger: Logger
    private let open = Mutex(Open())
    /// What it holds at present.
    package let gate: ConnectionGate

    /// A listener that is not bound yet.
    /// - Parameter threads: event loops; one for each core is right.
    package init(
        handler: any HTTPHandler, tls: TLSServerContext, limits: ListenerLimits, threads: Int, clock: WallClock, logger: Logger
    ) throws(OpenSSLError) {
        gate = ConnectionGate(limits: limits)
        environments = Mutex(ExchangeEnvironment(
            handler: handler, gate: gate, limits: limits, requestIDs: try RequestIDs(), clock: clock))
        identities = Mutex(tls)
        group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        var executors: [ObjectIdentifier: EventLoopTaskExecutor] = [:]
        for loop in group.makeIterator() { executors[ObjectIdentifier(loop)] = EventLoopTaskExecutor(loop) }
        self.executors = executors
        self.logger = logger
    }

    /// Binds and begins to accept.
    /// - Returns: the port, which the kernel chose if `port` is 0.
    package func start(host: String, port: Int) async throws -> Int {
        let server = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.admit(channel) }
            }
            .bind(host: host, port: port).get()
        open.withLock { $0.server = server }
        return server.localAddress?.port ?? port
    }

    /// New connections are shown `tls` from now on; existing ones go on undisturbed.
    package func reload(tls: TLSServerContext) { identities.withLock { $0 = tls } }

    /// New connections obey `limits` from now on; existing ones keep theirs, but for how many there may be of what.
    package func apply(_ limits: ListenerLimits) {
        environments.withLock { $0.limits = limits }
        gate.apply(limits)
    }

    /// What counts for a connection that comes now.
    private var environment: ExchangeEnvironment { environments.withLock { $0 } }

    /// Stops accepting, lets requests end, closes idle connections, and cuts the rest after `drainTimeout`.
    package func drain() async {
        let (server, children) = open.withLock { open in
            open.isDraining = true
            return (open.server, Array(open.children.values))
        }
        try? await server?.close().get()
        for child in children {
            if child.isEstablished {
                child.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            } else {
                child.channel.close(promise: nil)
            }
        }
        let deadline = ContinuousClock.now + environment.limits.drainTimeout
        while gate.connections > 0, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
        let left = open.withLock { $0.children.values.map(\.channel) }
        if !left.isEmpty { logger.warning("connections cut at the end of the drain time", metadata: ["count": "\(left.count)"]) }
        for child in left { child.close(promise: nil) }
        try? await group.shutdownGracefully()
    }

    // MARK: Connections

    private func admit(_ channel: any Channel) throws {
        let address = channel.remoteAddress?.ipAddress ?? "-"
        guard gate.enter(address) else {
            logger.debug("connection refused: limit reached", metadata: ["address": "\(address)"])
            throw ConnectionLimitReached()
        }
        let id = ObjectIdentifier(channel)
        channel.closeFuture.whenComplete { _ in
            self.gate.leave(address)
            self.open.withLock { $0.children[id] = nil }
        }
        try open.withLock { open in
            guard !open.isDraining else { throw ListenerIsDraining() }
            open.children[id] = Child(channel: channel)
        }
        let environment = environment
        let tls = try TLSServerHandler(
            context: identities.withLock { $0 }, handshakeTimeout: environment.limits.handshakeTimeout
        ) { channel, agreement in
            try self.open.withLock { open in
                guard !open.isDraining else { throw ListenerIsDraining() }
                open.children[id]?.isEstablished = true
            }
            if agreement.applicationProtocol == "h2" {
                try self.configureHTTP2(channel, address, agreement, environment)
            } else {
                try self.configureHTTP1(channel, address, agreement, environment)
            }
        }
        try channel.pipeline.syncOperations.addHandler(tls)
    }

    private func makeExchange(
        _ channel: any Channel, _ address: String, _ agreement: TLSHandshake, _ environment: ExchangeEnvironment, isHTTP2: Bool
    ) -> ExchangeHandler {
        let executor = executors[ObjectIdentifier(channel.eventLoop)] ?? EventLoopTaskExecutor(channel.eventLoop)
        return ExchangeHandler(
            environment: environment, executor: executor, remoteAddress: address, tls: agreement, isHTTP2: isHTTP2)
    }

    private func configureHTTP1(
        _ channel: any Channel, _ address: String, _ agreement: TLSHandshake, _ environment: ExchangeEnvironment
    ) throws {
        let exchange = makeExchange(channel, address, agreement, environment, isHTTP2: false)
        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderFieldSize = environment.limits.maxHeaderBytes
        decoding.maxHeaderListSize = environment.limits.maxHeaderBytes
        decoding.maxHeaderFieldCount = 100
        var encoding = HTTPResponseEncoder.Configuration()
        encoding.automaticallySetFramingHeaders = false
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(FirstByteHandler(exchange))
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(
            leftOverBytesStrategy: .dropBytes, limitConfiguration: decoding)))
        try pipeline.addHandler(HTTPResponseEncoder(configuration: encoding))
        try pipeline.addHandler(exchange)
    }

    private func configureHTTP2(
        _ channel: any Channel, _ address: String, _ agreement: TLSHandshake, _ environment: ExchangeEnvironment
    ) throws {
        let limits = environment.limits
        let manager = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop,
            configuration: .init(
                maxIdleTime: nil, maxAge: nil, maxGraceTime: .nanoseconds(limits.drainTimeout.nanoseconds), keepalive: nil))
        let connection = HTTP2ConnectionHandler(limits: limits)
        let streams = HTTP2StreamWatch(
            manager: manager.http2StreamDelegate, connection: NIOLoopBound(connection, eventLoop: channel.eventLoop))
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.maxStreamsPerConnection),
            HTTP2Setting(parameter: .maxHeaderListSize, value: limits.maxHeaderBytes),
        ]
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: configuration,
            streamDelegate: streams
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                let pipeline = stream.pipeline.syncOperations
                try pipeline.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
                try pipeline.addHandler(self.makeExchange(stream, address, agreement, environment, isHTTP2: true))
            }
        }
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.pipeline.syncOperations.addHandler(manager)
        try channel.pipeline.syncOperations.addHandler(connection)
    }
}

/// Why a connection was closed before its handshake.
private struct ConnectionLimitReached: Error {}

/// Why a connection that came while the listener was ending was closed.
private struct ListenerIsDraining: Error {}
