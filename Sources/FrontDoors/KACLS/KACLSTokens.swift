import KeyCore
import Primitives

/// Who asks for what, by both tokens. Only `KACLSTokens` makes one.
struct KACLSParties: Sendable {
    let authorization: KACLSAuthorization
    let authentication: KACLSAuthentication
    let kinds: CallerKinds

    /// What policies see of them.
    var facts: TokenFacts {
        TokenFacts(authentication: KACLSDelegation.claims(of: authentication.token), authorization: authorization.token.claims)
    }

    fileprivate init(_ authorization: KACLSAuthorization, _ authentication: KACLSAuthentication, _ kinds: CallerKinds) {
        (self.authorization, self.authentication, self.kinds) = (authorization, authentication, kinds)
    }
}

/// Looks at tokens in the order that Google documents: authorization, authentication, same user, guest, delegation, role, URL, owner.
struct KACLSTokens: Sendable {
    let verifier: TokenVerifier

    /// Both tokens of a user's request.
    /// - Parameters:
    ///   - roles: those that may use the method.
    ///   - mayBeDelegate: whether a device may ask for somebody.
    func parties(
        _ call: KACLSCall, roles: Set<String>, mayBeDelegate: Bool, noting noted: inout AuditRecord
    ) async throws -> KACLSParties {
        let authorization = try await self.authorization(call, noting: &noted)
        let authentication = try await self.authentication(
            call, mayBeDelegate ? call.kacls.usersAndDelegates : call.kacls.users, noting: &noted)
        try checkSameUser(authentication, authorization)
        let isGuest = try checkGuest(authentication, authorization, call.kacls)
        let isDelegate = try mayBeDelegate ? checkDelegation(authentication, authorization) : false
        if !mayBeDelegate, authentication.delegatedTo != nil {
            throw KACLSError(403, "a delegated authentication token is not accepted for this method", cause: "delegated")
        }
        try checkPlace(authorization, call, roles)
        let kinds: CallerKinds = isDelegate ? (isGuest ? [.guest, .delegate] : .delegate) : isGuest ? .guest : .user
        return KACLSParties(authorization, authentication, kinds)
    }

    /// Both tokens of somebody who lets a device act: a person, not a device again.
    func delegator(_ call: KACLSCall, noting noted: inout AuditRecord) async throws -> KACLSParties {
        try await parties(call, roles: ["reader", "writer"], mayBeDelegate: false, noting: &noted)
    }

    /// The token of somebody who may use a privileged method: an administrator whom the endpoint names, by a provider for administrators.
    func administrator(
        _ call: KACLSCall, _ expectation: TokenExpectation, noting noted: inout AuditRecord
    ) async throws -> KACLSAuthentication {
        let authentication = try await self.authentication(call, expectation, noting: &noted)
        guard authentication.delegatedTo == nil else {
            throw KACLSError(403, "a delegated authentication token is not accepted for this method", cause: "delegated")
        }
        guard call.kacls.isPrivileged(authentication.email, for: call.method) else {
            throw KACLSError(403, "this user may not use this method", cause: "not-privileged")
        }
        return authentication
    }

    /// The authorization token of a request that has no other: Google's own.
    func service(_ call: KACLSCall, role: String, noting noted: inout AuditRecord) async throws -> KACLSAuthorization {
        let authorization = try await self.authorization(call, noting: &noted)
        try call.admit()
        try checkPlace(authorization, call, [role])
        return authorization
    }

    private func authorization(_ call: KACLSCall, noting noted: inout AuditRecord) async throws -> KACLSAuthorization {
        let text = try call.request.token(.authorization)
        let token = try await verify(text, call.kacls.authorization, "authorization")
        let authorization = try KACLSAuthorization(token)
        noted.principal = authorization.email
        noted.resource = authorization.resourceName
        (noted.device, noted.message) = (authorization.delegatedTo, authorization.messageID)
        noted.proofs.append(KACLSAudit.name(token, text))
        return authorization
    }

