import COpenSSL

/// What the callbacks of one connection need, and what they found out.
final class TLSServerNegotiation {
    let context: TLSServerContext
    /// The name in the client's hello, by which the identity was chosen. OpenSSL forgets it where a TLS 1.2 session is resumed.
    var serverName: String?

    init(_ context: TLSServerContext) { self.context = context }

    /// The one that `TLSServerConnection` attached to `ssl`, and keeps alive.
    static func of(_ ssl: OpaquePointer) -> TLSServerNegotiation? {
        SSL_get_ex_data(ssl, 0).map { Unmanaged<TLSServerNegotiation>.fromOpaque($0).takeUnretainedValue() }
    }

    func attach(to ssl: OpaquePointer) { SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque()) }
}

/// Chooses the identity by the server name in the hello (RFC 6066, 3), before sessions and versions are negotiated.
func clientHelloCallback(ssl: OpaquePointer?, alert: UnsafeMutablePointer<CInt>?, _: UnsafeMutableRawPointer?) -> CInt {
    guard let ssl, let negotiation = TLSServerNegotiation.of(ssl) else { return SSL_CLIENT_HELLO_ERROR }
    var start: UnsafePointer<UInt8>?
    var count = 0
    let isPresent = SSL_client_hello_get0_ext(ssl, UInt32(TLSEXT_TYPE_server_name), &start, &count) == 1
    let name = isPresent ? serverName(UnsafeBufferPointer(start: start, count: count)) : nil
    // Also where there is no name: after a HelloRetryRequest (RFC 8446, 4.1.4) this is a second hello, and the first may have named one.
    guard negotiation.context.select(name, for: ssl) else { return SSL_CLIENT_HELLO_ERROR }
    negotiation.serverName = name
    return SSL_CLIENT_HELLO_SUCCESS
}

/// The first host name of a server_name extension, in lower case: list length (2), type 0 (1), length (2), name.
private func serverName(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    guard bytes.count > 5, Int(bytes[0]) << 8 | Int(bytes[1]) == bytes.count - 2, bytes[2] == UInt8(TLSEXT_NAMETYPE_host_name) else {
        return nil
    }
    let length = Int(bytes[3]) << 8 | Int(bytes[4])
    guard length > 0, length <= 255, 5 + length <= bytes.count else { return nil }
    return String(decoding: bytes[5..<5 + length].map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
}

/// Takes the first of the listener's protocols that is offered, refuses anything else with `no_application_protocol` (RFC 7301, 3.2).
func applicationProtocolCallback(
    ssl: OpaquePointer?, chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, chosenCount: UnsafeMutablePointer<UInt8>?,
    offered: UnsafePointer<UInt8>?, offeredCount: UInt32, _: UnsafeMutableRawPointer?
) -> CInt {
    guard let ssl, let negotiation = TLSServerNegotiation.of(ssl), let offered, let chosen, let chosenCount else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    for wanted in negotiation.context.applicationProtocols {
        var index = 0
        while index < Int(offeredCount) {
            let length = Int(offered[index])
            guard index + 1 + length <= Int(offeredCount) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
            if UnsafeBufferPointer(start: offered + index + 1, count: length).elementsEqual(wanted.utf8) {
                chosen.pointee = offered + index + 1
                chosenCount.pointee = UInt8(length)
                return SSL_TLSEXT_ERR_OK
            }
            index += 1 + length
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}
