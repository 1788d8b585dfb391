import KeyCore
import Primitives

/// `wrap`: the client's data key in, a wrapped key out that remembers resource and perimeter.
struct KACLSWrapHandler: Sendable {
    let tokens: KACLSTokens
    let keys: KeyService

    func respond(to call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let dek = try call.request.secret(.key, atMost: KACLSDataKey.maxBytes)
        let parties = try await tokens.parties(call, roles: ["writer", "upgrader"], mayBeDelegate: true, noting: &noted)
        guard let resource = parties.authorization.resourceName else {
            throw KACLSError(403, "authorization: resource_name is missing", cause: "resource-name")
        }
        let perimeter = parties.authorization.perimeterID
        let key = try KACLSDataKey(dek, resourceName: resource, perimeterID: perimeter)
        let grant = try call.endpoint.policy.authorize(call.accessRequest(
            .wrap, by: parties.authorization.email, as: parties.kinds, resource: resource, perimeter: perimeter, with: parties.facts))
        noted.obligations = grant.obligations.names
        let blob = try await keys.wrap(
            key.encoded(at: call.http.receivedAt), aad: KACLSDataKey.aad, label: .kacls, under: grant, recording: noted,
            since: call.http.receivedNanoseconds)
        return KACLSAnswer.bytes("wrapped_key", try KACLSAnswer.wrappedKey(blob))
    }
}
