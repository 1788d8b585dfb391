import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// The answer to bytes that are no HTTP request.
struct MalformedAnswer: Sendable {
    let head: HTTPResponse
    let body: ByteBuffer
}

/// What Hummingbird leaves open at both ends of a request.
///
/// What is no HTTP/1.1 request is answered with a problem document. A connection closes after its answer if the peer wants that, or if
/// the request's body was not read to its end: otherwise gigabytes would be read just to reach the next request. It closes with its
/// sending side first and goes on discarding for a moment, so that an answer isn't lost to a peer that is still sending.
final class RequestEdges: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase { case serving, lastAnswer, discarding }

    /// What may be left of a body to be read after its answer.
    private static let smallRest = 1 << 16
    private static let lingering = TimeAmount.seconds(2)

    private let refusal: () -> MalformedAnswer
    private var phase = Phase.serving
    private var unanswered = 0
    private var isMalformed = false
    private var isReadingBody = false
    /// What is left of the body that is being read; nil if nobody knows.
    private var rest: Int?

    init(_ refusal: @escaping () -> MalformedAnswer) { self.refusal = refusal }

    /// Adds one to a pipeline that Hummingbird has built, and gives its value back.
    static func add(
        to channel: any Channel, _ refusal: @escaping @Sendable () -> MalformedAnswer, _ value: HTTP1Channel.Value
    ) throws -> HTTP1Channel.Value {
        let pipeline = channel.pipeline.syncOperations
        let codec = try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)
        try pipeline.addHandler(RequestEdges(refusal), position: .before(codec))
        return value
    }

    // MARK: From the peer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase != .discarding, !isMalformed else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard phase == .serving else { return }  // after the last one that is answered
            guard head.version.major == 1, head.version.minor == 0 || head.headers["host"].count == 1 else { return refuse(context) }
            unanswered += 1
            isReadingBody = true
            rest = RequestEdges.length(head.headers)
            if !head.isKeepAlive { phase = .lastAnswer }
        case .body(let bytes): rest = rest.map { $0 - bytes.readableBytes }
        case .end: isReadingBody = false
        }
        context.fireChannelRead(data)
    }

    /// How much body follows; nil if only its end will tell, or if the peer sends it only when told to.
    private static func length(_ headers: HTTPHeaders) -> Int? {
        if headers.contains(name: "transfer-encoding") || headers.contains(name: "expect") { return nil }
        return headers.first(name: "content-length").map { Int($0) ?? .max } ?? 0
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.fireErrorCaught(error) }
        switch phase {
        case .serving: if !isMalformed { refuse(context) }
        case .lastAnswer: if isReadingBody { context.close(promise: nil) }  // what comes after the last request is no error
        case .discarding: break
        }
    }

    /// Answers when earlier requests are answered.
    private func refuse(_ context: ChannelHandlerContext) {
        isMalformed = true
        if unanswered == 0 { answerMalformed(context) } else if isReadingBody { context.close(promise: nil) }
    }

    private func answerMalformed(_ context: ChannelHandlerContext) {
        let answer = refusal()
        var head = HTTPResponseHead(answer.head)
        head.headers.replaceOrAdd(name: "Connection", value: "close")
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        discard(context)
    }

    // MARK: To the peer

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            if head.status.code < 200 { return context.write(data, promise: promise) }
            if isReadingBody, unanswered == 1, (rest ?? .max) > RequestEdges.smallRest { phase = .lastAnswer }
            if phase == .lastAnswer, unanswered == 1 { head.headers.replaceOrAdd(name: "Connection", value: "close") }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            context.writeAndFlush(data, promise: promise)
            unanswered -= 1
            guard unanswered == 0 else { return }
            if isMalformed { answerMalformed(context) } else if phase == .lastAnswer { discard(context) }
        }
    }

    private func discard(_ context: ChannelHandlerContext) {
        phase = .discarding
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: RequestEdges.lingering) { channel.close(promise: nil) }
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if phase == .discarding { return context.read() }
        context.fireChannelReadComplete()
    }
}

@available(*, unavailable)
extension RequestEdges: Sendable {}

extension Request {
    /// The same; if the client waits for 100 (Continue) before it sends the body, it is told so when somebody begins to read.
    func continuing(on channel: any Channel) -> Request {
        guard headers[.expect]?.lowercased() == "100-continue" else { return self }
        return Request(head: head, body: RequestBody(asyncSequence: ContinuedBody(base: body, channel: channel)))
    }
}

/// A body that is asked for when it is wanted.
private struct ContinuedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let base: RequestBody
    let channel: any Channel

    func makeAsyncIterator() -> Iterator { Iterator(base: base.makeAsyncIterator(), channel: channel) }

    struct Iterator: AsyncIteratorProtocol {
        private var base: RequestBody.AsyncIterator
        private let channel: any Channel
        private var isTold = false

        init(base: RequestBody.AsyncIterator, channel: any Channel) { (self.base, self.channel) = (base, channel) }

        mutating func next() async throws -> ByteBuffer? {
            if !isTold {
                isTold = true
                try await channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)))
            }
            return try await base.next()
        }
    }
}
