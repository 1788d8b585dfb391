/// A header field.
package struct HTTPClientHeader: Sendable, Equatable {
    /// As given in a request; in lower case in a response.
    package let name: String
    /// Without surrounding white space.
    package let value: String

    /// A field `name: value`.
    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What to send, to whom, and what it may cost.
package struct HTTPClientRequest: Sendable {
    /// A token such as GET.
    package var method: String
    /// An absolute URL without credentials.
    package var url: String
    /// In this order. `Content-Length`, `Transfer-Encoding`, `Accept-Encoding` and `Connection` are the client's own.
    package var headers: [HTTPClientHeader]
    /// Sent as it is; for POST, PUT and PATCH also when it is empty.
    package var body: [UInt8]
    /// For name resolution, connection and TLS handshake together.
    package var connectTimeout = Duration.seconds(5)
    /// From `send` to the last byte of the response, time in the queue included.
    package var totalTimeout = Duration.seconds(15)
    /// The largest body that is accepted.
    package var maxResponseBytes = 256 << 10
    /// Is given the body of a successful response (2xx) piece by piece, on the client's own thread, instead of its being kept; then there is no
    /// limit. False ends the transfer.
    package var sink: (@Sendable ([UInt8]) -> Bool)?
    /// Trust, identity and route. Connections are reused only between requests whose options are equal.
    package var connection: HTTPClientConnection

    /// A request with the default limits.
    package init(
        method: String = "GET", url: String, headers: [HTTPClientHeader] = [], body: [UInt8] = [],
        connection: HTTPClientConnection = HTTPClientConnection()
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.connection = connection
    }
}

/// What came back, whatever the status: redirects aren't followed.
package struct HTTPClientResponse: Sendable {
    /// The status code of the final response.
    package let status: Int
    /// All fields in the order of arrival, names in lower case; trailers are left out.
    package let headers: [HTTPClientHeader]
    /// At most `maxResponseBytes`.
    package let body: [UInt8]
    /// Where the time went.
    package let timing: HTTPClientTiming

    /// The value of the first field of this name, which is given in lower case.
    package func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// Times since the transfer's start, as libcurl measures them; steps that a reused connection skips are 0.
package struct HTTPClientTiming: Sendable {
    /// The name was resolved.
    package let resolved: Duration
    /// The connection stood.
    package let connected: Duration
    /// TLS was established.
    package let secured: Duration
    /// The first byte of the response came.
    package let firstByte: Duration
    /// All was over.
    package let total: Duration
    /// Whether an earlier request had made the connection.
    package let reusedConnection: Bool

    /// Times as given.
    package init(resolved: Duration, connected: Duration, secured: Duration, firstByte: Duration, total: Duration, reusedConnection: Bool) {
        (self.resolved, self.connected, self.secured) = (resolved, connected, secured)
        (self.firstByte, self.total, self.reusedConnection) = (firstByte, total, reusedConnection)
    }
}
