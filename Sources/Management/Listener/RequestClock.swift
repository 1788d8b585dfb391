import NIOCore
import NIOHTTPTypes
import Primitives

/// Cuts connections whose peer takes too long (N47): a new connection must begin to ask soon, a header must be whole within a time of its
/// first byte, a body must make progress, and answers must be read. How long we need for an answer is no business of this.
///
/// It stands below the HTTP codec, where it sees the first byte; `RequestMilestones` above the codec tells it how far the request is.
final class RequestClock: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum Phase { case idle, header, body, answering }

    private let firstTimeout: TimeAmount
    private let headerTimeout: TimeAmount
    private let bodyTimeout: TimeAmount
    private var phase = Phase.idle
    private var deadline: Scheduled<Void>?
    private var unread: Scheduled<Void>?
    private var bytesSinceStart = 0

    init(_ settings: ManagementListenerSettings) {
        firstTimeout = .nanoseconds((settings.handshakeTimeout + settings.headerTimeout).nanoseconds)
        headerTimeout = .nanoseconds(settings.headerTimeout.nanoseconds)
        bodyTimeout = .nanoseconds(settings.bodyTimeout.nanoseconds)
    }

    func handlerAdded(context: ChannelHandlerContext) { start(firstTimeout, context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let count = unwrapInboundIn(data).readableBytes
        switch phase {
        case .idle:
            phase = .header
            start(headerTimeout, context)
        case .body:
            bytesSinceStart += count
            if bytesSinceStart >= 1 << 16 { start(bodyTimeout, context) }
        case .header, .answering: break
        }
        context.fireChannelRead(data)
    }

    /// Whoever doesn't read its answer holds a connection too.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        unread?.cancel()
        let channel = context.channel
        if !channel.isWritable { unread = context.eventLoop.scheduleTask(in: bodyTimeout) { channel.close(promise: nil) } }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    private func stop() {
        deadline?.cancel()
        unread?.cancel()
    }

    fileprivate func headIsWhole(_ context: ChannelHandlerContext) {
        phase = .body
        start(bodyTimeout, context)
    }

    fileprivate func bodyIsWhole() {
        phase = .answering
        deadline?.cancel()
    }

    fileprivate func answerIsWritten() {
        if phase == .answering { phase = .idle }
    }

    private func start(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        bytesSinceStart = 0
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}

/// Tells the connection's `RequestClock` how far the request is.
final class RequestMilestones: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var clock: RequestClock?

    func handlerAdded(context: ChannelHandlerContext) {
        clock = try? context.pipeline.syncOperations.handler(type: RequestClock.self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: clock?.headIsWhole(context)
        case .body: break
        case .end: clock?.bodyIsWhole()
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { clock?.answerIsWritten() }  // a 100 (Continue) has none
        context.write(data, promise: promise)
    }
}

@available(*, unavailable)
extension RequestClock: Sendable {}

@available(*, unavailable)
extension RequestMilestones: Sendable {}
