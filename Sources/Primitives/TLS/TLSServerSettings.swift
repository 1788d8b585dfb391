/// What a TLS listener shows and asks for under one server name.
package struct TLSServerIdentity: Sendable {
    /// Whether a client certificate is asked for, and whose are accepted.
    package enum ClientCertificates: Sendable, Equatable {
        /// None is asked for.
        case none
        /// Asked for; a client without one is served, one with an unknown one is not. PEM: authorities or pinned leaves.
        case optional(trustPEM: String)
        /// Asked for and needed.
        case required(trustPEM: String)
        /// Asked for; whichever is shown is taken, self-signed or expired. The handshake proves that the client has its key and nothing else:
        /// whoever authorises by it compares it with a pin. A client without one is served.
        case pinned
    }

    /// The names (SNI, RFC 6066) under which this identity is shown: lower case, exact or `*.example.com` for one label.
    package var serverNames: [String]
    /// PEM: the leaf, then its intermediates.
    package var certificatePEM: String
    /// PEM (PKCS#8, or the older PKCS#1 and SEC 1 forms), not encrypted.
    package var privateKeyPEM: SharedSecret
    /// What is asked of clients.
    package var clientCertificates: ClientCertificates

    /// An identity for `serverNames`.
    package init(
        serverNames: [String], certificatePEM: String, privateKeyPEM: SharedSecret,
        clientCertificates: ClientCertificates = .none
    ) {
        self.serverNames = serverNames
        self.certificatePEM = certificatePEM
        self.privateKeyPEM = privateKeyPEM
        self.clientCertificates = clientCertificates
    }
}

/// What the two sides agreed on.
package struct TLSHandshake: Sendable, Equatable {
    /// `h2`, `http/1.1`, or nil if the client named no protocol (RFC 7301).
    package let applicationProtocol: String?
    /// The name the client asked for, lower case.
    package let serverName: String?
    /// `TLSv1.2` or `TLSv1.3`.
    package let version: String
    /// Whether an earlier session was resumed.
    package let isResumed: Bool
    /// The client's certificate in DER, if it showed one; it has been verified against the identity's trust, if that has any.
    package let clientCertificateDER: [UInt8]?

    /// An agreement as given.
    package init(
        applicationProtocol: String?, serverName: String?, version: String, isResumed: Bool, clientCertificateDER: [UInt8]?
    ) {
        (self.applicationProtocol, self.serverName, self.version) = (applicationProtocol, serverName, version)
        (self.isResumed, self.clientCertificateDER) = (isResumed, clientCertificateDER)
    }
}
