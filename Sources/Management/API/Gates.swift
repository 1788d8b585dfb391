import KeyCore
package import Primitives

/// Finds out who asks.
package protocol Authenticating: Sendable {
    /// The caller that the request proves.
    /// - Throws: `.unauthenticated` if it proves nobody, `.tooManyRequests` if it tries too often.
    func authenticate(_ request: APIRequest) async throws -> Caller
}

/// Holds operations back until enough people have approved them.
package protocol ApprovalGate: Sendable {
    /// Nil if the call may go on; otherwise the answer (202) that says which approval it waits for.
    func hold(_ call: APICall, of route: Route) async throws -> APIAnswer?
    /// What an approved request was, and as whom it is to be carried out.
    /// - Throws: `.permissionDenied` if who asked has no working account or token any more, or too few of who approved may still decide.
    func release(_ id: ApprovalID) async throws -> (call: HeldCall, requester: Caller)
    /// Keeps what came of it, and the same without what is secret in it (`shown`); the answer to `call`, which brought the last vote.
    func conclude(_ id: ApprovalID, with result: Result<APIAnswer, Problem>, shown: JSONValue?, for call: APICall) async throws -> APIAnswer
}

/// Gives a creation that is repeated with its `Idempotency-Key` its first answer again.
package protocol IdempotencyGate: Sendable {
    /// The first answer, if there was one; nil reserves the key for the call that now goes on.
    /// - Throws: `.idempotencyConflict` if the key came with another request, or while the first is still being answered.
    func begin(_ key: String, by caller: Caller, _ fingerprint: [UInt8]) async throws -> APIAnswer?
    /// Keeps the answer, or with nil frees the key, since nothing was done.
    func end(_ key: String, by caller: Caller, with answer: APIAnswer?) async throws
}

/// The permission check of every route: by default nothing is permitted.
enum AccessControl {
    /// - Returns: on a list, the ids that may be shown; nil for all.
    /// - Throws: `.permissionDenied`.
    static func permit(_ caller: Caller, _ access: Access, parameters: [String: String]) throws(Problem) -> Set<String>? {
        if case .open = access { return nil }
        guard caller.proof != .none else { throw Problem(.unauthenticated, "nobody is signed in") }
        switch access {
        case .open, .signedIn: return nil
        case .needs(let permission):
            guard caller.may(permission) else { throw refusal(permission) }
        case .needsOn(let permission, _, let parameter):
            guard let id = parameters[parameter], caller.may(permission, on: id) else { throw refusal(permission) }
        case .lists(let permission, _):
            if caller.may(permission) { return nil }
            guard let ids = caller.grants[permission], !ids.isEmpty else { throw refusal(permission) }
            return ids
        }
        return nil
    }

    private static func refusal(_ permission: Permission) -> Problem {
        Problem(
            .permissionDenied, "this needs the permission “\(permission.rawValue)”",
            remedy: "ask an administrator for a group or a grant that has it")
    }
}
