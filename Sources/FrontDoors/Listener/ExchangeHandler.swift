import KeyCore
import NIOCore
import NIOHTTP1
import Primitives

/// What all exchanges of a listener share.
struct ExchangeEnvironment: Sendable {
    let handler: any HTTPHandler
    let gate: ConnectionGate
    let limits: ListenerLimits
    let requestIDs: RequestIDs
    let clock: WallClock
}

/// Reads requests, has them answered one after the other, writes the answers: on an HTTP/1.1 connection or one HTTP/2 stream.
///
/// While a request is being answered nothing more is read (back-pressure); what had been decoded already waits in a queue.
final class ExchangeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case idle
        case receiving(HTTPRequestHead, [UInt8])
        case answering
        /// The answer is out or on its way, the rest of the request is thrown away, then we close.
        case refusing
        case closed
    }

    private let environment: ExchangeEnvironment
    private let executor: EventLoopTaskExecutor
    private let remoteAddress: String
    private let address: IPAddress?
    private let tls: TLSHandshake
    private let isHTTP2: Bool
    private var state = State.idle
    private var queue: [HTTPServerRequestPart] = []
    private var readIsHeld = false
    private var closesAfterAnswer = false
    private var answersGiven = 0
    private var timer: DeadlineTimer?
    private var context: ChannelHandlerContext?

    init(
        environment: ExchangeEnvironment, executor: EventLoopTaskExecutor, remoteAddress: String, tls: TLSHandshake, isHTTP2: Bool
    ) {
        (self.environment, self.executor) = (environment, executor)
        (self.remoteAddress, self.tls, self.isHTTP2) = (remoteAddress, tls, isHTTP2)
        address = IPAddress(remoteAddress)
    }

    // MARK: Life of the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        timer = DeadlineTimer(eventLoop: context.eventLoop) { [unowned self] in self.expire() }
        if !isHTTP2 { timer?.set(environment.limits.firstRequestTimeout) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        let inputClosed = (event as? ChannelEvent) == .some(.inputClosed)
        if inputClosed || event is ChannelShouldQuiesceEvent, !isHTTP2 {
            closesAfterAnswer = true
            if case .idle = state { context.close(promise: nil) }
            if case .receiving = state, inputClosed { context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case .idle = state, !isHTTP2, let failure = error as? HTTPParserError else {
            if case .receiving = state, error is HTTPParserError { return refuse(400, "malformed HTTP message") }
            context.close(promise: nil)
            return
        }
        refuse(failure == .headerOverflow ? 431 : 400, failure == .headerOverflow ? "header too large" : "malformed HTTP request")
    }

    private func end() {
        state = .closed
        timer?.cancel()
        timer = nil
        context = nil
    }

    // MARK: Reading

    /// Raw bytes have come in: a request may have begun.
    func bytesArrived() {
        if case .idle = state { timer?.set(environment.limits.headerTimeout) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if case .answering = state {
            queue.append(part)
        } else {
            receive(part)
        }
    }

    func read(context: ChannelHandlerContext) {
        // Held only once something waits: to stop and resume reading for each request would cost two system calls.
        if case .answering = state, !queue.isEmpty { readIsHeld = true } else { context.read() }
    }

    private func receive(_ part: HTTPServerRequestPart) {
        switch (part, state) {
        case (.head(let head), .idle): begin(head)
        case (.body(let bytes), .receiving(let head, var body)):
            state = .idle  // gives the body up, so that it's not copied
            guard body.count + bytes.readableBytes <= environment.limits.maxBodyBytes else {
                return refuse(413, "body larger than \(environment.limits.maxBodyBytes) bytes")
            }
            body.append(contentsOf: bytes.readableBytesView)
            state = .receiving(head, body)
        case (.end, .receiving(let head, let body)): answer(head, body)
        default: break  // the rest of a refused request
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        if !head.isKeepAlive { closesAfterAnswer = true }
        let announced = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        guard announced <= environment.limits.maxBodyBytes else {
            return refuse(413, "body larger than \(environment.limits.maxBodyBytes) bytes")
        }
        if head.headers.first(name: "expect")?.lowercased() == "100-continue", let context {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
        }
        var body: [UInt8] = []
        body.reserveCapacity(announced)
        state = .receiving(head, body)
        timer?.set(environment.limits.bodyTimeout)
    }

    private func expire() {
        switch state {
        case .idle where answersGiven == 0 || isHTTP2: context?.close(promise: nil)
        case .idle: context?.close(promise: nil)
        case .receiving: refuse(408, "request body did not arrive in time")
        case .refusing: context?.close(promise: nil)
        case .answering, .closed: break
        }
    }

    // MARK: Answering

    private func answer(_ head: HTTPRequestHead, _ body: [UInt8]) {
        timer?.clear()
        guard environment.gate.beginRequest() else {
            state = .answering
            var response = environment.handler.refusal(status: 503, message: "too many requests at once; try again")
            response.headers.append(("Retry-After", "1"))
            return write(response, requestID: environment.requestIDs.next(), isHead: head.method == .HEAD)
        }
        state = .answering
        let request = HTTPRequest(
            method: head.method, target: head.uri, headers: head.headers, body: body, remoteAddress: remoteAddress,
            address: address, requestID: environment.requestIDs.next(), receivedAt: environment.clock.now,
            receivedNanoseconds: MonotonicClock.nanoseconds, tls: tls)
        guard let context else { return environment.gate.endRequest() }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        Task.immediate(executorPreference: executor) { [environment] in
            let response = await environment.handler.respond(to: request)
            environment.gate.endRequest()
            bound.value.write(response, requestID: request.requestID, isHead: request.method == .HEAD)
        }
    }

    private func write(_ response: HTTPResponse, requestID: String, isHead: Bool) {
        guard let context else { return }
        let isRefusing = if case .refusing = state { true } else { false }
        var headers = HTTPHeaders()
        headers.reserveCapacity(response.headers.count + 4)
        for (name, value) in response.headers { headers.add(name: name, value: value) }
        headers.add(name: "Content-Length", value: String(response.body.count))
        headers.add(name: "Date", value: HTTPDate.string(environment.clock.now))
        headers.add(name: "X-Request-Id", value: requestID)
        if (closesAfterAnswer || isRefusing), !isHTTP2 { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: response.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !response.body.isEmpty, !isHead {
            context.write(wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: response.body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        answersGiven += 1
        if !isRefusing { finish(context) }
    }

    private func finish(_ context: ChannelHandlerContext) {
        guard !closesAfterAnswer || isHTTP2 else {
            state = .refusing
            return lingeringClose(context)
        }
        state = .idle
        if !isHTTP2 { timer?.set(environment.limits.idleTimeout) }
        while !queue.isEmpty {
            if case .answering = state { return }
            receive(queue.removeFirst())
        }
        if readIsHeld {
            readIsHeld = false
            context.read()
        }
    }

    /// Answers without a handler, takes no more of the request, and closes when the peer has had time to read the answer.
    private func refuse(_ status: Int, _ message: String) {
        guard let context else { return }
        state = .refusing
        write(environment.handler.refusal(status: status, message: message), requestID: environment.requestIDs.next(), isHead: false)
        if isHTTP2 { context.close(promise: nil) } else { lingeringClose(context) }
    }

    /// Ends our side and waits a moment for the peer's end: closing with unread input would make the kernel send a reset,
    /// which can take the answer away from the peer.
    private func lingeringClose(_ context: ChannelHandlerContext) {
        queue.removeAll()
        context.close(mode: .output, promise: nil)
        timer?.set(.seconds(2))
        if readIsHeld {
            readIsHeld = false
            context.read()
        }
    }
}

@available(*, unavailable)
extension ExchangeHandler: Sendable {}

/// Tells the exchange that bytes have come, before the decoder has made sense of them: the header deadline begins here.
final class FirstByteHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let exchange: ExchangeHandler

    init(_ exchange: ExchangeHandler) { self.exchange = exchange }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        exchange.bytesArrived()
        context.fireChannelRead(data)
    }
}

@available(*, unavailable)
extension FirstByteHandler: Sendable {}
