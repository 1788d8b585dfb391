import KeyCore
import Primitives

/// A failure as Salesforce is told of it. Salesforce reads the status only: any but 200 marks the org's key destroyed until a later callout
/// succeeds, 401 has it fetch a new access token and ask once more. So 404 is said on purpose only, and a fault of ours is 503.
struct CalloutError: Error, Equatable {
    /// The HTTP status.
    let status: Int
    /// The word in the body; the same for all causes of one status.
    let word: String
    /// For the audit: a short stable word.
    let cause: String
    /// What belongs to the status: `WWW-Authenticate`, `Allow`, `Retry-After`.
    var header: (name: String, value: String)?

    private init(_ status: Int, _ word: String, _ cause: String, _ header: (name: String, value: String)? = nil) {
        (self.status, self.word, self.cause, self.header) = (status, word, cause, header)
    }

    static func == (a: CalloutError, b: CalloutError) -> Bool { (a.status, a.word, a.cause) == (b.status, b.word, b.cause) }

    /// A malformed identifier or `requestId`, or one that was seen before.
    static func badRequest(_ cause: String) -> CalloutError { CalloutError(400, "bad_request", cause) }
    /// No proof of who calls, or not the right one.
    static func unauthorized(_ cause: String, challenge: String) -> CalloutError {
        CalloutError(401, "unauthorized", cause, ("WWW-Authenticate", challenge))
    }
    /// The identifier is not served to this caller, whatever the reason.
    static func notFound(_ cause: String) -> CalloutError { CalloutError(404, "not_found", cause) }
    static let method = CalloutError(405, "method_not_allowed", "http-method", ("Allow", "GET"))
    /// The connection was made for another host, whose client certificates may be others (RFC 9110, 15.5.20).
    static let misdirected = CalloutError(421, "misdirected_request", "sni-host")
    /// Too many failed attempts.
    static func tooMany(_ cause: String) -> CalloutError { CalloutError(429, "too_many_requests", cause, ("Retry-After", "10")) }
    /// A fault of ours.
    static func unavailable(_ cause: String) -> CalloutError { CalloutError(503, "unavailable", cause) }

    /// The failure of a step. What the policy does not permit is 404 for whichever reason: an administrator's will is no fault of ours, and an
    /// identifier that isn't served to this caller must not be told from one that isn't there (our reference, 7.2: “same body for all, no oracle”).
    init(_ error: any Error) {
        self = switch error {
        case let error as CalloutError: error
        case let error as Rejection: .notFound("policy-\(error.cause.name)")
        case let error as KeyServiceError: CalloutError(error)
        default: .unavailable("internal")
        }
    }

    private init(_ error: KeyServiceError) {
        self = switch error {
        case .keyNotFound: .notFound("key-not-found")
        case .suspended: .notFound("key-suspended")
        case .unusable: .notFound("key-unusable")
        case .undecryptable: .unavailable("internal")
        case .sourceUnavailable: .unavailable("source-unavailable")
        case .deadlineExceeded: .unavailable("deadline")
        case .auditUnavailable: .unavailable("audit-unavailable")
        }
    }

    /// Whether the caller's fault, or an administrator's will, and not our failure.
    var isRefusal: Bool { status < 500 }

    /// The answer. 404 is the same whatever the cause.
    var response: HTTPResponse {
        HTTPResponse(
            status: status, headers: CalloutAnswer.headers + (header.map { [$0] } ?? []), body: Array(#"{"error":"\#(word)"}"#.utf8))
    }
}
