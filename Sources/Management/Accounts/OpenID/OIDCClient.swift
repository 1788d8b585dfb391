import Foundation
import KeyCore
import Logging
package import Primitives
import Synchronization

/// Sends a request to an OpenID provider; the executable adds route and trust.
package typealias OIDCTransport = @Sendable (HTTPClientRequest) async throws -> (status: Int, body: [UInt8])

/// Talks to OpenID providers: configuration, exchange of a code, check of the id_token. What can't be fetched or isn't as it must be refuses
/// the sign-in; nothing is skipped (N21).
struct OIDCClient: Sendable {
    /// Where a provider's parts are (OpenID Connect Discovery 1.0, 3).
    struct Configuration: Sendable, Equatable {
        let authorizationEndpoint: String
        let tokenEndpoint: String
        let keys: String
    }

    let transport: OIDCTransport
    let clock: WallClock
    let memory: OIDCMemory

    /// The provider's configuration, at most five minutes old.
    /// - Throws: `.unavailable`.
    func discover(_ provider: OIDCProvider) async throws -> Configuration {
        if let configuration = memory.configuration(of: provider, at: clock.now) { return configuration }
        let configuration = try await fetchConfiguration(provider)
        memory.remember(configuration, of: provider, at: clock.now)
        return configuration
    }

    private func fetchConfiguration(_ provider: OIDCProvider) async throws -> Configuration {
        let base = provider.issuer.hasSuffix("/") ? String(provider.issuer.dropLast()) : provider.issuer
        let document = try await fetch(HTTPClientRequest(url: base + "/.well-known/openid-configuration"), provider)
        guard document["issuer"]?.string == provider.issuer else {
            throw OIDCClient.unavailable(provider, "its configuration names another issuer")
        }
        func url(_ name: String) throws -> String {
            guard let text = document[name]?.string, text.hasPrefix("https://"), text.utf8.count <= 2048, URL(string: text) != nil else {
                throw OIDCClient.unavailable(provider, "its configuration has no https URL \(name)")
            }
            return text
        }
        return Configuration(
            authorizationEndpoint: try url("authorization_endpoint"), tokenEndpoint: try url("token_endpoint"), keys: try url("jwks_uri"))
    }

    /// Where the browser is sent (OpenID Connect Core, 3.1.2.1).
    func authorizationURL(_ provider: OIDCProvider, _ configuration: Configuration, _ browser: OIDCBrowser, state: String) -> String {
        let query = FormEncoding.text([
            ("response_type", "code"), ("client_id", provider.clientID), ("redirect_uri", provider.redirectURI),
            ("scope", "openid email profile"), ("state", state), ("nonce", browser.nonce), ("code_challenge", browser.codeChallenge),
            ("code_challenge_method", "S256"),
        ])
        return configuration.authorizationEndpoint + (configuration.authorizationEndpoint.contains("?") ? "&" : "?") + query
    }

    /// The verified token for a code (OpenID Connect Core, 3.1.3).
    /// - Throws: `.unauthenticated` if the provider refuses the code, or its token isn't for us, for this sign-in, or not its own.
    func redeem(_ code: String, _ provider: OIDCProvider, secret: SharedSecret?, _ browser: OIDCBrowser) async throws -> VerifiedToken {
        let configuration = try await discover(provider)
        var request = HTTPClientRequest(method: "POST", url: configuration.tokenEndpoint)
        var fields = [
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", provider.redirectURI),
            ("code_verifier", browser.codeVerifier),
        ]
        if let secret {  // client_secret_basic (RFC 6749, 2.3.1)
            let pair = FormEncoding.encode(provider.clientID) + ":"
                + FormEncoding.encode(String(decoding: secret.bytes.exposedCopy(), as: UTF8.self))
            request.headers.append(HTTPClientHeader("Authorization", "Basic \(Base64.string(Array(pair.utf8)))"))
        } else {
            fields.append(("client_id", provider.clientID))
        }
        request.headers.append(HTTPClientHeader("Content-Type", "application/x-www-form-urlencoded"))
        request.headers.append(HTTPClientHeader("Accept", "application/json"))
        request.body = Array(FormEncoding.text(fields).utf8)
        let document = try await fetch(request, provider)
        guard let token = document["id_token"]?.string else { throw OIDCClient.refusal("the provider gave no id_token") }
        return try await verify(token, provider, configuration, nonce: browser.nonce)
    }

