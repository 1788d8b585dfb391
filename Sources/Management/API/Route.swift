package import KeyCore
import Primitives

/// The methods that the API knows.
package enum Method: String, Sendable, CaseIterable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
}

/// Who may use a route. There is no default: a route that doesn't say so doesn't compile.
package enum Access: Sendable, Equatable {
    /// Anybody, signed in or not. Answers hold nothing but what `reason` explains.
    case open(reason: String)
    /// Whoever is signed in; it acts on the caller's own things only.
    case signedIn
    /// Whoever has the permission everywhere.
    case needs(Permission)
    /// Whoever has the permission everywhere, or on the thing that this path parameter names.
    case needsOn(Permission, ResourceKind, parameter: String)
    /// Whoever has the permission everywhere, or on some things, which are then all that is shown (`APICall.visible`).
    case lists(Permission, ResourceKind)
}

/// What a route takes as its body.
package enum RequestBodyKind: Sendable {
    /// Nothing.
    case none
    /// A JSON document.
    case json(Schema, maxBytes: Int = 1 << 20)
    /// Bytes of one media type, read as they come (`APICall.upload`).
    case bytes(type: String, maxBytes: Int)
}

/// What a route gives back with a status.
package enum AnswerKind: Sendable {
    /// Nothing.
    case empty
    /// A JSON document.
    case json(Schema)
    /// Something else, of this media type.
    case other(type: String)
    /// Something else, of one of these media types.
    case either(types: [String])
}

/// A parameter in a URL's query, or a header field.
package struct QueryParameter: Sendable {
    package let name: String
    package let schema: Schema
    /// One sentence for people.
    package let about: String

    /// A parameter as given; its schema is a string's, an integer's or a boolean's.
    package init(_ name: String, _ schema: Schema, _ about: String) { (self.name, self.schema, self.about) = (name, schema, about) }
}

/// One operation of the API: who may use it, what it takes and gives, and what does it. Server, checks, OpenAPI document and the tests of the
/// role matrix are all made from these.
package struct Route: Sendable {
    package let method: Method
    /// With the parameters in braces, as `/api/v1/keys/{key}`.
    package let path: String
    /// Its name in the OpenAPI document, as `createKey`.
    package let operation: String
    /// One sentence for people.
    package let summary: String
    /// The section of the documentation.
    package let tag: String
    package let access: Access
    /// The event that goes on record; nil if it only reads what isn't worth a record.
    package let event: AuditEvent?
    /// Which rule of the quorum it may fall under.
    package var quorum: QuorumOperation?
    /// The schemas of its path parameters; what isn't named here is an id.
    package var parameters: [String: Schema] = [:]
    package var query: [QueryParameter] = []
    package var body = RequestBodyKind.none
    /// Its successful answers by status. Problems are declared by themselves.
    package let answers: [Int: AnswerKind]
    /// Whether it makes something new: it then understands `Idempotency-Key`.
    package var isCreation = false
    /// Whether it can be rehearsed (`dry_run=true`).
    package var allowsDryRun = false
    /// Whether it changes something that `If-Match` can protect.
    package var allowsIfMatch = false
    package let handler: @Sendable (APICall) async throws -> APIAnswer

    /// A route; what has no default must be said.
    package init(
        _ method: Method, _ path: String, _ operation: String, _ summary: String, tag: String, access: Access, event: AuditEvent? = nil,
        quorum: QuorumOperation? = nil, parameters: [String: Schema] = [:], query: [QueryParameter] = [],
        body: RequestBodyKind = .none, answers: [Int: AnswerKind], isCreation: Bool = false, allowsDryRun: Bool = false,
        allowsIfMatch: Bool = false, handler: @escaping @Sendable (APICall) async throws -> APIAnswer
    ) {
        (self.method, self.path, self.operation, self.summary, self.tag) = (method, path, operation, summary, tag)
        (self.access, self.event, self.quorum, self.parameters, self.query) = (access, event, quorum, parameters, query)
        (self.body, self.answers, self.isCreation, self.allowsDryRun) = (body, answers, isCreation, allowsDryRun)
        (self.allowsIfMatch, self.handler) = (allowsIfMatch, handler)
    }

    /// Whether it changes anything: what isn't a GET does.
    package var isChange: Bool { method != .get }

    /// The names of the path's parameters, in their order.
    package var parameterNames: [String] {
        path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }
}

/// Part of the API: everything about one kind of thing.
package protocol RouteProvider: Sendable {
    /// Its routes.
    var routes: [Route] { get }
}

/// What can be made to need the approval of several people.
package enum QuorumOperation: String, Sendable, CaseIterable {
    case destroyKey = "destroy-key"
    case exportKey = "export-key"
    case deleteEndpoint = "delete-endpoint"
    case disableEndpoint = "disable-endpoint"
    case changePolicy = "change-policy"
    case makeBackup = "make-backup"
    case restoreBackup = "restore-backup"
    case addToAdmins = "add-to-admins"
    case changeAuditSettings = "change-audit-settings"
    case changeQuorum = "change-quorum"
    case changeGrants = "change-grants"
}
