/// Believes the local socket and nobody else.
package struct LocalAuthenticator: Authenticating {
    package init() {}

    package func authenticate(_ request: APIRequest) async throws -> Caller {
        guard let user = request.localUser else { throw Problem(.unauthenticated, "nobody is signed in") }
        return .local(user)
    }
}
