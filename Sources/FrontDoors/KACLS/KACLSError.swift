import KeyCore
import Primitives

/// A failure as clients of client-side encryption are told of it: `code`, which is also the HTTP status, `message` and `details`.
///
/// Source: Google Workspace client-side encryption, "Structured errors". Google publishes no table of codes; this is ours.
struct KACLSError: Error, Equatable {
    /// The HTTP status.
    let code: Int
    /// For the caller: which rule failed; never how cryptography failed.
    let message: String
    /// For the audit and the caller's report: a short stable word.
    let cause: String

    init(_ code: Int, _ message: String, cause: String) { (self.code, self.message, self.cause) = (code, message, cause) }

    /// The failure of a step.
    init(_ error: any Error) {
        switch error {
        case let error as KACLSError: self = error
        case let error as KACLSDecodingFailure: self.init(400, "\(error.field): \(error.problem)", cause: "invalid-argument")
        case let error as Rejection: self.init(403, "not permitted by the endpoint's policy", cause: "policy-\(error.cause.name)")
        case let error as KeyServiceError: self.init(error)
        case let error as TokenRejection: self.init(error, of: "token")
        default: self.init(500, "internal error", cause: "internal")
        }
    }

    /// Why a token makes nobody a caller; `token` says which of the two.
    init(_ error: TokenRejection, of token: String) {
        let code = error == .keysUnavailable ? 503 : 401
        self.init(code, "\(token): \(error.rule)", cause: error.code)
    }

    private init(_ error: KeyServiceError) {
        switch error {
        case .undecryptable: self.init(403, "the wrapped key does not open with this endpoint's key", cause: "undecryptable")
        case .keyNotFound: self.init(404, "the key does not exist any more", cause: "key-not-found")
        case .unusable: self.init(503, "the key is not in a state to do this", cause: "key-unusable")
        case .suspended: self.init(403, "the key is suspended", cause: "key-suspended")
        case .sourceUnavailable: self.init(503, "the key source is not available", cause: "source-unavailable")
        case .deadlineExceeded: self.init(503, "the key source did not answer in time", cause: "deadline")
        case .auditUnavailable: self.init(503, "the service is not available", cause: "audit-unavailable")
        }
    }

    /// A ciphertext that does not decrypt, whatever the reason. It names no request, so that two of them are the same byte for byte.
    static let undecryptedDataKey = KACLSError(400, "the data encryption key does not decrypt with this key", cause: "data-key")

    /// Whether it is a decision against the caller; otherwise something didn't work.
    var isRefusal: Bool { [401, 403, 404, 405].contains(code) }

    /// The answer; `requestID` finds the operator's detail in log and audit.
    func response(requestID: String) -> HTTPResponse {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("code", Int64(code))
            writer.member("message", message)
            writer.member("details", self == .undecryptedDataKey ? "cause=\(cause)" : "ref=\(requestID); cause=\(cause)")
        }
        let patience: [(name: String, value: String)] = code == 429 || code == 503 ? [("Retry-After", "1")] : []
        return HTTPResponse(status: code, headers: KACLSAnswer.headers + patience, body: writer.bytes)
    }
}

/// What all answers of this front door share.
enum KACLSAnswer {
    static let headers: [(name: String, value: String)] = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]

    /// `{"<name>":"<base64>"}`
    static func bytes(_ name: String, _ value: [UInt8]) -> HTTPResponse { object { $0.member(name, base64: value) } }

    /// A blob as text that Google's clients keep: at most 1024 characters, which only a key source that isn't ours could exceed.
    static func wrappedKey(_ blob: [UInt8]) throws(KACLSError) -> [UInt8] {
        guard blob.count <= KACLSDataKey.maxBlobBytes else {
            throw KACLSError(500, "the key source makes wrapped keys that are too long", cause: "wrapped-key-size")
        }
        return blob
    }

    /// `{"<name>":"<base64>"}`
    static func secret(_ name: String, _ value: borrowing SecretBytes) -> HTTPResponse {
        var writer = JSONWriter(reserving: value.count * 4 / 3 + 64)
        writer.openObject()
        writer.member(name, base64: value)
        writer.closeObject()
        return HTTPResponse(status: 200, headers: headers, body: writer.bytes)
    }

    /// An object with these members.
    static func object(_ body: (inout JSONWriter) -> Void) -> HTTPResponse {
        var writer = JSONWriter()
        writer.object(body)
        return HTTPResponse(status: 200, headers: headers, body: writer.bytes)
    }
}
