import KeyCore
import Primitives

/// `digest` and `rewrap`: what Google asks when keys move from one key service to another.
struct KACLSMigrationHandler: Sendable {
    let tokens: KACLSTokens
    let keys: KeyService
    let peers: KACLSPeerClient

    /// The hash of what is inside a wrapped key: Google compares it before and after a move.
    func digest(_ call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let blob = try call.wrappedKey()
        let authorization = try await tokens.service(call, role: "verifier", noting: &noted)
        let record = noted
        let hash = try await keys.use(
            blob, of: call.endpoint.keyID, aad: KACLSDataKey.aad, label: .kacls, since: call.http.receivedNanoseconds
        ) { content in
            let key = try KACLSDataKey(decoding: content.bytes)
            if let resource = authorization.resourceName, !resource.utf8.elementsEqual(key.resourceName.utf8) {
                throw KACLSError(403, "the wrapped key is for another resource", cause: "resource-name")
            }
            let grant = try call.endpoint.policy.authorize(call.accessRequest(
                .digest, by: authorization.email, as: .service, resource: key.resourceName, perimeter: key.perimeterID,
                with: TokenFacts(authorization: authorization.token.claims)))
            return (grant, record.with(grant), try key.resourceKeyHash())
        }
        return KACLSAnswer.bytes("resource_key_hash", hash)
    }

    /// Has the key service from which a key comes unwrap it, and wraps it here. Only those that an administrator has named are asked;
    /// for others nothing is resolved and nothing is sent (N17).
    func rewrap(_ call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let wrapped = try call.request.text(.wrappedKey, atMost: 16 << 10)
        let original = try call.request.text(.originalURL, atMost: 2048)
        let authorization = try await tokens.service(call, role: "migrator", noting: &noted)
        noted.peer = original
        guard authorization.token.claims["iss"]?.string == GoogleCSEIssuer.migration.value else {
            throw KACLSError(403, "authorization: this issuer may not migrate keys", cause: "migration-issuer")
        }
        guard let resource = authorization.resourceName, (1...128).contains(resource.utf8.count) else {
            throw KACLSError(403, "authorization: expected a resource_name of 1 to 128 bytes", cause: "resource-name")
        }
        guard let peer = call.kacls.rewrapPeer(original) else {
            throw KACLSError(403, "original_kacls_url is not a key service from which keys are taken over", cause: "peer")
        }
        let grant = try call.endpoint.policy.authorize(call.accessRequest(
            .rewrap, by: authorization.email, as: .service, resource: resource, perimeter: authorization.perimeterID,
            with: TokenFacts(authorization: authorization.token.claims)))
        noted.obligations = grant.obligations.names
        let dek = try await peers.unwrap(wrapped, resource: resource, at: peer, calledBy: original, for: call)
        let key = try KACLSDataKey(dek, resourceName: resource, perimeterID: authorization.perimeterID, flags: .rewrapped)
        let hash = try key.resourceKeyHash()
        let blob = try await keys.wrap(
            key.encoded(at: call.http.receivedAt), aad: KACLSDataKey.aad, label: .kacls, under: grant, recording: noted,
            since: call.http.receivedNanoseconds)
        let text = try KACLSAnswer.wrappedKey(blob)
        return KACLSAnswer.object { writer in
            writer.member("wrapped_key", base64: text)
            writer.member("resource_key_hash", base64: hash)
        }
    }
}
