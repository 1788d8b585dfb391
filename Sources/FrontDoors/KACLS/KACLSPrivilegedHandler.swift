import KeyCore
import Primitives

/// `privilegedwrap`, `privilegedunwrap` and `wrapprivatekey`: what administrators do without Google's token, and what another key service
/// may ask of us when keys move there.
struct KACLSPrivilegedHandler: Sendable {
    let tokens: KACLSTokens
    let keys: KeyService
    let rsa: KACLSWorkers

    /// Wraps for an import; resource and perimeter are what the body says.
    func wrap(_ call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let dek = try call.request.secret(.key, atMost: KACLSDataKey.maxBytes)
        let resource = try call.request.text(.resourceName, atMost: 128)
        let perimeter = try call.request.optionalText(.perimeterID, atMost: 128) ?? ""
        let key = try KACLSDataKey(dek, resourceName: resource, perimeterID: perimeter, flags: .privileged)
        noted.resource = resource
        let administrator = try await tokens.administrator(call, call.kacls.privileged, noting: &noted)
        let grant = try call.endpoint.policy.authorize(call.accessRequest(
            .privilegedWrap, by: administrator.email, as: .user, resource: resource, perimeter: perimeter,
            with: TokenFacts(authentication: administrator.token.claims)))
        noted.obligations = grant.obligations.names
        let blob = try await keys.wrap(
            key.encoded(at: call.http.receivedAt), aad: KACLSDataKey.aad, label: .kacls, under: grant, recording: noted,
            since: call.http.receivedNanoseconds)
        return KACLSAnswer.bytes("wrapped_key", try KACLSAnswer.wrappedKey(blob))
    }

    /// Unwraps for a takeout, or for another key service.
    func unwrap(_ call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let blob = try call.wrappedKey()
        let resource = try call.request.text(.resourceName, atMost: 128)
        noted.resource = resource
        let (principal, kinds, facts) = try await caller(call, resource, noting: &noted)
        let record = noted
        let dek = try await keys.use(
            blob, of: call.endpoint.keyID, aad: KACLSDataKey.aad, label: .kacls, since: call.http.receivedNanoseconds
        ) { content in
            let key = try KACLSDataKey(decoding: content.bytes)
            guard key.resourceName.utf8.elementsEqual(resource.utf8) else {
                throw KACLSError(403, "the wrapped key is for another resource", cause: "resource-name")
            }
            let grant = try call.endpoint.policy.authorize(call.accessRequest(
                .privilegedUnwrap, by: principal, as: kinds, resource: resource, perimeter: key.perimeterID, with: facts))
            return (grant, record.with(grant), SharedSecret(key.dek.copy()))
        }
        return KACLSAnswer.secret("key", dek.bytes)
    }

    /// An administrator, or another key service: told apart by who issued the token.
    private func caller(
        _ call: KACLSCall, _ resource: String, noting noted: inout AuditRecord
    ) async throws -> (principal: String, kinds: CallerKinds, TokenFacts) {
        let text = try call.request.token(.authentication)
        let token = try await tokens.verify(text, call.kacls.privilegedAndPeers, "authentication")
        guard let peer = call.kacls.peer(of: token) else {
            let administrator = try await tokens.administrator(call, call.kacls.privileged, noting: &noted)
            return (administrator.email, .user, TokenFacts(authentication: administrator.token.claims))
        }
        try call.admit()
        noted.principal = peer.url.description
        noted.proofs.append(KACLSAudit.name(token, text))
        let claims = KACLSClaimReader(claims: token.claims, token: "authentication")
        guard let url = try claims.text("kacls_url", atMost: 2048), call.kacls.isOwn(url: url) else {
            throw KACLSError(403, "authentication: kacls_url is not this endpoint", cause: "kacls-url")
        }
        guard let named = try claims.text("resource_name", atMost: 128), named.utf8.elementsEqual(resource.utf8) else {
            throw KACLSError(403, "authentication: resource_name is not the request's", cause: "resource-name")
        }
        return (peer.url.description, .peer, TokenFacts(authentication: token.claims))
    }

    /// Wraps a user's S/MIME key, for upload to Gmail.
    func wrapPrivateKey(_ call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let text = SharedSecret(try call.request.rawSecret(.privateKey, atMost: 16 << 10))
        let perimeter = try call.request.optionalText(.perimeterID, atMost: 128) ?? ""
        let administrator = try await tokens.administrator(call, call.kacls.privileged, noting: &noted)
        let grant = try call.endpoint.policy.authorize(call.accessRequest(
            .wrapPrivateKey, by: administrator.email, as: .user, resource: nil, perimeter: perimeter,
            with: TokenFacts(authentication: administrator.token.claims)))
        noted.obligations = grant.obligations.names
        let now = call.http.receivedAt
        let content = try await rsa.run {
            let key = try KACLSPrivilegedHandler.smimeKey(text.bytes)
            return SharedSecret(try KACLSPrivateKey(key, perimeterID: perimeter).encoded(at: now))
        }
        let blob = try await keys.wrap(
            content.bytes, aad: KACLSPrivateKey.aad, label: .kacls, under: grant, recording: noted, since: call.http.receivedNanoseconds)
        return KACLSAnswer.bytes("wrapped_private_key", blob)
    }

    /// A key that Gmail can use.
    private static func smimeKey(_ text: borrowing SecretBytes) throws -> PrivateKey {
        let key: PrivateKey
        do { key = try PrivateKey(text: text) } catch {
            throw KACLSDecodingFailure(field: KACLSField.privateKey.rawValue, problem: "\(error)")
        }
        guard [.rsa(bits: 2048), .rsa(bits: 3072), .rsa(bits: 4096)].contains(key.type) else {
            throw KACLSDecodingFailure(
                field: KACLSField.privateKey.rawValue, problem: "expected an RSA key of 2048, 3072 or 4096 bits, found \(key.type)")
        }
        return key
    }
}
