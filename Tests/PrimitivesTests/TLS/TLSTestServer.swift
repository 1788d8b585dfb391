import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Primitives

/// A real listener on 127.0.0.1 that speaks TLS through `TLSServerHandler`, and lines of text above it:
///
/// `who` answers what was agreed and closes; `echo` echoes everything from then on; `late` answers only when the client has said that it will
/// send no more; `end` ends the answer and goes on listening; `swap` shows new connections the other identities; anything else is repeated.
final class TLSTestServer: Sendable {
    private let channel: any Channel
    private let state: Mutex<(current: TLSServerContext, other: TLSServerContext, log: [String], handshakes: [TLSHandshake])>

    /// Runs `body` against a server.
    static func run<R>(
        _ identities: [TLSServerIdentity], then others: [TLSServerIdentity]? = nil, ticketKeys: TLSTicketKeys = TLSTicketKeys(),
        handshakeTimeout: Duration = .seconds(30), refusing: Bool = false, _ body: (TLSTestServer) async throws -> R
    ) async throws -> R {
        let context = try TLSServerContext(identities: identities, ticketKeys: ticketKeys)
        let other = try others.map { identities throws(TLSError) in try TLSServerContext(identities: identities, ticketKeys: ticketKeys) }
        let server = try await TLSTestServer(context, other ?? context, handshakeTimeout, refusing)
        do {
            let result = try await body(server)
            try await server.channel.close()
            return result
        } catch {
            try? await server.channel.close()
            throw error
        }
    }

    private init(_ context: TLSServerContext, _ other: TLSServerContext, _ timeout: Duration, _ refusing: Bool) async throws {
        struct Refusal: Error {}
        let shared = Link()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let server = shared.value else { return }
                    let tls = try TLSServerHandler(context: server.context, handshakeTimeout: timeout) { channel, handshake in
                        server.note(handshake)
                        if refusing { throw Refusal() }
                        try channel.pipeline.syncOperations.addHandler(LineHandler(server, handshake))
                    }
                    try channel.pipeline.syncOperations.addHandlers(tls, ErrorNote(server))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        state = Mutex((context, other, [], []))
        shared.value = self
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    var address: String { "127.0.0.1:\(port)" }
    var log: [String] { state.withLock { $0.log } }
    var handshakes: [TLSHandshake] { state.withLock { $0.handshakes } }
    private var context: TLSServerContext { state.withLock { $0.current } }

    fileprivate func note(_ handshake: TLSHandshake) { state.withLock { $0.handshakes.append(handshake) } }
    func note(_ line: String) { state.withLock { $0.log.append(line) } }
    fileprivate func swap() { state.withLock { ($0.current, $0.other) = ($0.other, $0.current) } }

    /// Waits until a line of the log contains `text`.
    func waits(for text: String) async -> Bool {
        for _ in 0..<2000 {
            if log.contains(where: { $0.contains(text) }) { return true }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return false
    }
}

/// From the closure that makes connections to the server, which is made after it.
private final class Link: Sendable {
    private let held = Mutex<TLSTestServer?>(nil)
    var value: TLSTestServer? {
        get { held.withLock { $0 } }
        set { held.withLock { $0 = newValue } }
    }
}

/// The end of every pipeline: errors go into the log.
private final class ErrorNote: ChannelInboundHandler {
    typealias InboundIn = Never
    private let server: TLSTestServer

    init(_ server: TLSTestServer) { self.server = server }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { server.note("error: \(error)") }

    func channelInactive(context: ChannelHandlerContext) {
        server.note("inactive")
        context.fireChannelInactive()
    }
}

@available(*, unavailable)
extension ErrorNote: Sendable {}

/// The protocol described at `TLSTestServer`.
private final class LineHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: TLSTestServer
    private let handshake: TLSHandshake
    private var text = ""
    private var isEchoing = false
    private var isLate = false
    private var readIsHeld = false

    init(_ server: TLSTestServer, _ handshake: TLSHandshake) { (self.server, self.handshake) = (server, handshake) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if isEchoing { return context.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
        text += bytes.readString(length: bytes.readableBytes) ?? ""
        while !isEchoing, let end = text.firstIndex(of: "\n") {
            let line = String(text[..<end])
            text = String(text[text.index(after: end)...])
            server.note("line: \(line)")
            answer(line, context)
        }
    }

    private func answer(_ line: String, _ context: ChannelHandlerContext) {
        switch line {
        case "who":
            let certificate = handshake.clientCertificateDER == nil ? "no" : "a"
            say("\(handshake.version) \(handshake.applicationProtocol ?? "-") \(handshake.serverName ?? "-") \(certificate) client certificate\n", context)
            context.close(promise: nil)
        case "echo":
            isEchoing = true
            if !text.isEmpty { say(text, context) }
        case "late": isLate = true
        case "end":
            say("ended\n", context)
            context.close(mode: .output, promise: nil)
        case "swap":
            server.swap()
            say("swapped\n", context)
        default: say(line + "\n", context)
        }
    }

    private func say(_ text: String, _ context: ChannelHandlerContext) {
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenFailure { [server] in server.note("not written: \($0)") }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: promise)
    }

    /// What the client hasn't taken yet holds back what is read.
    func read(context: ChannelHandlerContext) {
        guard context.channel.isWritable else {
            if !readIsHeld { server.note("held back") }
            readIsHeld = true
            return
        }
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable, readIsHeld else { return }
        readIsHeld = false
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .some(.inputClosed) = event as? ChannelEvent else { return context.fireUserInboundEventTriggered(event) }
        server.note("input closed after “\(text)”")
        if isLate { say("late answer\n", context) }
        let last = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        last.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: last)
    }
}

@available(*, unavailable)
extension LineHandler: Sendable {}
