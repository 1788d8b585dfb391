import KeyCore
import Primitives

/// Which handler answers which method.
struct KACLSMethods: Sendable {
    private let status: KACLSStatusHandler
    private let wrap: KACLSWrapHandler
    private let unwrap: KACLSUnwrapHandler
    private let delegate: KACLSDelegateHandler
    private let privateKey: KACLSPrivateKeyHandler
    private let privileged: KACLSPrivilegedHandler
    private let migration: KACLSMigrationHandler
    private let ring: SigningKeyRing

    init(
        tokens: KACLSTokens, keys: KeyService, ring: SigningKeyRing, rsa: KACLSWorkers, peers: KACLSPeerClient, audit: any AuditSink,
        version: String
    ) {
        self.ring = ring
        status = KACLSStatusHandler(version: version, keys: keys, audit: audit)
        wrap = KACLSWrapHandler(tokens: tokens, keys: keys)
        unwrap = KACLSUnwrapHandler(tokens: tokens, keys: keys)
        delegate = KACLSDelegateHandler(tokens: tokens, ring: ring, rsa: rsa, audit: audit)
        privateKey = KACLSPrivateKeyHandler(tokens: tokens, keys: keys, rsa: rsa)
        privileged = KACLSPrivilegedHandler(tokens: tokens, keys: keys, rsa: rsa)
        migration = KACLSMigrationHandler(tokens: tokens, keys: keys, peers: peers)
    }

    /// The answer to a request without tokens.
    func answer(_ method: KACLSMethod, _ endpoint: Endpoint, _ kacls: KACLSEndpoint) async throws -> HTTPResponse {
        guard method == .certs else { return try await status.respond(endpoint, kacls) }
        return HTTPResponse(
            status: 200, headers: [("Content-Type", "application/json"), ("Cache-Control", "public, max-age=300")],
            body: Array(ring.jwks.utf8))
    }

    /// The answer to a request with tokens.
    func answer(_ call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        switch call.method {
        case .wrap: try await wrap.respond(to: call, noting: &noted)
        case .unwrap: try await unwrap.respond(to: call, noting: &noted)
        case .delegate: try await delegate.respond(to: call, noting: &noted)
        case .privateKeySign: try await privateKey.sign(call, noting: &noted)
        case .privateKeyDecrypt: try await privateKey.decrypt(call, noting: &noted)
        case .privilegedPrivateKeyDecrypt: try await privateKey.decryptPrivileged(call, noting: &noted)
        case .privilegedWrap: try await privileged.wrap(call, noting: &noted)
        case .privilegedUnwrap: try await privileged.unwrap(call, noting: &noted)
        case .wrapPrivateKey: try await privileged.wrapPrivateKey(call, noting: &noted)
        case .digest: try await migration.digest(call, noting: &noted)
        case .rewrap: try await migration.rewrap(call, noting: &noted)
        case .status, .certs: throw KACLSError(404, "no such method here", cause: "unknown-method")
        }
    }
}
