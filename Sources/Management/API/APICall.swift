package import Hummingbird
package import KeyCore
package import Primitives

/// A request to the API before anything of it is believed.
package struct APIRequest: Sendable {
    package let method: String
    /// Path and query as they stood on the wire.
    package let target: String
    /// Names are lower case; a field that occurs twice is joined by a comma.
    package let headers: [String: String]
    package let body: RequestBody
    /// The client's address, without its port; `-` on the local socket.
    package let remoteAddress: String
    /// What TLS agreed on; nil on the local socket.
    package let tls: TLSHandshake?
    /// The system user at the other end of the local socket; nil over TLS.
    package let localUser: String?
    /// Names this request in answer, log and audit.
    package let requestID: String
    package let receivedAt: Instant
    /// Monotonic.
    package let receivedNanoseconds: UInt64
}

/// A request that was authenticated, permitted and checked: what a route's handler works on. Only `ManagementAPI` makes one.
package struct APICall: Sendable {
    package let requestID: String
    package let caller: Caller
    /// The path's parameters, checked.
    package let parameters: [String: String]
    /// The query's parameters, checked; those that were left out are absent.
    package let query: [String: String]
    /// The JSON body, checked; `null` if there is none.
    package let body: JSONValue
    /// The body of a route that takes bytes.
    package let upload: RequestBody
    package let headers: [String: String]
    /// The revision that the caller has read (`If-Match`); nil if any will do.
    package let expectedRevision: Int64?
    /// Whether nothing must be changed.
    package let isDryRun: Bool
    /// On a list: the ids that may be shown; nil for all.
    package let visible: Set<String>?
    package let remoteAddress: String
    package let tls: TLSHandshake?
    /// The stores; on a dry run they change nothing.
    package let stores: Stores

    /// A path parameter as an id.
    package func id<ID: UniqueID>(_ name: String, as _: ID.Type = ID.self) throws(Problem) -> ID {
        guard let text = parameters[name], let id = ID(text) else { throw .invalid("path:\(name)", expected: "an id") }
        return id
    }
}

/// What a route's handler gives back.
package struct APIAnswer: Sendable {
    /// The answer's body.
    package enum Body: Sendable {
        case none
        case json(JSONValue)
        case bytes([UInt8], type: String)
        /// Written as it is made; `filename` suggests where to save it.
        case stream(ResponseBody, type: String, filename: String?)
    }

    package var status: Int
    package var headers: [(name: String, value: String)] = []
    package var body: Body
    /// What the record says beside event and caller.
    package var audit = AuditDetail()
    /// Whether another process or another part of this one (the data plane) must take notice before the answer leaves.
    package var changesDataPlane = false
    /// The request for approval that is now to be carried out, since this was its last vote.
    package var releases: ApprovalID?

    /// An answer as given.
    package init(_ status: Int, _ body: Body = .none, audit: AuditDetail = AuditDetail(), changesDataPlane: Bool = false) {
        (self.status, self.body, self.audit, self.changesDataPlane) = (status, body, audit, changesDataPlane)
    }

    /// One thing, with its revision as ETag.
    package static func thing(
        _ document: JSONValue, revision: Int64? = nil, status: Int = 200, location: String? = nil, audit: AuditDetail = AuditDetail(),
        changesDataPlane: Bool = false
    ) -> APIAnswer {
        var answer = APIAnswer(status, .json(document), audit: audit, changesDataPlane: changesDataPlane)
        if let revision { answer.headers.append(("ETag", "\"\(revision)\"")) }
        if let location { answer.headers.append(("Location", location)) }
        return answer
    }
}

/// What an audit record says of an act beside who and when.
package struct AuditDetail: Sendable {
    package var target: String?
    package var keyID: KeyID?
    package var keyVersion: KeyVersionNumber?
    package var endpointID: EndpointID?
    package var cause: String?

    /// Details as given.
    package init(
        target: String? = nil, keyID: KeyID? = nil, keyVersion: KeyVersionNumber? = nil, endpointID: EndpointID? = nil,
        cause: String? = nil
    ) {
        (self.target, self.keyID, self.keyVersion) = (target, keyID, keyVersion)
        (self.endpointID, self.cause) = (endpointID, cause)
    }
}

extension AuditDetail {
    /// What a path's parameters name, in their order.
    init(parameters: [String: String], of route: Route) {
        let values = route.parameterNames.compactMap { parameters[$0] }
        self.init(
            target: values.isEmpty ? nil : values.joined(separator: " "), keyID: parameters["key"].flatMap { KeyID($0) },
            keyVersion: parameters["key"].flatMap { _ in parameters["version"].flatMap { KeyVersionNumber($0) } },
            endpointID: parameters["endpoint"].flatMap { EndpointID($0) })
    }
}
