/// What can go wrong with TLS: with the settings when they are loaded, or with one connection.
package enum TLSError: Error, Equatable, CustomStringConvertible {
    /// A certificate, key or trust file that can't be used; says which and why.
    case configuration(String)
    /// The peer and we could not agree, or it sent what no TLS peer sends.
    case handshake(OpenSSLError)
    /// The handshake took longer than allowed.
    case handshakeTimedOut
    /// A record that doesn't authenticate or breaks the protocol.
    case record(OpenSSLError)
    /// The connection is gone; what was to be written was not.
    case closed

    /// One line for the log; holds nothing of what was sent.
    package var description: String {
        switch self {
        case .configuration(let text): text
        case .handshake(let error): "TLS handshake failed: \(error)"
        case .handshakeTimedOut: "TLS handshake timed out"
        case .record(let error): "TLS record refused: \(error)"
        case .closed: "TLS connection is closed"
        }
    }
}
