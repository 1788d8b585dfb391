import KeyCore
import NIOCore
import NIOHTTP1
import Primitives

/// What all exchanges of a listener share.
struct ExchangeEnvironment: Sendable {
    let handler: any HTTPHandler
    let gate: ConnectionGate
    var limits: ListenerLimits
    let requestIDs: RequestIDs
    let clock: WallClock
}

/// Reads requests, has them answered one after the other, writes the answers: on an HTTP/1.1 connection or one HTTP/2 stream.
///
/// While a request is being answered, or the peer doesn't read its answers, nothing more is read (back-pressure); what had been decoded
/// already waits in a queue. A failure of the decoder is told in its turn, after the answers to what came before it.
final class ExchangeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case idle
        case receiving(HTTPRequestHead, [UInt8])
        case answering
        /// The last answer is out or on its way, the rest of the request is thrown away, then we close.
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
    private var queue = CircularBuffer<HTTPServerRequestPart>()
    /// Why nothing more can be decoded.
    private var failure: (status: Int, message: String)?
    private var heldBytes = 0
    private var readIsHeld = false
    private var headerHasBegun = false
    private var inputIsClosed = false
    private var closesAfterAnswer = false
    private var isProceeding = false
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

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, case .idle = state {
            if !isHTTP2, !headerHasBegun { timer?.set(environment.limits.idleTimeout) }
            proceed()
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if (event as? ChannelEvent) == .some(.inputClosed), !isHTTP2 {
            inputIsClosed = true
            if case .refusing = state { context.close(promise: nil) } else { proceed() }
        } else if event is ChannelShouldQuiesceEvent, !isHTTP2 {
            closesAfterAnswer = true
            if case .idle = state, queue.isEmpty, !headerHasBegun { context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError, !isHTTP2 {
            failure = failure ?? (error == .headerOverflow ? (431, "header too large") : (400, "malformed HTTP message"))
            proceed()
        } else if !(error is ByteToMessageDecoderError) {  // which is said of whatever follows a failure
            context.close(promise: nil)
        }
    }

    private func end() {
        state = .closed
        timer?.cancel()
        timer = nil
        context = nil
        queue.removeAll()
        releaseBody()
    }

    // MARK: Reading

    /// Raw bytes have come in: a request may have begun. Its time runs from the first of them.
    func bytesArrived() {
        // While the peer leaves its answers unread, the time for that runs, and no other.
        guard case .idle = state, !headerHasBegun, context?.channel.isWritable == true else { return }
        headerHasBegun = true
        timer?.set(environment.limits.headerTimeout)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .refusing, .closed: return
        case .idle, .receiving, .answering: queue.append(unwrapInboundIn(data))
        }
        proceed()
    }

    func read(context: ChannelHandlerContext) {
        // Held only once something waits: to stop and resume reading for each request would cost two system calls.
        if case .answering = state, queue.isEmpty, context.channel.isWritable { return context.read() }
        if case .refusing = state { return context.read() }
        if isReady(context) { context.read() } else { readIsHeld = true }
    }

    /// Whether more of a request can be taken: none is being answered, and the peer reads its answers.
    private func isReady(_ context: ChannelHandlerContext) -> Bool {
        switch state {
        case .receiving: true
        case .idle: context.channel.isWritable
        case .answering, .refusing, .closed: false
        }
    }

    /// Takes what has been decoded, until an answer has to be waited for. Never inside itself: a request may be answered at once.
    private func proceed() {
        guard let context, !isProceeding else { return }
        isProceeding = true
        while isReady(context), let part = queue.popFirst() { receive(part) }
        isProceeding = false
        guard isReady(context) else { return }
        if let failure { return refuse(failure.status, failure.message) }
        if inputIsClosed { return context.close(promise: nil) }
        guard readIsHeld else { return }
        readIsHeld = false
        context.read()
    }

    private func receive(_ part: HTTPServerRequestPart) {
        switch (part, state) {
        case (.head(let head), .idle): begin(head)
        case (.body(let bytes), .receiving(let head, var body)):
            state = .idle  // gives the body up, so that it's not copied
            guard body.count + bytes.readableBytes <= environment.limits.maxBodyBytes else {
                return refuse(413, "body larger than \(environment.limits.maxBodyBytes) bytes", to: head)
            }
            guard environment.gate.hold(bytes: bytes.readableBytes) else {
                return refuse(503, "too many requests at once; try again", to: head)
            }
            heldBytes += bytes.readableBytes
            body.append(contentsOf: bytes.readableBytesView)
            state = .receiving(head, body)
        case (.end, .receiving(let head, let body)): answer(head, body)
        default: break  // the rest of a refused request
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        headerHasBegun = false
        // After a request to speak another protocol the decoder takes nothing more.
        if !head.isKeepAlive || head.method == .CONNECT || head.headers.contains(name: "upgrade") { closesAfterAnswer = true }
        // One name for the host (RFC 9112, 3.2): two readers of one request must not see two.
        if head.version == .http1_1, head.headers[canonicalForm: "host"].count != 1 { return refuse(400, "expected one Host header", to: head) }
        let announced = head.headers.first(name: "content-length").flatMap { UInt64($0) } ?? 0
        guard announced <= environment.limits.maxBodyBytes else {
            return refuse(413, "body larger than \(environment.limits.maxBodyBytes) bytes", to: head)
        }
        if head.headers.first(name: "expect")?.lowercased() == "100-continue", head.version != .http1_0, let context {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
        }
        state = .receiving(head, [])
        timer?.set(environment.limits.bodyTimeout)
    }

    private func expire() {
        switch state {
        case .receiving(let head, _): refuse(408, "request body did not arrive in time", to: head)
        case .idle where headerHasBegun: refuse(408, "request header did not arrive in time")
        case .idle, .refusing: context?.close(promise: nil)
        case .answering, .closed: break
        }
    }

    private func releaseBody() {
        environment.gate.release(bytes: heldBytes)
        heldBytes = 0
    }

    // MARK: Answering

    private func answer(_ head: HTTPRequestHead, _ body: [UInt8]) {
        guard let context else { return }
        timer?.clear()
        state = .answering
        guard environment.gate.beginRequest() else {
            releaseBody()
            let request = request(head, [])
            let response = environment.handler.refusal(status: 503, message: "too many requests at once; try again", to: request)
            return write(response, requestID: request.requestID, isHead: head.method == .HEAD)
        }
        let request = request(head, body)
        let held = heldBytes
        heldBytes = 0  // now the task's to release
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        Task.immediate(executorPreference: executor) { [environment] in
            let response = await environment.handler.respond(to: request)
            environment.gate.endRequest()
            environment.gate.release(bytes: held)
            bound.value.write(response, requestID: request.requestID, isHead: request.method == .HEAD)
        }
    }

    private func request(_ head: HTTPRequestHead, _ body: [UInt8]) -> HTTPRequest {
        HTTPRequest(
            method: head.method, target: head.uri, headers: head.headers, body: body, remoteAddress: remoteAddress,
            address: address, requestID: environment.requestIDs.next(), receivedAt: environment.clock.now,
            receivedNanoseconds: MonotonicClock.nanoseconds, tls: tls)
    }

    private func write(_ response: HTTPResponse, requestID: String, isHead: Bool) {
        guard let context else { return }
        var isLast = closesAfterAnswer || (inputIsClosed && queue.isEmpty && failure == nil)
        if case .refusing = state { isLast = true }
        var headers = HTTPHeaders()
        headers.reserveCapacity(response.headers.count + 5)
        for (name, value) in response.headers { headers.add(name: name, value: value) }
        if response.status == 503, !headers.contains(name: "retry-after") { headers.add(name: "Retry-After", value: "1") }
        headers.add(name: "Content-Length", value: String(response.body.count))
        headers.add(name: "Date", value: HTTPDate.string(environment.clock.now))
        headers.add(name: "X-Request-Id", value: requestID)
        if isLast, !isHTTP2 { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: response.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !response.body.isEmpty, !isHead {
            context.write(wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: response.body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        if isLast, !isHTTP2 { return linger(context) }
        if case .refusing = state { return linger(context) }
        state = .idle
        timer?.set(isHTTP2 || !context.channel.isWritable ? environment.limits.writeTimeout : environment.limits.idleTimeout)
        proceed()
    }

    /// Answers without a handler, takes no more of the request, and closes when the peer has had time to read the answer.
    private func refuse(_ status: Int, _ message: String, to head: HTTPRequestHead? = nil) {
        state = .refusing
        releaseBody()
        guard let head else {
            let response = environment.handler.refusal(status: status, message: message)
            return write(response, requestID: environment.requestIDs.next(), isHead: false)
        }
        let request = request(head, [])
        write(environment.handler.refusal(status: status, message: message, to: request), requestID: request.requestID, isHead: false)
    }

    /// Ends our side and waits a moment for the peer's end: closing with unread input would make the kernel send a reset (or us
    /// a RST_STREAM), which can take the answer away from the peer.
    private func linger(_ context: ChannelHandlerContext) {
        state = .refusing
        queue.removeAll()
        if !isHTTP2 { context.close(mode: .output, promise: nil) }
        if inputIsClosed { return context.close(promise: nil) }
        timer?.set(environment.limits.lingerTimeout)
        if readIsHeld {
            readIsHeld = false
            context.read()
        }
    }
}

@available(*, unavailable)
extension ExchangeHandler: Sendable {}
