import KeyCore
import Primitives

/// A failure as Google Cloud KMS is told of it: a bare `google.rpc.Status` in JSON under the standard HTTP status.
///
/// 403 and 404 are told on purpose only, because Cloud KMS disables a key version on 403; a fault of ours is 503 or 500.
struct EKMError: Error, Equatable {
    /// The HTTP status.
    let status: Int
    /// The number of the `google.rpc.Code`.
    let code: Int
    /// For the caller: which rule failed; nothing of keys, backends or other tenants.
    let message: String
    /// The fields that a `google.rpc.BadRequest` detail names; none if empty.
    var fields: [String] = []
    /// For the audit: a short stable word.
    var cause: String

    init(status: Int, code: Int, _ message: String, cause: String, fields: [String] = []) {
        (self.status, self.code, self.message, self.cause, self.fields) = (status, code, message, cause, fields)
    }

    /// The failure of a step for `method`.
    init(_ error: any Error, method: EKMMethod) {
        switch error {
        case let error as EKMError: self = error
        case let error as EKMDecodingFailure:
            self.init(
                status: 400, code: 3, "\(error.field): \(error.problem)", cause: "invalid-argument",
                fields: ["google.cloud.ekms.v0.\(error.field)"])
        case let error as TokenRejection: self.init(error)
        case let error as Rejection: self.init(error, method: method)
        case let error as KeyServiceError: self.init(error)
        default: self.init(status: 500, code: 13, "internal error", cause: "internal")
        }
    }

    private init(_ error: TokenRejection) {
        if error == .keysUnavailable {
            self.init(status: 503, code: 14, error.rule, cause: error.code)
        } else {
            self.init(status: 401, code: 16, error.rule, cause: error.code)
        }
    }

    private init(_ rejection: Rejection, method: EKMMethod) {
        guard case .justification(let reason) = rejection.cause else {
            self.init(status: 403, code: 7, "not permitted by the key's policy", cause: "policy-\(rejection.cause.name)")
            return
        }
        let message = method == .wrap ? "WrapRequest" : "UnwrapRequest"
        let shown = reason == "missing" ? "The access reason is missing, which" : "Access reason '\(reason)'"
        self.init(
            status: 403, code: 7, "\(shown) is not allowed by the key policy", cause: "policy-justification",
            fields: ["google.cloud.ekms.v0.\(message).additionalContext.accessReasonContext.reason", reason])
    }

    private init(_ error: KeyServiceError) {
        switch error {
        case .undecryptable:
            self.init(status: 400, code: 3, "the wrapped blob does not open with this key and additional data", cause: "undecryptable")
        case .keyNotFound: self.init(status: 404, code: 5, "the key does not exist any more", cause: "key-not-found")
        case .unusable: self.init(status: 400, code: 9, "the key is not in a state to do this", cause: "key-unusable")
        case .suspended: self.init(status: 403, code: 7, "the key is suspended", cause: "key-suspended")
        case .sourceUnavailable: self.init(status: 503, code: 14, "the key source is not available", cause: "source-unavailable")
        case .deadlineExceeded: self.init(status: 504, code: 4, "the key source did not answer in time", cause: "deadline")
        case .auditUnavailable: self.init(status: 503, code: 14, "the service is not available", cause: "audit-unavailable")
        }
    }

    /// Whether it is a decision against the caller; otherwise something didn't work.
    var isRefusal: Bool { status == 401 || status == 403 || status == 404 }

    /// The answer.
    var response: HTTPResponse {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("code", Int64(code))
            writer.member("message", message)
            guard !fields.isEmpty else { return }
            writer.name("details")
            writer.array { writer in
                writer.object { writer in
                    writer.member("@type", "type.googleapis.com/google.rpc.BadRequest")
                    writer.name("fieldViolations")
                    writer.array { writer in
                        for field in fields { writer.object { $0.member("field", field) } }
                    }
                }
            }
        }
        var headers = EKMAnswer.headers
        if status == 503 { headers.append(("Retry-After", "1")) }
        if status == 401 { headers.append(("WWW-Authenticate", "Bearer")) }
        if status == 405 { headers.append(("Allow", "POST")) }
        return HTTPResponse(status: status, headers: headers, body: writer.bytes)
    }
}

/// What all answers of this front door share.
enum EKMAnswer {
    static let headers: [(name: String, value: String)] = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]

    /// `{"<name>":"<base64>"}`
    static func bytes(_ name: String, _ value: [UInt8]) -> HTTPResponse {
        var writer = JSONWriter(reserving: value.count * 4 / 3 + 64)
        writer.object { $0.member(name, base64: value) }
        return HTTPResponse(status: 200, headers: headers, body: writer.bytes)
    }

    /// `{"<name>":"<base64>"}`
    static func secret(_ name: String, _ value: borrowing SecretBytes) -> HTTPResponse {
        var writer = JSONWriter(reserving: value.count * 4 / 3 + 64)
        writer.openObject()
        writer.member(name, base64: value)
        writer.closeObject()
        return HTTPResponse(status: 200, headers: headers, body: writer.bytes)
    }
}
