import COpenSSL

/// One immutable set of identities with their `SSL_CTX`s. A reload makes a new set; connections keep the one they began with.
///
/// TLS 1.2 (ECDHE with AEAD only) and 1.3; no renegotiation, no compression, no early data.
package final class TLSServerContext: @unchecked Sendable {  // SSL_CTX counts references atomically and isn't changed after init
    let ticketKeys: TLSTicketKeys
    /// What is spoken over TLS, best first, as `h2` (RFC 7301).
    let applicationProtocols: [String]
    private let contexts: [OpaquePointer]
    private let verifyModes: [CInt]
    private let verifyCallbacks: [VerifyCallback]
    private let indexByName: [String: Int]

    /// Loads `identities`; the first is shown to clients that ask for no name or for an unknown one.
    /// - Throws: `.configuration` naming the identity whose certificate, key or trust can't be used.
    package init(
        identities: [TLSServerIdentity], ticketKeys: TLSTicketKeys, applicationProtocols: [String] = ["h2", "http/1.1"]
    ) throws(TLSError) {
        guard !identities.isEmpty else { throw .configuration("a TLS listener needs at least one certificate") }
        var contexts: [OpaquePointer] = []
        var indexByName: [String: Int] = [:]
        do {
            for (index, identity) in identities.enumerated() {
                contexts.append(try makeServerContext(identity))
                for name in identity.serverNames where indexByName[name] == nil { indexByName[name] = index }
            }
        } catch {
            contexts.forEach { SSL_CTX_free($0) }
            throw error
        }
        self.ticketKeys = ticketKeys
        self.applicationProtocols = applicationProtocols
        self.contexts = contexts
        self.indexByName = indexByName
        verifyModes = identities.map { identity in
            switch identity.clientCertificates {
            case .none: SSL_VERIFY_NONE
            case .optional, .pinned: SSL_VERIFY_PEER
            case .required: SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
            }
        }
        verifyCallbacks = identities.map { $0.clientCertificates == .pinned ? { _, _ in 1 } : { isValid, _ in isValid } }
    }

    deinit { contexts.forEach { SSL_CTX_free($0) } }

    /// A new server-side `SSL`, which the caller frees, and to which it attaches a `TLSServerNegotiation`.
    func makeSSL() throws(TLSError) -> OpaquePointer {
        guard let ssl = SSL_new(contexts[0]) else { throw .handshake(.drain("SSL_new")) }
        SSL_set_verify(ssl, verifyModes[0], verifyCallbacks[0])
        SSL_set_accept_state(ssl)
        return ssl
    }

    /// Gives `ssl` the identity for `serverName` (the first one if nil or unknown), before anything else of the hello is looked at.
    /// - Returns: false if OpenSSL has no memory for it.
    func select(_ serverName: String?, for ssl: OpaquePointer) -> Bool {
        let index = serverName.flatMap(index(of:)) ?? 0
        // Always with a callback: without one OpenSSL would keep that of the first identity.
        SSL_set_verify(ssl, verifyModes[index], verifyCallbacks[index])
        return SSL_set_SSL_CTX(ssl, contexts[index]) == contexts[index]
    }

    private func index(of serverName: String) -> Int? {
        if let index = indexByName[serverName] { return index }
        return serverName.firstIndex(of: ".").flatMap { indexByName["*\(serverName[$0...])"] }
    }
}

/// Has the last word on a client's certificate, 1 for yes.
private typealias VerifyCallback = @convention(c) (CInt, OpaquePointer?) -> CInt

private func makeServerContext(_ identity: TLSServerIdentity) throws(TLSError) -> OpaquePointer {
    ERR_clear_error()
    guard let context = SSL_CTX_new(TLS_server_method()) else { throw .handshake(.drain("SSL_CTX_new")) }
    do {
        try setProtocol(context)
        try setIdentity(context, identity)
        try setTrust(context, identity)
        return context
    } catch {
        SSL_CTX_free(context)
        throw error
    }
}

private func setProtocol(_ context: OpaquePointer) throws(TLSError) {
    shim_SSL_CTX_set_server_options(context)
    shim_SSL_CTX_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS))
    shim_SSL_CTX_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
    let accepted = shim_SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1
        && SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
        && SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1
        && shim_SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1
        && SSL_CTX_set_max_early_data(context, 0) == 1
        && SSL_CTX_set_num_tickets(context, 1) == 1
        && shim_SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticketKeyCallback) == 1
    guard accepted else { throw .handshake(.drain("SSL_CTX_set_…")) }
    SSL_CTX_set_client_hello_cb(context, clientHelloCallback, nil)
    SSL_CTX_set_alpn_select_cb(context, applicationProtocolCallback, nil)
}

