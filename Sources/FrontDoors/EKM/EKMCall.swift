import KeyCore
import Primitives

/// A request that has been authenticated and routed: what the handlers of the methods work on.
struct EKMCall: Sendable {
    let http: HTTPRequest
    let method: EKMMethod
    let endpoint: Endpoint
    let token: VerifiedToken

    /// What the policy is asked.
    func accessRequest(_ context: EKMRequestContext) -> AccessRequest {
        AccessRequest(
            method == .wrap ? .wrap : .unwrap, of: endpoint.keyID, by: token.principal, because: context.justification,
            resource: context.relativeResourceName, from: http.address, at: http.receivedAt)
    }

    /// What is known for the audit, before the outcome is.
    func record(_ request: EKMRequest?) -> AuditRecord {
        var record = EKMAudit.record(method, http, endpoint: endpoint)
        record.principal = token.principal
        guard let context = request?.context else { return record }
        record.resource = context.relativeResourceName ?? context.fullResourceName
        record.project = context.project
        record.justification = context.justification.name
        record.isHealthCheck = context.isKeyHealthCheck
        return record
    }

    /// The checks that the policy document doesn't make: agreement of body and URL, and the endpoint's list of projects.
    func check(_ request: EKMRequest) throws(EKMError) {
        if let keyPath = request.keyPath, !keyPath.isEmpty {
            let prefix = request.keyURIPrefix.map { $0.isEmpty || $0.hasSuffix("/") ? $0 : $0 + "/" } ?? ""
            let agrees = [keyPath, prefix + keyPath].contains { path in
                endpoint.path == path || endpoint.path.hasSuffix("/" + path) || path.hasSuffix("/" + endpoint.path)
            }
            guard agrees else {
                throw EKMError(
                    status: 400, code: 3, "key_path does not agree with the URL", cause: "invalid-argument",
                    fields: ["google.cloud.ekms.v0.\(method == .wrap ? "Wrap" : "Unwrap")Request.key_path"])
            }
        }
        guard endpoint.allowedProjects.isEmpty || endpoint.allowedProjects.contains(request.context.project ?? "") else {
            throw EKMError(status: 403, code: 7, "the project is not permitted to use this key", cause: "project")
        }
    }
}

/// The events of this front door.
enum EKMAudit {
    static let wrap = AuditEvent("ekm.wrap")
    static let unwrap = AuditEvent("ekm.unwrap")
    static let other = AuditEvent("ekm.other")

    /// A record with what is known of any request; its outcome is still to be set.
    static func record(_ method: EKMMethod?, _ http: HTTPRequest, endpoint: Endpoint?) -> AuditRecord {
        let event = switch method {
        case .wrap: wrap
        case .unwrap: unwrap
        default: other
        }
        var record = AuditRecord(event, .failed, at: http.receivedAt)
        record.requestID = http.requestID
        record.remoteAddress = http.remoteAddress
        record.endpointID = endpoint?.id
        record.endpointName = endpoint?.name
        record.keyID = endpoint?.keyID
        return record
    }
}
