/// Why a request got no response that may be used. Details name hosts, addresses and the TLS library's reasons; they never hold
/// a header, a body or a credential.
package enum HTTPClientError: Error, Equatable {
    /// Where a time limit was reached.
    package enum Phase: String, Sendable {
        /// All threads were busy until the total timeout.
        case queue
        /// Name resolution, connection or TLS handshake, of the proxy too.
        case connect
        /// Sending the request or receiving the response.
        case transfer
    }

    /// The URL can't be parsed, has no host, or holds credentials.
    case invalidURL
    /// Another part of the request or of the connection options is malformed; nothing was sent.
    case invalidRequest(String)
    /// The scheme isn't allowed: only https, and http where the connection options say so.
    case protocolRefused(String)
    /// The name of the server or proxy can't be resolved.
    case resolve(String)
    /// No connection to the server or proxy, or the proxy refused.
    case connect(String)
    /// Every address of the server was refused by the address rule, or through a proxy one of them; this is one of them.
    case addressRefused(HTTPClientAddress)
    /// Certificate, trust or protocol version: the TLS library's reason.
    case tls(String)
    /// A time limit of the request was reached.
    case timedOut(Phase)
    /// The response's body, or its headers, are larger than this many bytes.
    case tooLarge(limit: Int)
    /// The body is encoded although that was not asked for.
    case encodingRefused(String)
    /// Too many requests wait already. Nothing was sent.
    case overloaded
    /// The task was cancelled, or the client closed.
    case cancelled
    /// Anything else in libcurl's words, such as a connection that was lost.
    case library(code: Int, String)
}

extension HTTPClientError: CustomStringConvertible {
    /// One line for the operator.
    package var description: String {
        switch self {
        case .invalidURL: "the URL is malformed, has no host or holds credentials"
        case .invalidRequest(let detail): "the request is malformed: \(detail)"
        case .protocolRefused(let scheme): "\(scheme): is not allowed, only https:"
        case .resolve(let detail), .connect(let detail): detail
        case .addressRefused(let address): "connections to \(address) are not allowed"
        case .tls(let detail): "TLS: \(detail)"
        case .timedOut(let phase): "timed out (\(phase.rawValue))"
        case .tooLarge(let limit): "the response is larger than \(limit) bytes"
        case .encodingRefused(let name): "the response is encoded (\(name)), which was not asked for"
        case .overloaded: "too many requests are waiting"
        case .cancelled: "cancelled"
        case .library(let code, let text): "\(text) (libcurl code \(code))"
        }
    }
}