    /// The authentication token.
    func authentication(
        _ call: KACLSCall, _ expectation: TokenExpectation, noting noted: inout AuditRecord
    ) async throws -> KACLSAuthentication {
        let text = try call.request.token(.authentication)
        let token = try await verify(text, expectation, "authentication")
        let authentication = try KACLSAuthentication(token)
        guard call.kacls.mayVouch(token.issuer, for: authentication.email) else {
            throw KACLSError(.claim(authentication.hasGoogleEmail ? "google_email" : "email"), of: "authentication")
        }
        try call.admit()
        noted.principal = authentication.email
        noted.proofs.append(KACLSAudit.name(token, text))
        return authentication
    }

    /// A token that `expectation` accepts. Google's clients wait for us longer than Cloud EKM does, so a key that is new gets its time.
    func verify(_ text: [UInt8], _ expectation: TokenExpectation, _ name: String) async throws -> VerifiedToken {
        do { return try await verifier.verify(text, expecting: expectation, patience: .long) } catch { throw KACLSError(error, of: name) }
    }

    // MARK: The rules between them

    private func checkSameUser(_ authentication: KACLSAuthentication, _ authorization: KACLSAuthorization) throws(KACLSError) {
        guard KACLSName.isSame(authentication.email, authorization.email) else {
            throw KACLSError(403, "the two tokens name different users", cause: "different-users")
        }
    }

    /// Whether the caller is a guest, if guests are served and this provider may vouch for one.
    private func checkGuest(
        _ authentication: KACLSAuthentication, _ authorization: KACLSAuthorization, _ kacls: KACLSEndpoint
    ) throws(KACLSError) -> Bool {
        let provider = kacls.provider(of: authentication.token)  // nil for our own delegated token
        switch authorization.emailType {
        case nil: throw KACLSError(403, "authorization: email_type is not known", cause: "email-type")
        case .google:
            guard provider?.vouchesForUsers != false else {
                throw KACLSError(403, "this identity provider vouches for guests only", cause: "guest-provider")
            }
            return false
        case .visitor, .customerIDP:
            guard kacls.options.allowsGuests else { throw KACLSError(403, "guests are not served here", cause: "guest") }
            guard provider.map({ $0.vouchesForGuests || !kacls.options.requiresGuestProvider && $0.vouchesForUsers }) != false else {
                throw KACLSError(403, "this identity provider does not vouch for guests", cause: "guest-provider")
            }
            return true
        }
    }

    /// Whether a device acts for the user; both tokens must then say so, and speak of the same resource.
    private func checkDelegation(
        _ authentication: KACLSAuthentication, _ authorization: KACLSAuthorization
    ) throws(KACLSError) -> Bool {
        switch (authentication.delegatedTo, authorization.delegatedTo) {
        case (nil, nil):
            guard authentication.token.issuer != Issuer.ownTokensID else { fallthrough }
            return false
        case (nil, _), (_, nil):
            throw KACLSError(403, "only one of the two tokens is delegated", cause: "delegated")
        case (let device?, let other?):
            guard KACLSName.isSame(device, other) else {
                throw KACLSError(403, "the two tokens are delegated to different devices", cause: "delegated-to")
            }
            guard let resource = authentication.resourceName, let wanted = authorization.resourceName,
                resource.utf8.elementsEqual(wanted.utf8)
            else { throw KACLSError(403, "the delegated token is for another resource", cause: "delegated-resource") }
            return true
        }
    }

    private func checkPlace(
        _ authorization: KACLSAuthorization, _ call: KACLSCall, _ roles: Set<String>
    ) throws(KACLSError) {
        guard let role = authorization.role, roles.contains(role) else {
            throw KACLSError(403, "authorization: the role does not permit this method", cause: "role")
        }
        guard let url = authorization.url, call.kacls.isOwn(url: url) else {
            throw KACLSError(403, "authorization: kacls_url is not this endpoint", cause: "kacls-url")
        }
        let domains = call.kacls.options.ownerDomains
        if !domains.isEmpty, let domain = authorization.ownerDomain, !domains.contains(where: { KACLSName.isSame($0, domain) }) {
            throw KACLSError(403, "authorization: kacls_owner_domain is another organisation's", cause: "owner-domain")
        }
    }
}
