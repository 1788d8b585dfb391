package import KeyCore
package import NIOHTTP1
package import Primitives

/// One request, whole, as a front door sees it.
package struct HTTPRequest: Sendable {
    /// `GET`, `POST`, …
    package let method: HTTPMethod
    /// The request target as it stood on the wire: path and query, nothing decoded.
    package let target: String
    /// The header fields.
    package let headers: HTTPHeaders
    /// The body; empty if there is none.
    package let body: [UInt8]
    /// The client's address, without its port; `-` if unknown.
    package let remoteAddress: String
    /// The same, parsed; nil if unknown.
    package let address: IPAddress?
    /// Names this request in answer, log and audit: 32 hexadecimal digits.
    package let requestID: String
    /// When the last byte had arrived: wall clock.
    package let receivedAt: Instant
    /// When the last byte had arrived: monotonic nanoseconds.
    package let receivedNanoseconds: UInt64
    /// What TLS agreed on, with the client's certificate if there is one.
    package let tls: TLSHandshake

    /// A request as given.
    package init(
        method: HTTPMethod, target: String, headers: HTTPHeaders = [:], body: [UInt8] = [], remoteAddress: String,
        address: IPAddress?, requestID: String, receivedAt: Instant, receivedNanoseconds: UInt64, tls: TLSHandshake
    ) {
        (self.method, self.target, self.headers, self.body) = (method, target, headers, body)
        (self.remoteAddress, self.address, self.requestID, self.tls) = (remoteAddress, address, requestID, tls)
        (self.receivedAt, self.receivedNanoseconds) = (receivedAt, receivedNanoseconds)
    }

    /// A request as given, from an address that is parsed here.
    package init(
        method: HTTPMethod, target: String, headers: HTTPHeaders = [:], body: [UInt8] = [], remoteAddress: String,
        requestID: String, receivedAt: Instant, receivedNanoseconds: UInt64, tls: TLSHandshake
    ) {
        self.init(
            method: method, target: target, headers: headers, body: body, remoteAddress: remoteAddress,
            address: IPAddress(remoteAddress), requestID: requestID, receivedAt: receivedAt,
            receivedNanoseconds: receivedNanoseconds, tls: tls)
    }
}

/// One answer, whole. The listener adds `Content-Length`, `Date` and `X-Request-Id`.
package struct HTTPResponse: Sendable {
    /// The status code.
    package var status: Int
    /// Further header fields.
    package var headers: [(name: String, value: String)]
    /// The body.
    package var body: [UInt8]

    /// An answer as given.
    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }
}

/// Answers every request of a listener; runs on the connection's event loop and must not block it.
package protocol HTTPHandler: Sendable {
    /// The answer to a request that was read whole.
    func respond(to request: HTTPRequest) async -> HTTPResponse
    /// The answer that the listener gives by itself (400, 408, 413, 431, 503), in the protocol's shape; must be quick.
    func refusal(status: Int, message: String) -> HTTPResponse
    /// The same to a request whose header is known, without its body.
    func refusal(status: Int, message: String, to request: HTTPRequest) -> HTTPResponse
}

extension HTTPHandler {
    /// The same whatever was asked.
    package func refusal(status: Int, message: String, to request: HTTPRequest) -> HTTPResponse {
        refusal(status: status, message: message)
    }
}
