package import NIOCore

/// The server side of TLS in a NIO pipeline: ciphertext towards the socket, plaintext towards HTTP.
///
/// When the handshake is done it calls `onHandshake`, which builds the rest of the pipeline, before any plaintext is passed on. A
/// peer's close_notify becomes `ChannelEvent.inputClosed`: what was asked can still be answered. Our close sends close_notify first.
package final class TLSServerHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private enum State { case handshaking, open, inputClosed, failed, closed }

    private var state = State.handshaking
    private var connection: TLSServerConnection
    private let handshakeTimeout: TimeAmount
    private let onHandshake: (any Channel, TLSHandshake) throws -> Void
    private var timer: Scheduled<Void>?
    private var pending = MarkedCircularBuffer<(ByteBuffer, EventLoopPromise<Void>?)>(initialCapacity: 4)
    private var readIsWanted = false
    private var outputIsClosed = false

    /// A handler for one new connection.
    /// - Parameter onHandshake: runs on the event loop; throwing closes the connection before any plaintext is passed on.
    /// - Throws: `TLSError` if OpenSSL has no memory for it.
    package init(
        context: TLSServerContext, handshakeTimeout: Duration,
        onHandshake: @escaping (any Channel, TLSHandshake) throws -> Void
    ) throws(TLSError) {
        connection = try TLSServerConnection(context: context)
        self.handshakeTimeout = .nanoseconds(handshakeTimeout.nanoseconds)
        self.onHandshake = onHandshake
    }

    // MARK: Life of the channel

    package func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: handshakeTimeout) {
            handler.value.fail(.handshakeTimedOut, bound.value)
        }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        failPending(.closed)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        state = .closed
        failPending(.closed)
        context.fireChannelInactive()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .some(ChannelEvent.inputClosed) = event as? ChannelEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        switch state {
        case .handshaking: context.close(promise: nil)
        case .open:
            state = .inputClosed
            context.fireUserInboundEventTriggered(event)
        case .inputClosed, .failed, .closed: break
        }
    }

    // MARK: From the wire

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state == .handshaking || state == .open else { return }
        connection.feed(unwrapInboundIn(data))
        if state == .handshaking { shakeHands(context) }
        if state == .open { readPlaintext(context) }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if readIsWanted, state == .open || state == .handshaking { context.read() }
    }

    package func read(context: ChannelHandlerContext) {
        readIsWanted = true
        context.read()
    }

    private func shakeHands(_ context: ChannelHandlerContext) {
        switch connection.handshake() {
        case .done:
            timer?.cancel()
            timer = nil
            sendOutput(context)
            state = .open
            do {
                try onHandshake(context.channel, connection.agreement())
            } catch {
                context.fireErrorCaught(error)
                return close(context: context, mode: .all, promise: nil)
            }
            flush(context: context)
        case .needsInput: sendOutput(context)
        case .peerClosed: fail(.closed, context)
        case .failed(let error): fail(.handshake(error), context)
        }
    }

    private func readPlaintext(_ context: ChannelHandlerContext) {
        while state == .open {
            var buffer = context.channel.allocator.buffer(capacity: min(max(connection.pendingInputBytes, 256), 1 << 14))
            let step = connection.read(into: &buffer)
            if buffer.readableBytes > 0 {
                readIsWanted = false
                context.fireChannelRead(wrapInboundOut(buffer))
            }
            switch step {
            case .done: continue
            case .needsInput:
                sendOutput(context)
                return
            case .peerClosed:
                sendOutput(context)
                state = .inputClosed
                context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            case .failed(let error): fail(.record(error), context)
            }
        }
    }

    /// Sends the alert that OpenSSL prepared, tells the pipeline, closes.
    private func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
        guard state != .failed, state != .closed else { return }
        state = .failed
        timer?.cancel()
        sendOutput(context)
        failPending(error)
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    // MARK: To the wire

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state != .failed, state != .closed, !outputIsClosed else {
            promise?.fail(TLSError.closed)
            return
        }
        pending.append((unwrapOutboundIn(data), promise))
    }

    package func flush(context: ChannelHandlerContext) {
        pending.mark()
        guard state == .open || state == .inputClosed, pending.hasMark else { return context.flush() }
        var promises: [EventLoopPromise<Void>] = []
        do {
            while pending.hasMark {
                var (bytes, promise) = pending.removeFirst()
                if let promise { promises.append(promise) }
                while pending.hasMark, bytes.readableBytes + pending[pending.startIndex].0.readableBytes <= 1 << 14 {
                    let (more, promise) = pending.removeFirst()
                    bytes.writeImmutableBuffer(more)  // small writes share a record
                    if let promise { promises.append(promise) }
                }
                try connection.write(bytes)
            }
        } catch {
            promises.forEach { $0.fail(TLSError.record(error)) }
            return fail(.record(error), context)
        }
        guard let output = connection.takeOutput(context.channel.allocator) else { return promises.forEach { $0.succeed() } }
        context.writeAndFlush(wrapOutboundOut(output), promise: join(promises, context))
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode != .input, state == .open || state == .inputClosed else {
            return context.close(mode: mode, promise: promise)
        }
        if !outputIsClosed {
            flush(context: context)
            connection.shutdown()
            sendOutput(context)
            outputIsClosed = true
        }
        if mode == .all { state = .closed }
        context.close(mode: mode, promise: promise)
    }

    private func sendOutput(_ context: ChannelHandlerContext) {
        guard let output = connection.takeOutput(context.channel.allocator) else { return }
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
    }

    private func join(_ promises: [EventLoopPromise<Void>], _ context: ChannelHandlerContext) -> EventLoopPromise<Void>? {
        guard promises.count > 1 else { return promises.first }
        let joined = context.eventLoop.makePromise(of: Void.self)
        for promise in promises { joined.futureResult.cascade(to: promise) }
        return joined
    }

    private func failPending(_ error: TLSError) {
        while let (_, promise) = pending.popFirst() { promise?.fail(error) }
    }
}

@available(*, unavailable)
extension TLSServerHandler: Sendable {}
