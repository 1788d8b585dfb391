package import Primitives

/// What every `SQLDatabase` must do alike. A driver's tests run each of `SQLConformance.checks` on a database of their own.
package struct SQLConformance: Sendable, CustomStringConvertible {
    /// Opens a database of the driver under test. Opening one name twice gives two handles to one database, as two processes
    /// would have; a name never used before is an empty database.
    package typealias Open = @Sendable (_ name: String) throws -> any SQLDatabase

    /// What is true, as the title of a test.
    package let title: String
    private let body: @Sendable (_ database: any SQLDatabase, _ other: any SQLDatabase) async throws -> Void

    init(
        _ title: String,
        _ body: @escaping @Sendable (_ database: any SQLDatabase, _ other: any SQLDatabase) async throws -> Void
    ) {
        self.title = title
        self.body = body
    }

    /// The title.
    package var description: String { title }

    /// Runs the check on a database called `title`, opened twice.
    /// - Throws: `SQLConformanceFailure`, or what the database threw against expectation.
    package func run(_ open: Open) async throws {
        let database = try open(title), other = try open(title)
        try await body(database, other)
        try other.close()
        try database.close()
    }

    /// All checks.
    package static let checks = valueChecks + statementChecks + transactionChecks + concurrencyChecks + migrationChecks
}

/// An expectation of a check that did not hold.
package struct SQLConformanceFailure: Error, CustomStringConvertible {
    /// What was expected and what was found.
    package let description: String
}

/// Throws unless `actual` is `expected`.
func expect<T: Equatable>(_ actual: T, _ expected: T, _ what: String) throws {
    guard actual == expected else {
        throw SQLConformanceFailure(description: "\(what): expected \(expected), found \(actual)")
    }
}

/// Throws unless `body` throws an `SQLError` that `matches`.
func expectError(_ what: String, _ matches: (SQLError) -> Bool, _ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as SQLError {
        guard matches(error) else { throw SQLConformanceFailure(description: "\(what): unexpected error \(error)") }
        return
    }
    throw SQLConformanceFailure(description: "\(what): no error was thrown")
}

/// Whether the error is `.misuse`.
func isMisuse(_ error: SQLError) -> Bool { if case .misuse = error { true } else { false } }

/// Whether the error is a violated constraint of this kind.
func isConstraint(_ kind: SQLConstraint) -> (SQLError) -> Bool {
    { error in if case .constraint(kind, _) = error { true } else { false } }
}
