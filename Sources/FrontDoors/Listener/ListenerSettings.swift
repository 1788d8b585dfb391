/// How much a listener takes, and how long it waits. The defaults suit one node in front of Google Cloud.
package struct ListenerLimits: Sendable, Equatable {
    /// Connections in total; a further one is closed at once.
    package var maxConnections = 10_000
    /// Connections from one address; a further one is closed at once.
    package var maxConnectionsPerAddress = 2_000
    /// Requests being answered at once; a further one is answered with 503 and `Retry-After: 1` at once.
    package var maxRequestsInFlight = 1_024
    /// Bytes of all header fields of one request.
    package var maxHeaderBytes = 32 << 10
    /// Bytes of one body (Google's largest legal wrap is about 175 KiB).
    package var maxBodyBytes = 512 << 10
    /// Bytes of all bodies that are held at once; a request that needs more is answered with 503.
    package var maxHeldBodyBytes = 256 << 20
    /// From the first byte on the connection to the end of the TLS handshake.
    package var handshakeTimeout = Duration.seconds(10)
    /// From the handshake to the first byte of the first request.
    package var firstRequestTimeout = Duration.seconds(60)
    /// From a request's first byte to the end of its header.
    package var headerTimeout = Duration.seconds(10)
    /// From the end of the header to the end of the body.
    package var bodyTimeout = Duration.seconds(15)
    /// How long a peer may leave its answers unread.
    package var writeTimeout = Duration.seconds(15)
    /// From a last answer, which tells the peer that we close, until we do.
    package var lingerTimeout = Duration.seconds(2)
    /// Between two requests (Google keeps idle connections for ten minutes and more).
    package var idleTimeout = Duration.seconds(15 * 60)
    /// From SIGTERM until connections with unanswered requests are cut.
    package var drainTimeout = Duration.seconds(10)
    /// Requests at once on one HTTP/2 connection.
    package var maxStreamsPerConnection = 128

    /// The defaults.
    package init() {}
}
