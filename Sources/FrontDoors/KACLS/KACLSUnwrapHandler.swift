import KeyCore
import Primitives

/// `unwrap`: a wrapped key in, the data key out. Who wrapped it doesn't matter; for which resource does. The policy is asked when
/// the perimeter inside is known.
struct KACLSUnwrapHandler: Sendable {
    let tokens: KACLSTokens
    let keys: KeyService

    func respond(to call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let blob = try call.wrappedKey()
        let parties = try await tokens.parties(call, roles: ["reader", "writer"], mayBeDelegate: true, noting: &noted)
        let record = noted
        let dek = try await keys.use(
            blob, of: call.endpoint.keyID, aad: KACLSDataKey.aad, label: .kacls, since: call.http.receivedNanoseconds
        ) { content in
            let key = try KACLSDataKey(decoding: content.bytes)
            guard let resource = parties.authorization.resourceName, resource.utf8.elementsEqual(key.resourceName.utf8) else {
                throw KACLSError(403, "the wrapped key is for another resource", cause: "resource-name")
            }
            let grant = try call.endpoint.policy.authorize(call.accessRequest(
                .unwrap, by: parties.authorization.email, as: parties.kinds, resource: resource, perimeter: key.perimeterID,
                with: parties.facts))
            return (grant, record.with(grant), SharedSecret(key.dek.copy()))
        }
        return KACLSAnswer.secret("key", dek.bytes)
    }
}

extension KACLSCall {
    /// The wrapped key of the body.
    func wrappedKey() throws -> WrappedBlob {
        let bytes = try request.bytes(.wrappedKey, atMost: KACLSDataKey.maxBlobBytes)
        guard let blob = WrappedBlob(bytes) else {
            throw KACLSDecodingFailure(field: KACLSField.wrappedKey.rawValue, problem: "expected a key that was wrapped here")
        }
        return blob
    }
}

extension AuditRecord {
    /// The same with what the grant obliges us to.
    func with(_ grant: Grant) -> AuditRecord {
        var record = self
        record.obligations = grant.obligations.names
        return record
    }
}
