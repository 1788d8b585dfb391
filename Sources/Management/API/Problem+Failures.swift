import KeyCore
import Primitives

extension Problem {
    /// The problem that a failure below becomes. This is the one place where that is decided.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let done as Done:
            self.init(
                .doneUnconfirmed, "it was done, but the server could not see to the rest: that it is served, on record, or remembered",
                remedy: "don't repeat it: look what is there now, and at the server's log")
            cause = done.cause
        case let error as StoreError: self.init(error)
        case is AuditError:
            self = .unavailable("the audit journal can't be written, and without a record nothing is done", cause: "\(error)")
        case let error as SQLError: self = .unavailable("the database does not answer", cause: "\(error)")
        case let error as DocumentError: self = .invalid("/source", expected: "a valid document: \(error)")
        case is CancellationError: self = .unavailable("the server is stopping", cause: "cancelled")
        default:
            var problem = Problem(.internalError, "the server failed", remedy: "report it with the request's id")
            problem.cause = "\(type(of: error)): \(error)"
            self = problem
        }
    }

    private init(_ error: StoreError) {
        switch error {
        case .notFound(let what): self.init(.notFound, "\(what) does not exist")
        case .exists(let what): self.init(.exists, "\(what) exists already", remedy: "choose another name")
        case .invalid(let field, let expected): self = .invalid("/\(field)", expected: expected)
        case .refused(let text): self.init(.wrongState, text)
        case .changed:
            self.init(
                .preconditionFailed, "it was changed since you read it", remedy: "read it again and repeat with its present ETag")
        case .corrupt, .database, .sealing: self = .unavailable("the database does not answer", cause: error.description)
        }
    }
}
