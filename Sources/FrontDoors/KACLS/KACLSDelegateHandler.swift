import KeyCore
import Primitives

/// `delegate`: a user lets a device without a sign-in of its own, such as a meeting room's, act for them on one resource.
struct KACLSDelegateHandler: Sendable {
    let tokens: KACLSTokens
    let ring: SigningKeyRing
    let rsa: KACLSWorkers
    let audit: any AuditSink

    func respond(to call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let parties = try await tokens.delegator(call, noting: &noted)
        guard let device = parties.authorization.delegatedTo, !device.isEmpty, let resource = parties.authorization.resourceName else {
            throw KACLSError(403, "authorization: delegated_to or resource_name is missing", cause: "delegated-to")
        }
        let grant = try call.endpoint.policy.authorize(call.accessRequest(
            .delegate, by: parties.authorization.email, as: parties.kinds, resource: resource, perimeter: parties.authorization.perimeterID,
            with: parties.facts))
        let claims = try self.claims(call, parties.authentication, device, resource)
        let token = try await rsa.run { [ring] in try ring.sign(claims) }
        var record = noted.with(grant)
        (record.outcome, record.status, record.device) = (.allowed, 200, device)
        do { try await audit.append(record) } catch { throw KeyServiceError.auditUnavailable }
        return KACLSAnswer.object { $0.member("delegated_authentication", token) }
    }

    private func claims(
        _ call: KACLSCall, _ source: KACLSAuthentication, _ device: String, _ resource: String
    ) throws -> JSONValue {
        guard let url = call.kacls.url?.description else { throw KACLSError(500, "the endpoint has no URL", cause: "internal") }
        let now = call.http.receivedAt
        let end = min(now + call.kacls.options.delegationLifetime, source.token.expiresAt)
        let claims: JSONValue = [
            "iss": .string(url), "aud": .string(url), "email": .string(source.token.claims["email"]?.string ?? source.email),
            "delegated_to": .string(device), "resource_name": .string(resource), "iat": .integer(now.seconds), "exp": .integer(end.seconds),
            "jti": .string(try UUIDBytes.random().description),
        ]
        let own = source.hasGoogleEmail ? claims.adding(["google_email": .string(source.email)]) : claims
        return try KACLSDelegation.adding(source.token, to: own)
    }
}
