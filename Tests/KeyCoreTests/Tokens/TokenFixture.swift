import KeyCore
import Logging
import Primitives
import TestSupport

/// One verifier with two issuers: Google's values with pinned keys, and a company's identity provider that publishes its set.
struct TokenFixture: Sendable {
    static let email = "service-123456789012@gcp-sa-ekms.iam.gserviceaccount.com"
    static let audience = "https://ekm.example.com"
    static let google = "https://accounts.google.com"
    static let idp = "https://idp.example.com"
    static let idpURL = "https://idp.example.com/jwks"

    static let googleKey = make("google-1", .rs256)
    static let idpKey = make("idp-1", .rs256)
    static let strangerKey = make("stranger", .rs256)
    static let p256 = make("p256", .es256)
    static let p384 = make("p384", .es384)
    static let p521 = make("p521", .es512)

    private static func make(_ keyID: String, _ algorithm: SignatureAlgorithm) -> TokenTestKey {
        do { return try TokenTestKey(keyID, algorithm) } catch { preconditionFailure("no test key: \(error)") }
    }

    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    let clock = TestClock()
    let site = TokenIssuerSite()
    let store: JWKSStore
    let verifier: TokenVerifier
    let googleIssuer: Issuer
    let idpIssuer: Issuer
    let expectation: TokenExpectation

    init(
        timing: JWKSTiming = JWKSTiming(), cacheCapacity: Int = 8192, googleKeys: TokenTestKey...,
        algorithms: Set<SignatureAlgorithm> = Set(SignatureAlgorithm.allCases)
    ) throws {
        let keys = googleKeys.isEmpty ? [Self.googleKey, Self.p256, Self.p384] : googleKeys
        let jwks = "{\"keys\":[" + (try keys.map { try $0.jwk() }).joined(separator: ",") + "]}"
        googleIssuer = Issuer(
            id: try IssuerID.random(), name: "google", values: [Self.google, "accounts.google.com"], keys: .pinned(jwks: jwks),
            algorithms: algorithms)
        idpIssuer = Issuer(id: try IssuerID.random(), name: "idp", values: [Self.idp], keys: .jwksURL(Self.idpURL), algorithms: algorithms)
        site.answer(Self.idpURL, .set(try TokenTestKey.jwks(Self.idpKey)))
        store = JWKSStore(timing: timing, clock: clock.wall, logger: Self.quiet, fetch: site.fetch)
        store.configure([googleIssuer, idpIssuer])
        verifier = TokenVerifier(keys: store, clock: clock.wall, cacheCapacity: cacheCapacity)
        expectation = TokenExpectation(issuers: [googleIssuer, idpIssuer], audiences: [Self.audience])
    }

    /// Valid claims of Google's.
    var claims: TokenClaims { claims() }
    func claims(issuer: String = google, audience: String = audience) -> TokenClaims {
        TokenClaims(issuer: issuer, audience: audience, email: Self.email, now: clock.now)
    }

    /// A valid token of Google's.
    func token() throws -> String { try Self.googleKey.token(claims.json) }

    /// Why a token is refused; nil if it is accepted.
    func rejection(_ token: String, _ other: TokenExpectation? = nil, patience: KeyPatience = .brief) async -> TokenRejection? {
        await rejection(Array(token.utf8), other, patience: patience)
    }

    func rejection(_ token: [UInt8], _ other: TokenExpectation? = nil, patience: KeyPatience = .brief) async -> TokenRejection? {
        do {
            _ = try await verifier.verify(token, expecting: other ?? expectation, patience: patience)
            return nil
        } catch {
            return error
        }
    }

    /// Why a token of Google's with one claim changed is refused.
    func rejection(of name: String, _ json: String?) async throws -> TokenRejection? {
        await rejection(try Self.googleKey.token(claims.with(name, json).json))
    }
}

extension TokenRejection {
    /// Whether it is the 401 of a token that is not in the required form.
    var isMalformed: Bool { if case .malformed = self { true } else { false } }
    var isHeader: Bool { if case .header = self { true } else { false } }
}
