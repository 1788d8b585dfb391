package import KeyCore
package import Primitives

/// What the routes of keys, endpoints, issuers, policies and certificates need of the process that they run in.
package struct ResourceServices: Sendable {
    /// The database itself, also on dry runs; nil takes the call's.
    package var database: (any SQLDatabase)?
    /// The port under which callers reach the data plane; nil if it isn't known.
    package var dataPlanePort: @Sendable () -> Int? = { nil }
    /// Fetches a document over HTTPS, without redirects, within limits of time and size.
    package var fetch: DocumentFetch = { _ in throw Problem.unavailable("this process fetches nothing", cause: "no fetcher") }
    /// Whether callers are asked for a client certificate under that host name.
    package var asksForClientCertificate: @Sendable (_ hostname: String) -> Bool = { _ in true }
    /// Sends a request by the server's own way out, whatever the answer; throws `HTTPClientError`.
    package var send: @Sendable (HTTPClientRequest) async throws -> HTTPClientResponse = { _ in
        throw Problem.unavailable("this process sends nothing", cause: "no client")
    }
    /// The issuers that an endpoint believes, those that stand in no table too, and whether their keys are at hand.
    package var issuerKeys: @Sendable (EndpointID) -> [IssuerKeys] = { _ in [] }
    /// Takes destroyed material out of the database's write-ahead log too, now or later: no outcome depends on it. Blocks.
    package var afterDestruction: @Sendable () -> Void = {}
    /// The last records of the audit journal that pass a filter, oldest first. Blocks.
    package var journal: @Sendable (_ count: Int, _ filter: AuditFilter) throws -> [AuditEntry] = { _, _ in [] }
    /// The TLS certificates of the listeners.
    package var certificates: any CertificateShelf = EmptyCertificateShelf()

    /// Services that do nothing.
    package init() {}
}

/// What is at hand of an issuer's keys.
package struct IssuerKeys: Sendable {
    package let issuer: String
    package let count: Int
    /// Why the last fetch brought none.
    package let failure: String?

    /// As given.
    package init(issuer: String, count: Int, failure: String?) { (self.issuer, self.count, self.failure) = (issuer, count, failure) }
}

/// A document that was fetched, and how.
package struct FetchedDocument: Sendable {
    package let status: Int
    /// In lower case, without parameters; empty if the server names none.
    package let contentType: String
    package let body: [UInt8]
    package let timing: HTTPClientTiming

    /// A document as given.
    package init(status: Int, contentType: String, body: [UInt8], timing: HTTPClientTiming) {
        (self.status, self.contentType, self.body, self.timing) = (status, contentType, body, timing)
    }
}

/// Fetches a document; throws `HTTPClientError` with the step that failed.
package typealias DocumentFetch = @Sendable (_ url: String) async throws -> FetchedDocument
