import NIOCore
import NIOHTTP2

/// The end of an HTTP/2 connection's pipeline: keeps its time, and closes it on errors and when the peer has said goodbye.
///
/// Without a stream a connection is told to leave (GOAWAY) after `firstRequestTimeout` at first, `idleTimeout` later; a peer that
/// doesn't follow is cut off. NIO's management handler says the goodbye but would wait for its answer for ever, and begins to count
/// with the first stream only.
final class HTTP2ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = Never

    private let limits: ListenerLimits
    private var timer: DeadlineTimer?
    private var streams = 0
    private var isLeaving = false
    private var context: ChannelHandlerContext?

    init(limits: ListenerLimits) { self.limits = limits }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        timer = DeadlineTimer(eventLoop: context.eventLoop) { [unowned self] in self.expire() }
        timer?.set(limits.firstRequestTimeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    /// What isn't the whole connection's fault ends its stream only: a client that stops sending once it has been refused (413) ends
    /// its body short of the announced length.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOHTTP2Errors.ContentLengthViolated || error is NIOHTTP2Errors.StreamError { return }
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { leave() }
        if (event as? ChannelEvent) == .some(.inputClosed) { context.close(promise: nil) }
    }

    func streamCreated() {
        streams += 1
        if !isLeaving { timer?.clear() }
    }

    func streamClosed() {
        streams -= 1
        if streams == 0, !isLeaving { timer?.set(limits.idleTimeout) }
    }

    private func expire() {
        guard !isLeaving else {
            context?.close(promise: nil)
            return
        }
        context?.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }

    private func leave() {
        isLeaving = true
        timer?.set(limits.drainTimeout)
    }

    private func end() {
        timer?.cancel()
        timer = nil
        context = nil
    }
}

@available(*, unavailable)
extension HTTP2ConnectionHandler: Sendable {}

/// Tells both handlers of a connection of its streams.
struct HTTP2StreamWatch: NIOHTTP2StreamDelegate {
    let manager: NIOHTTP2ServerConnectionManagementHandler.HTTP2StreamDelegate
    let connection: NIOLoopBound<HTTP2ConnectionHandler>

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) {
        manager.streamCreated(id, channel: channel)
        connection.value.streamCreated()
    }

    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) {
        manager.streamClosed(id, channel: channel)
        connection.value.streamClosed()
    }
}