private func setIdentity(_ context: OpaquePointer, _ identity: TLSServerIdentity) throws(TLSError) {
    let name = identity.serverNames.first ?? "the default name"
    let chain = try readCertificates(identity.certificatePEM, what: "certificate for \(name)")
    defer { chain.forEach { X509_free($0) } }
    guard SSL_CTX_use_certificate(context, chain[0]) == 1 else {
        throw .configuration("certificate for \(name): \(OpenSSLError.drain("SSL_CTX_use_certificate"))")
    }
    for intermediate in chain.dropFirst() where shim_SSL_CTX_add1_chain_cert(context, intermediate) != 1 {
        throw .configuration("certificate chain for \(name): \(OpenSSLError.drain("SSL_CTX_add1_chain_cert"))")
    }
    let key = identity.privateKeyPEM.bytes.withPointer { pointer -> OpaquePointer? in
        guard let bio = BIO_new_mem_buf(pointer, CInt(identity.privateKeyPEM.bytes.count)) else { return nil }
        defer { BIO_free(bio) }
        return PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil)  // there is no passphrase
    }
    guard let key else {
        throw .configuration("private key for \(name): expected an unencrypted PEM private key (\(OpenSSLError.drain("PEM_read_bio_PrivateKey")))")
    }
    defer { EVP_PKEY_free(key) }
    guard SSL_CTX_use_PrivateKey(context, key) == 1, SSL_CTX_check_private_key(context) == 1 else {
        throw .configuration("private key for \(name) does not belong to its certificate (\(OpenSSLError.drain("SSL_CTX_check_private_key")))")
    }
    try separateSessions(context, identity)
}

/// Sessions of one identity must not be resumed under another that asks more of its clients.
private func separateSessions(_ context: OpaquePointer, _ identity: TLSServerIdentity) throws(TLSError) {
    let description = Array((identity.serverNames.joined(separator: ",") + "|\(identity.clientCertificates)").utf8)
    var digest = [UInt8](repeating: 0, count: 32)
    guard EVP_Digest(description, description.count, &digest, nil, EVP_sha256(), nil) == 1,
        SSL_CTX_set_session_id_context(context, digest, 32) == 1
    else { throw .handshake(.drain("SSL_CTX_set_session_id_context")) }
}

private func setTrust(_ context: OpaquePointer, _ identity: TLSServerIdentity) throws(TLSError) {
    let trustPEM: String
    switch identity.clientCertificates {
    case .none, .pinned: return
    case .optional(let pem), .required(let pem): trustPEM = pem
    }
    let anchors = try readCertificates(trustPEM, what: "client trust for \(identity.serverNames.first ?? "the default name")")
    defer { anchors.forEach { X509_free($0) } }
    guard let store = X509_STORE_new() else { throw .handshake(.drain("X509_STORE_new")) }
    defer { X509_STORE_free(store) }
    X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))  // a pinned leaf is its own anchor
    for anchor in anchors {
        guard X509_STORE_add_cert(store, anchor) == 1, SSL_CTX_add_client_CA(context, anchor) == 1 else {
            throw .handshake(.drain("X509_STORE_add_cert"))
        }
    }
    guard shim_SSL_CTX_set1_verify_cert_store(context, store) == 1 else { throw .handshake(.drain("SSL_CTX_set1_verify_cert_store")) }
}

private func readCertificates(_ pem: String, what: String) throws(TLSError) -> [OpaquePointer] {
    ERR_clear_error()
    var certificates: [OpaquePointer] = []
    let bytes = Array(pem.utf8)
    bytes.withUnsafeBytes { buffer in
        guard let bio = BIO_new_mem_buf(buffer.baseAddress, CInt(clamping: buffer.count)) else { return }
        defer { BIO_free(bio) }
        while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) { certificates.append(certificate) }
    }
    let last = ERR_peek_last_error()  // the end of the text is an error to PEM_read_bio: “no start line”
    let failure = OpenSSLError.drain("PEM_read_bio_X509")
    guard ERR_GET_LIB(last) == ERR_LIB_PEM, ERR_GET_REASON(last) == PEM_R_NO_START_LINE else {
        certificates.forEach { X509_free($0) }
        throw .configuration("\(what): expected PEM certificates, found one that can't be read (\(failure))")
    }
    guard !certificates.isEmpty else { throw .configuration("\(what): expected PEM certificates, found none") }
    return certificates
}
