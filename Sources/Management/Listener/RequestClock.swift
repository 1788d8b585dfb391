import NIOCore
import NIOHTTPTypes
import Primitives

/// Cuts connections whose peer takes too long to send a request (N47): a header must be whole within a time of its first byte, and a body
/// must make progress. How long the answer takes is no business of this.
///
/// It stands below the HTTP codec, where it sees the first byte; `RequestMilestones` above the codec tells it how far the request is.
final class RequestClock: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum Phase { case idle, header, body, answering }

    private let headerTimeout: TimeAmount
    private let bodyTimeout: TimeAmount
    private var phase = Phase.idle
    private var deadline: Scheduled<Void>?
    private var bytesSinceStart = 0

    init(headerTimeout: Duration, bodyTimeout: Duration) {
        self.headerTimeout = .nanoseconds(headerTimeout.nanoseconds)
        self.bodyTimeout = .nanoseconds(bodyTimeout.nanoseconds)
    }

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

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

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
        if case .end = unwrapOutboundIn(data) { clock?.answerIsWritten() }
        context.write(data, promise: promise)
    }
}

@available(*, unavailable)
extension RequestClock: Sendable {}

@available(*, unavailable)
extension RequestMilestones: Sendable {}
