import Primitives

/// A stable name for what went wrong; programs decide by it, and it never changes its meaning.
package enum ProblemCode: String, Sendable, CaseIterable {
    /// The request is no well-formed HTTP or JSON.
    case malformedRequest = "malformed_request"
    /// A field, parameter or header has a value that isn't allowed; `errors` names each.
    case invalidField = "invalid_field"
    /// Nobody is signed in, or what proves it is wrong, expired or withdrawn.
    case unauthenticated
    /// Signed in, but not allowed to do this.
    case permissionDenied = "permission_denied"
    /// Signed in with a password that must be changed first.
    case passwordChangeRequired = "password_change_required"
    /// There is no such thing, or the caller may not know of it.
    case notFound = "not_found"
    /// The path has no such method.
    case methodNotAllowed = "method_not_allowed"
    /// Something has that name already.
    case exists
    /// The thing is in a state that doesn't permit this.
    case wrongState = "wrong_state"
    /// Needs an explicit yes, because of what it would do.
    case confirmationRequired = "confirmation_required"
    /// The thing was changed since the caller read it (`If-Match`).
    case preconditionFailed = "precondition_failed"
    /// The same `Idempotency-Key` came with another request.
    case idempotencyConflict = "idempotency_conflict"
    /// The body is larger than this resource takes.
    case bodyTooLarge = "body_too_large"
    /// The body isn't of a kind that this resource takes.
    case unsupportedMediaType = "unsupported_media_type"
    /// Too much, too often; `Retry-After` says when to come back.
    case tooManyRequests = "too_many_requests"
    /// A request with the same `Idempotency-Key` was begun, and it isn't known what came of it.
    case idempotencyUnknown = "idempotency_unknown"
    /// It was done, but something that should have followed failed: don't repeat it, look.
    case doneUnconfirmed = "done_unconfirmed"
    /// Something that we need doesn't answer.
    case unavailable
    /// A defect of ours.
    case internalError = "internal_error"

    /// The HTTP status.
    package var status: Int {
        switch self {
        case .malformedRequest, .invalidField: 400
        case .unauthenticated: 401
        case .permissionDenied, .passwordChangeRequired: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .exists, .wrongState, .confirmationRequired, .idempotencyConflict, .idempotencyUnknown: 409
        case .preconditionFailed: 412
        case .bodyTooLarge: 413
        case .unsupportedMediaType: 415
        case .tooManyRequests: 429
        case .internalError, .doneUnconfirmed: 500
        case .unavailable: 503
        }
    }

    /// The same for people, in a few words.
    package var title: String {
        switch self {
        case .malformedRequest: "Malformed request"
        case .invalidField: "A field has a value that is not allowed"
        case .unauthenticated: "Not signed in"
        case .permissionDenied: "Not permitted"
        case .passwordChangeRequired: "The password must be changed first"
        case .notFound: "Not found"
        case .methodNotAllowed: "Method not allowed"
        case .exists: "Exists already"
        case .wrongState: "Not possible in this state"
        case .confirmationRequired: "Confirmation required"
        case .preconditionFailed: "Changed in the meantime"
        case .idempotencyConflict: "Idempotency key used for another request"
        case .idempotencyUnknown: "Outcome of the first request unknown"
        case .doneUnconfirmed: "Done, but not confirmed"
        case .bodyTooLarge: "Body too large"
        case .unsupportedMediaType: "Unsupported media type"
        case .tooManyRequests: "Too many requests"
        case .unavailable: "Unavailable"
        case .internalError: "Internal error"
        }
    }
}

/// One value that isn't allowed.
package struct FieldFault: Sendable, Equatable {
    /// Where: a JSON pointer (RFC 6901) into the body as `/versions/0`, `query:limit`, `path:key` or `header:if-match`.
    package let field: String
    /// What is allowed there, beginning with what it must be, as `1 to 128 printable characters`.
    package let expected: String
    /// What stood there, if it may be repeated.
    package let found: String?

    /// A fault as given.
    package init(_ field: String, expected: String, found: String? = nil) {
        (self.field, self.expected, self.found) = (field, expected, found)
    }
}

/// Why the management API does not do what it was asked: a problem document (RFC 9457, `application/problem+json`).
///
/// It goes to the caller: it never holds a secret, nor the inner cause of a fault of ours, which goes to the log under the request's id.
package struct Problem: Error, Sendable {
    /// What kind.
    package let code: ProblemCode
    /// What happened, in a sentence.
    package let detail: String
    /// What to do next, in a sentence.
    package let remedy: String?
    /// The values that aren't allowed.
    package let faults: [FieldFault]
    /// Further header fields of the answer.
    package var headers: [(name: String, value: String)] = []
    /// For the log only: what really went wrong.
    package var cause: String?
    /// For the record only: what it was about, if the path doesn't say so.
    package var target: String?
    /// Whether its refusal is on record already.
    var isOnRecord = false

    /// A problem as given.
    package init(_ code: ProblemCode, _ detail: String, remedy: String? = nil, faults: [FieldFault] = []) {
        (self.code, self.detail, self.remedy, self.faults) = (code, detail, remedy, faults)
    }

    /// One value that isn't allowed.
    package static func invalid(_ field: String, expected: String, found: String? = nil) -> Problem {
        let fault = FieldFault(field, expected: expected, found: found)
        return Problem(.invalidField, "\(field): expected \(expected)\(found.map { ", found \($0)" } ?? "")", faults: [fault])
    }

    /// A fault of ours; the cause is for the log.
    package static func unavailable(_ detail: String, cause: String) -> Problem {
        var problem = Problem(.unavailable, detail, remedy: "try again; if it lasts, look at the server's log")
        problem.headers = [("Retry-After", "1")]
        problem.cause = cause
        return problem
    }

    /// The document's bytes.
    package func json(requestID: String) -> [UInt8] {
        var members: [(name: String, value: JSONValue)] = [
            ("type", .string("urn:holdfast:problem:\(code.rawValue)")), ("title", .string(code.title)),
            ("status", .integer(Int64(code.status))), ("code", .string(code.rawValue)), ("detail", .string(detail)),
        ]
        if let remedy { members.append(("remedy", .string(remedy))) }
        if !faults.isEmpty {
            members.append(("errors", .array(faults.map { fault in
                var fields: [(name: String, value: JSONValue)] = [("field", .string(fault.field)), ("expected", .string(fault.expected))]
                if let found = fault.found { fields.append(("found", .string(found))) }
                return .object(fields)
            })))
        }
        members.append(("request_id", .string(requestID)))
        return JSONValue.object(members).json
    }
}
