import COpenSSL
import NIOCore

/// The TLS state of one connection, without any socket: bytes from the wire go in, bytes for the wire come out.
struct TLSServerConnection: ~Copyable {
    /// How far a step came.
    enum Step: Equatable {
        /// Done, or something was read.
        case done
        /// Needs more bytes from the wire.
        case needsInput
        /// The peer has said that it will send no more (close_notify).
        case peerClosed
        /// Broken; nothing more can be read or written but an alert.
        case failed(OpenSSLError)
    }

    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private let negotiation: TLSServerNegotiation  // the SSL's ex_data points to it

    init(context: TLSServerContext) throws(TLSError) {
        let ssl = try context.makeSSL()
        let (input, output) = (BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()))
        guard let input, let output else {
            BIO_free(input)
            BIO_free(output)
            SSL_free(ssl)
            throw .handshake(.drain("BIO_new"))
        }
        shim_BIO_set_mem_eof_return(input, -1)  // empty means "not yet", never "the end"
        SSL_set_bio(ssl, input, output)
        negotiation = TLSServerNegotiation(context)
        negotiation.attach(to: ssl)
        (self.ssl, self.input, self.output) = (ssl, input, output)
    }

    deinit { SSL_free(ssl) }  // frees the BIOs too

    /// Takes bytes from the wire.
    func feed(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { buffer in
            if buffer.count > 0 { BIO_write(input, buffer.baseAddress, CInt(buffer.count)) }
        }
    }

    /// Bytes that wait to be decrypted.
    var pendingInputBytes: Int { shim_BIO_ctrl_pending(input) }

    /// Goes on with the handshake.
    func handshake() -> Step {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        return result == 1 ? .done : step(result, "SSL_do_handshake")
    }

    /// Decrypts what one record or several hold into `buffer`.
    func read(into buffer: inout ByteBuffer) -> Step {
        ERR_clear_error()
        let room = min(max(pendingInputBytes, 256), 1 << 14)
        var result: CInt = 0
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
            result = SSL_read(ssl, target.baseAddress, CInt(clamping: target.count))
            return max(0, Int(result))
        }
        return result > 0 ? .done : step(result, "SSL_read")
    }

    /// Encrypts all of `bytes`; the output grows as needed, so there is no partial write.
    func write(_ bytes: ByteBuffer) throws(OpenSSLError) {
        ERR_clear_error()
        let result = bytes.withUnsafeReadableBytes { buffer in
            buffer.count == 0 ? 1 : SSL_write(ssl, buffer.baseAddress, CInt(buffer.count))
        }
        guard result > 0 else { throw .drain("SSL_write") }
    }

    /// Appends a close_notify alert to the output, once.
    func shutdown() {
        ERR_clear_error()
        if SSL_in_init(ssl) == 0 { SSL_shutdown(ssl) }
        ERR_clear_error()
    }

    /// What is to be sent; empty if nothing.
    func takeOutput(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
        let count = shim_BIO_ctrl_pending(output)
        guard count > 0 else { return nil }
        var buffer = allocator.buffer(capacity: count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
            max(0, Int(BIO_read(output, target.baseAddress, CInt(count))))
        }
        return buffer
    }

    /// What was agreed, once the handshake is done.
    func agreement() -> TLSHandshake {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &start, &count)
        return TLSHandshake(
            applicationProtocol: start.map { String(decoding: UnsafeBufferPointer(start: $0, count: Int(count)), as: UTF8.self) },
            serverName: negotiation.serverName, version: String(cString: SSL_get_version(ssl)), isResumed: SSL_session_reused(ssl) == 1,
            clientCertificateDER: clientCertificateDER())
    }

    private func clientCertificateDER() -> [UInt8]? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(certificate, &start)
        guard count > 0, let start else { return nil }
        defer { CRYPTO_free(start, nil, 0) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    private func step(_ result: CInt, _ operation: String) -> Step {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: .needsInput
        case SSL_ERROR_ZERO_RETURN: .peerClosed
        default: .failed(.drain(operation))
        }
    }
}
