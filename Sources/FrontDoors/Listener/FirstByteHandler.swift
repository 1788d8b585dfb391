import NIOCore

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
