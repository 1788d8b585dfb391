import HummingbirdCore
import KeyCore
import Logging
import NIOCore
import NIOPosix
import Primitives
import Synchronization

/// What is known of a connection.
struct ManagementPeer: Sendable {
    var address: String
    var tls: TLSHandshake?
    var localUser: String?
}

/// The open connections of the management listener and what is known of each.
final class ManagementPeers: Sendable {
    private let peers = Mutex<[ObjectIdentifier: ManagementPeer]>([:])

    func peer(of channel: any Channel) -> ManagementPeer? { peers.withLock { $0[ObjectIdentifier(channel)] } }

    /// How many there are.
    var count: Int { peers.withLock { $0.count } }

    func set(_ peer: ManagementPeer, of channel: any Channel) {
        let id = ObjectIdentifier(channel)
        if peers.withLock({ $0.updateValue(peer, forKey: id) }) == nil {
            channel.closeFuture.whenComplete { _ in self.peers.withLock { $0[id] = nil } }
        }
    }
}

/// `struct ucred` of SO_PEERCRED (unix(7)), which Glibc's module hides.
private struct PeerCredentials {
    var pid: Int32 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0
}

/// Why a connection is closed before it is served.
private enum ConnectionRefusal: Error { case network, systemUser }

/// Hummingbird's HTTP/1.1 channel over our TLS.
struct ManagementTLSChannel: ServerChildChannel {
    let base: HTTP1Channel
    let peers: ManagementPeers
    let settings: ManagementListenerSettings
    let refusal: @Sendable () -> MalformedAnswer
    let context: @Sendable () -> TLSServerContext

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        channel.eventLoop.makeCompletedFuture {
            let address = channel.remoteAddress?.ipAddress ?? "-"
            guard isAllowed(address) else {
                logger.notice("management connection refused: network not allowed", metadata: ["address": "\(address)"])
                throw ConnectionRefusal.network
            }
            peers.set(ManagementPeer(address: address), of: channel)
            let tls = try TLSServerHandler(context: context(), handshakeTimeout: settings.handshakeTimeout) { channel, agreement in
                peers.set(ManagementPeer(address: address, tls: agreement), of: channel)
            }
            try channel.pipeline.syncOperations.addHandler(tls)
            try channel.pipeline.syncOperations.addHandler(RequestClock(settings))
        }.flatMap { base.setup(channel: channel, logger: logger) }
            .flatMapThrowing { try RequestEdges.add(to: channel, refusal, $0) }
            .closingOnFailure(channel)
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }

    private func isAllowed(_ address: String) -> Bool {
        settings.allowedNetworks.isEmpty
            || IPAddress(address).map { address in settings.allowedNetworks.contains { $0.contains(address) } } ?? false
    }
}

/// Hummingbird's HTTP/1.1 channel over the socket in the data folder. The kernel tells who is at the other end: only root and the user as
/// whom the server runs are served.
struct ManagementSocketChannel: ServerChildChannel {
    let base: HTTP1Channel
    let peers: ManagementPeers
    let settings: ManagementListenerSettings
    let refusal: @Sendable () -> MalformedAnswer

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ConnectionRefusal.systemUser)
        }
        return options.unsafeGetSocketOption(level: .socket, name: .init(rawValue: SO_PEERCRED))
            .flatMapThrowing { (credentials: PeerCredentials) in
                guard credentials.uid == 0 || credentials.uid == geteuid() else { throw ConnectionRefusal.systemUser }
                let user = credentials.uid == 0 ? "root" : "uid-\(credentials.uid)"
                peers.set(ManagementPeer(address: "-", localUser: user), of: channel)
                try channel.pipeline.syncOperations.addHandler(RequestClock(settings))
            }.flatMap { base.setup(channel: channel, logger: logger) }
            .flatMapThrowing { try RequestEdges.add(to: channel, refusal, $0) }
            .closingOnFailure(channel)
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}

extension EventLoopFuture {
    /// Closes the channel if this fails: nobody else does.
    fileprivate func closingOnFailure(_ channel: any Channel) -> EventLoopFuture<Value> {
        whenFailure { _ in channel.close(promise: nil) }
        return self
    }
}
