import Hummingbird
import KeyCore
import NIOCore
import Primitives

/// What a held request needs to be carried out later: sealed as a whole, since its body may hold a password.
package struct HeldCall: Sendable {
    /// The route's operation id.
    let route: String
    let parameters: [String: String]
    let query: [String: String]
    private(set) var body: JSONValue
    /// The body without what is secret in it.
    let shown: JSONValue
    let expectedRevision: Int64?
    let requestID: String
    let remoteAddress: String
    /// What the requester could do then: a token's scope, for one, isn't widened by waiting.
    let permissions: Set<Permission>
    let grants: [Permission: Set<String>]

    init(_ call: APICall, route: Route) {
        self.route = route.operation
        if case .json(let schema, _) = route.body { shown = schema.withoutSecrets(call.body) } else { shown = .null }
        (parameters, query, body, expectedRevision) = (call.parameters, call.query, call.body, call.expectedRevision)
        (requestID, remoteAddress) = (call.requestID, call.remoteAddress)
        (permissions, grants) = (call.caller.permissions, call.caller.grants)
    }

    init?(_ document: JSONValue) {
        guard let route = document["route"]?.string, let parameters = document["parameters"]?.texts, let query = document["query"]?.texts,
            let body = document["body"], let shown = document["shown"], let requestID = document["request_id"]?.string, let address = document["remote_address"]?.string,
            let permissions = document["permissions"]?.array, let grants = document["grants"]?.object
        else { return nil }
        (self.route, self.parameters, self.query, self.body, self.shown) = (route, parameters, query, body, shown)
        expectedRevision = document["expected_revision"]?.integer
        (self.requestID, remoteAddress) = (requestID, address)
        self.permissions = Set(permissions.compactMap { $0.string.flatMap(Permission.init) })
        var held: [Permission: Set<String>] = [:]
        for grant in grants {
            if let permission = Permission(rawValue: grant.name) { held[permission] = Set(grant.value.array?.compactMap(\.string) ?? []) }
        }
        self.grants = held
    }

    var document: JSONValue {
        [
            "route": .string(route), "parameters": .texts(parameters), "query": .texts(query), "body": body, "shown": shown,
            "expected_revision": .optional(expectedRevision), "request_id": .string(requestID), "remote_address": .string(remoteAddress),
            "permissions": .strings(permissions.map(\.rawValue).sorted()),
            "grants": .object(grants.map { (name: $0.key.rawValue, value: .strings($0.value.sorted())) }),
        ]
    }

    /// What remains of it when it can't be carried out any more.
    var withoutSecrets: HeldCall {
        var rest = self
        rest.body = shown
        return rest
    }

    /// Who it is carried out as: the requester with what they may do now, but no more than they could do when they asked.
    func requester(_ present: Caller, token: String? = nil) -> Caller {
        var kept: [Permission: Set<String>] = [:]
        for (permission, ids) in present.grants {
            kept[permission] = permissions.contains(permission) ? ids : ids.intersection(grants[permission] ?? [])
        }
        for (permission, ids) in grants where present.permissions.contains(permission) && !permissions.contains(permission) {
            kept[permission, default: []].formUnion(ids)
        }
        return Caller(
            userID: present.userID, name: present.name, proof: token.map { .token($0) } ?? present.proof, groups: present.groups,
            permissions: present.permissions.intersection(permissions), grants: kept, mustChangePassword: present.mustChangePassword)
    }
}

extension HeldCall {
    /// The call that it is carried out by.
    /// - Throws: `Problem` if this version of the server wouldn't accept its body any more.
    func call(as requester: Caller, of route: Route, visible: Set<String>?, stores: Stores) throws(Problem) -> APICall {
        if case .json(let schema, _) = route.body, let fault = schema.faults(in: body).first {
            throw .invalid(fault.field, expected: fault.expected, found: fault.found)
        }
        return APICall(
            requestID: requestID, caller: requester, parameters: parameters, query: query, body: body,
            upload: RequestBody(buffer: ByteBuffer()), headers: [:], expectedRevision: expectedRevision, isDryRun: false, visible: visible,
            remoteAddress: remoteAddress, tls: nil, stores: stores)
    }
}

extension JSONValue {
    /// An object of strings.
    static func texts(_ values: [String: String]) -> JSONValue {
        .object(values.sorted { $0.key < $1.key }.map { (name: $0.key, value: .string($0.value)) })
    }

    /// The same back; nil if it is none.
    var texts: [String: String]? {
        guard let members = object else { return nil }
        var values: [String: String] = [:]
        for member in members {
            guard let text = member.value.string else { return nil }
            values[member.name] = text
        }
        return values
    }
}
