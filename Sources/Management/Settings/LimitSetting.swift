/// A limit of the data plane that can be set while it runs: its name on the wire and what is allowed.
package enum LimitSetting: String, Sendable, CaseIterable {
    case maxConnections = "max_connections"
    case maxConnectionsPerAddress = "max_connections_per_address"
    case maxRequestsInFlight = "max_requests_in_flight"
    case maxStreamsPerConnection = "max_streams_per_connection"
    case maxBodyBytes = "max_body_bytes"
    case handshakeTimeout = "handshake_timeout_ms"
    case firstRequestTimeout = "first_request_timeout_ms"
    case headerTimeout = "header_timeout_ms"
    case bodyTimeout = "body_timeout_ms"
    case writeTimeout = "write_timeout_ms"
    case idleTimeout = "idle_timeout_ms"

    /// What is allowed: never so little that nobody could be served.
    package var range: ClosedRange<Int64> {
        switch self {
        case .maxConnections, .maxConnectionsPerAddress: 16...1_000_000
        case .maxRequestsInFlight: 16...1_000_000
        case .maxStreamsPerConnection: 1...10_000
        case .maxBodyBytes: (256 << 10)...(64 << 20)
        case .idleTimeout, .firstRequestTimeout: 1_000...86_400_000
        case .handshakeTimeout, .headerTimeout, .bodyTimeout, .writeTimeout: 500...600_000
        }
    }
}