    // MARK: The token

    private func verify(
        _ token: String, _ provider: OIDCProvider, _ configuration: Configuration, nonce: String
    ) async throws -> VerifiedToken {
        var claims = Issuer.ClaimRules()
        (claims.requiresVerifiedEmail, claims.allowsMissingKeyID) = (false, true)
        let issuer = Issuer(
            id: IssuerID(bytes: provider.id.bytes), name: provider.name, values: [provider.issuer], keys: .jwksURL(configuration.keys),
            algorithms: [.rs256, .ps256, .es256, .es384], claims: claims)
        var timing = JWKSTiming()
        timing.patience = .seconds(8)
        let keys = JWKSStore(timing: timing, clock: clock, logger: Logger(label: "oidc") { _ in SwiftLogNoOpLogHandler() }) { url in
            let (status, body) = try await send(HTTPClientRequest(url: url), provider)
            guard status == 200 else { throw OIDCClient.unavailable(provider, "its keys were answered with status \(status)") }
            return (body, nil)
        }
        keys.configure([issuer])
        let verified: VerifiedToken
        do {
            verified = try await TokenVerifier(keys: keys, clock: clock, cacheCapacity: 1).verify(
                Array(token.utf8), expecting: TokenExpectation(issuers: [issuer], audiences: [provider.clientID]))
        } catch {
            if error == .keysUnavailable { throw OIDCClient.unavailable(provider, "its keys can't be fetched") }
            throw OIDCClient.refusal("the provider's id_token is not acceptable: \(error.rule)")
        }
        guard let given = verified.claims["nonce"]?.string, ConstantTime.isEqual(Array(given.utf8), Array(nonce.utf8)) else {
            throw OIDCClient.refusal("the provider's id_token belongs to another sign-in")
        }
        guard verified.audiences.count == 1 || verified.claims["azp"]?.string == provider.clientID, !verified.subject.isEmpty else {
            throw OIDCClient.refusal("the provider's id_token is not for this service")
        }
        return verified
    }

    // MARK: Requests

    private func fetch(_ request: HTTPClientRequest, _ provider: OIDCProvider) async throws -> JSONValue {
        let (status, body) = try await send(request, provider)
        if request.method == "POST", (400...499).contains(status) { throw OIDCClient.refusal("the provider does not accept the code") }
        guard status == 200, let document = try? JSONValue(parsing: body), document.object != nil else {
            throw OIDCClient.unavailable(provider, "it answered with status \(status) or no JSON object")
        }
        return document
    }

    private func send(_ request: HTTPClientRequest, _ provider: OIDCProvider) async throws -> (status: Int, body: [UInt8]) {
        var request = request
        (request.connectTimeout, request.totalTimeout, request.maxResponseBytes) = (.seconds(3), .seconds(5), 256 << 10)
        do { return try await transport(request) } catch { throw OIDCClient.unavailable(provider, "\(error)") }
    }

    private static func unavailable(_ provider: OIDCProvider, _ cause: String) -> Problem {
        .unavailable("the OpenID provider “\(provider.name)” can't be used now", cause: cause)
    }

    static func refusal(_ detail: String) -> Problem { Problem(.unauthenticated, detail, remedy: "begin the sign-in again") }
}

/// `application/x-www-form-urlencoded`, for queries and bodies.
enum FormEncoding {
    static func text(_ fields: [(String, String)]) -> String {
        fields.map { "\(encode($0.0))=\(encode($0.1))" }.joined(separator: "&")
    }

    /// Only unreserved characters stay (RFC 3986, 2.3).
    static func encode(_ text: String) -> String {
        String(decoding: text.utf8.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: [byte]
            default: [0x25] + Array(Hex.string([byte]).uppercased().utf8)
            }
        }, as: UTF8.self)
    }
}
