package import Primitives

/// Why a row can't be read, written or found. `description` is for the operator.
package enum StoreError: Error, CustomStringConvertible {
    /// Nothing has that id or name.
    case notFound(String)
    /// Something has that name, path or number already.
    case exists(String)
    /// A value isn't allowed: which, and what is allowed there.
    case invalid(field: String, expected: String)
    /// What was asked for isn't allowed in the present state; says what is.
    case refused(String)
    /// It was changed since the caller read it: its revision is another one.
    case changed(String)
    /// A row holds what this version doesn't understand.
    case corrupt(String)
    /// The database failed.
    case database(SQLError)
    /// A sealed value does not open.
    case sealing(SealingError)

    package var description: String {
        switch self {
        case .notFound(let what): "\(what) does not exist"
        case .exists(let what): "\(what) exists already"
        case .invalid(let field, let expected): "\(field): expected \(expected)"
        case .refused(let text): text
        case .changed(let what): "\(what) was changed in the meantime"
        case .corrupt(let what): "the database holds something this version does not understand: \(what)"
        case .database(let error): "\(error)"
        case .sealing(let error): "\(error)"
        }
    }

    /// The same failure where its type was lost on the way through a transaction.
    init(any error: any Error) {
        switch error {
        case let error as StoreError: self = error
        case let error as SQLError: self = .database(error)
        case let error as SealingError: self = .sealing(error)
        case let error as OpenSSLError: self = .sealing(.library("\(error)"))
        default: self = .corrupt("\(error)")
        }
    }

    /// Runs `body`, whose errors become this type: transactions throw whatever their closures throw.
    static func typed<R>(_ body: () async throws -> R) async throws(StoreError) -> R {
        do { return try await body() } catch { throw StoreError(any: error) }
    }

    /// The same for what doesn't wait.
    static func wrapping<R>(_ body: () throws -> R) throws(StoreError) -> R {
        do { return try body() } catch { throw StoreError(any: error) }
    }
}
