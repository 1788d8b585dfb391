package import KeyCore

/// How the management listener behaves.
package struct ManagementListenerSettings: Sendable {
    /// The address to listen on.
    package var host = "127.0.0.1"
    /// The port; 0 lets the kernel choose.
    package var port = 8444
    /// The path of the socket for the same machine; nil for none.
    package var socketPath: String?
    /// Whose addresses may connect; empty for all.
    package var allowedNetworks: [IPNetwork] = []
    /// Connections at once; further ones wait in the kernel's queue.
    package var maxConnections = 1_000
    /// From the first byte on the connection to the end of the TLS handshake.
    package var handshakeTimeout = Duration.seconds(10)
    /// From a request's first byte to the end of its header.
    package var headerTimeout = Duration.seconds(10)
    /// From the end of the header to the end of the body.
    package var bodyTimeout = Duration.seconds(60)
    /// Between two requests.
    package var idleTimeout = Duration.seconds(120)
    /// How long requests that are being answered may go on when the server stops.
    package var drainTimeout = Duration.seconds(30)

    /// The defaults.
    package init() {}
}
