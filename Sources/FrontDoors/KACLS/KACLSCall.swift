import KeyCore
import Primitives

/// A request whose endpoint and method are known and whose body has been read: what the handlers of the methods work on.
struct KACLSCall: Sendable {
    let http: HTTPRequest
    let method: KACLSMethod
    let endpoint: Endpoint
    let kacls: KACLSEndpoint
    let request: KACLSRequest
    /// The caller's own words.
    let reason: String?
    /// Takes one request's place of those that the endpoint answers in a second (429), once its tokens are known to be good: strangers must not use
    /// them up.
    let admit: @Sendable () throws(KACLSError) -> Void

    /// What the policy is asked about a use by somebody.
    func accessRequest(
        _ operation: Operation, by principal: String, as kinds: CallerKinds, resource: String?, perimeter: String, with tokens: TokenFacts
    ) -> AccessRequest {
        AccessRequest(
            operation, of: endpoint.keyID, by: principal, resource: resource, perimeter: perimeter, from: http.address,
            at: http.receivedAt, as: kinds, with: tokens)
    }
}

/// The events of this front door.
enum KACLSAudit {
    static func event(_ method: KACLSMethod?) -> AuditEvent {
        switch method {
        case .wrap: AuditEvent("kacls.wrap")
        case .unwrap: AuditEvent("kacls.unwrap")
        case .delegate: AuditEvent("kacls.delegate")
        case .privateKeyDecrypt: AuditEvent("kacls.privatekeydecrypt")
        case .privateKeySign: AuditEvent("kacls.privatekeysign")
        case .privilegedWrap: AuditEvent("kacls.privilegedwrap")
        case .privilegedUnwrap: AuditEvent("kacls.privilegedunwrap")
        case .privilegedPrivateKeyDecrypt: AuditEvent("kacls.privilegedprivatekeydecrypt")
        case .digest: AuditEvent("kacls.digest")
        case .rewrap: AuditEvent("kacls.rewrap")
        case .wrapPrivateKey: AuditEvent("kacls.wrapprivatekey")
        case .status: AuditEvent("kacls.status")
        case .certs: AuditEvent("kacls.certs")
        case nil: AuditEvent("kacls.other")
        }
    }

    /// A record with what is known of any request; its outcome is still to be set.
    static func record(_ method: KACLSMethod?, _ http: HTTPRequest, endpoint: Endpoint?) -> AuditRecord {
        var record = AuditRecord(event(method), .failed, at: http.receivedAt)
        record.requestID = http.requestID
        record.remoteAddress = http.remoteAddress
        record.endpointID = endpoint?.id
        record.endpointName = endpoint?.name
        record.keyID = endpoint?.keyID
        return record
    }

    /// Names a token without holding any of it: its `jti`, or the beginning of its SHA-256.
    static func name(_ token: VerifiedToken, _ text: [UInt8]) -> String {
        if let id = token.claims["jti"]?.string, !id.isEmpty { return id }
        return "sha256:" + Hex.string(Digest.sha256(text).prefix(8))
    }
}
