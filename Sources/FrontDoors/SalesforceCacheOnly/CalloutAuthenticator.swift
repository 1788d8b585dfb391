import KeyCore
import NIOHTTP1
import Primitives

/// An org that has proved who it is. Only `CalloutAuthenticator` makes one.
struct CalloutCaller: Sendable, Equatable {
    /// For policy and audit: the kind of proof and whose it is, as `basic:org-1`.
    let principal: String
    /// The fingerprint of the pinned client certificate that was shown, beside what came in the header or alone.
    let certificate: String?

    fileprivate init(_ kind: String, _ subject: String, certificate: String? = nil) {
        (principal, self.certificate) = ("\(kind):\(subject)", certificate)
    }

    fileprivate func showing(_ certificate: String?) -> CalloutCaller { CalloutCaller(principal: principal, certificate: certificate) }
    private init(principal: String, certificate: String?) { (self.principal, self.certificate) = (principal, certificate) }
}

/// Decides which org calls, by what its endpoint asks for: a pinned client certificate, if there are any, and one of the proofs that come in
/// the Authorization header, if there are any.
struct CalloutAuthenticator: Sendable {
    let signedTokens: PinnedTokenVerifier
    let accessTokens: TokenVerifier
    let failures: FailureLimiter

    /// The caller.
    /// - Throws: 401 with the challenge of what the endpoint asks for; 421; 429 instead of 401 beyond a rate of failures without a token, by
    ///   which nobody is kept out who has the right proof; 503 if the fault is ours.
    func authenticate(_ http: HTTPRequest, at endpoint: Endpoint, _ options: CacheOnlyOptions) async throws(CalloutError) -> CalloutCaller {
        do {
            return try await proof(http, endpoint, options.authentication)
        } catch {
            guard error.status == 401, CalloutAuthenticator.counts(error.cause), !failures.admit(endpoint.id, http.remoteAddress) else {
                throw error
            }
            throw .tooMany(error.cause)
        }
    }

    private func proof(_ http: HTTPRequest, _ endpoint: Endpoint, _ rules: CacheOnlyAuthentication) async throws(CalloutError) -> CalloutCaller {
        let certificate = rules.clientCertificates.isEmpty ? nil : try clientCertificate(http, rules)
        if rules.needsHeader { return try await header(http, endpoint, rules).showing(certificate) }
        guard let certificate else { throw failed("no-authentication", rules) }
        return CalloutCaller("mtls", certificate, certificate: certificate)
    }

    /// Whether a failure may be told to wait. A token's never: whatever is wrong with it, 401 is what has Salesforce fetch a new one.
    private static func counts(_ cause: String) -> Bool { !cause.hasPrefix("token-") }

    // MARK: Client certificate

    /// The fingerprint, if it is pinned. The handshake has proved that the client has its key.
    private func clientCertificate(_ http: HTTPRequest, _ rules: CacheOnlyAuthentication) throws(CalloutError) -> String {
        guard let der = http.tls.clientCertificateDER else { throw failed("client-certificate-absent", rules) }
        guard let name = http.tls.serverName, CalloutAuthenticator.host(http) == name else { throw .misdirected }
        let fingerprint = Digest.sha256(der)
        var isPinned = false
        for pin in rules.clientCertificates where Hex.decode(pin).map({ ConstantTime.isEqual($0, fingerprint) }) == true { isPinned = true }
        guard isPinned else { throw failed("client-certificate-unknown", rules) }
        return Hex.string(fingerprint)
    }

    /// The Host field without its port, in lower case.
    private static func host(_ http: HTTPRequest) -> String? {
        guard let value = http.headers.first(name: "host"), let host = value.split(separator: ":", omittingEmptySubsequences: false).first else {
            return nil
        }
        return host.lowercased()
    }

    // MARK: Authorization

    private func header(_ http: HTTPRequest, _ endpoint: Endpoint, _ rules: CacheOnlyAuthentication) async throws(CalloutError) -> CalloutCaller {
        let values = http.headers["authorization"]
        guard values.count == 1, let value = values.first?.utf8, value.count <= 24 << 10, let space = value.firstIndex(of: 0x20) else {
            throw failed("credentials-absent", rules)
        }
        let text = Array(value[value.index(after: space)...])
        let scheme = String(decoding: value[..<space].map { $0 | 0x20 }, as: UTF8.self)
        switch scheme {
        case "basic" where !rules.passwords.isEmpty: return try basic(text, endpoint, rules)
        case "bearer":
            // Whoever names one of the pinned signers is judged by those rules alone.
            if let signed = rules.signedToken, rules.accessToken == nil || signedTokens.isAddressed(text, to: signed) {
                return try signedToken(text, signed, rules)
            }
            if let access = rules.accessToken { return try await accessToken(text, access, endpoint, rules) }
            throw failed("credentials-scheme", rules)
        default: throw failed("credentials-scheme", rules)
        }
    }

    private func basic(_ text: [UInt8], _ endpoint: Endpoint, _ rules: CacheOnlyAuthentication) throws(CalloutError) -> CalloutCaller {
        guard text.count <= 1024, var presented = try? Base64.decodeLenient(text[...]) else { throw failed("basic-malformed", rules) }
        defer { presented.wipe() }
        guard let found = BasicCredential.recognise(presented, among: rules.passwords, at: endpoint.id) else {
            throw failed("basic-mismatch", rules)
        }
        return CalloutCaller("basic", found.user)
    }

    private func signedToken(_ text: [UInt8], _ signed: PinnedTokenRules, _ rules: CacheOnlyAuthentication) throws(CalloutError) -> CalloutCaller {
        do { try signedTokens.verify(text, against: signed) } catch { throw failed(error.code, rules) }
        return CalloutCaller("jwt", signed.subject)
    }

    private func accessToken(
        _ text: [UInt8], _ access: AccessTokenRules, _ endpoint: Endpoint, _ rules: CacheOnlyAuthentication
    ) async throws(CalloutError) -> CalloutCaller {
        let token: VerifiedToken
        do {
            token = try await accessTokens.verify(text, expecting: endpoint.expectation, patience: .long)
        } catch {
            guard error != .keysUnavailable else { throw .unavailable(error.code) }
            throw failed(error.code, rules)
        }
        guard access.allows(scopeOf: token) else { throw failed("token-scope", rules) }
        guard access.allows(subjectOf: token) else { throw failed("token-subject", rules) }
        return CalloutCaller("oauth", token.subject)
    }

    /// 401 with the challenge of what the endpoint asks for (RFC 9110, 11.6.1), Basic first because some clients read one only.
    private func failed(_ cause: String, _ rules: CacheOnlyAuthentication) -> CalloutError {
        var challenges: [String] = []
        if !rules.passwords.isEmpty { challenges.append(#"Basic realm="cache-only keys", charset="UTF-8""#) }
        if rules.signedToken != nil || rules.accessToken != nil { challenges.append(#"Bearer realm="cache-only keys""#) }
        if challenges.isEmpty { challenges.append(#"TLS-Client-Certificate realm="cache-only keys""#) }
        return .unauthorized(cause, challenge: challenges.joined(separator: ", "))
    }
}
