import Foundation
import KeyCore
import Primitives

/// The browser that began a sign-in: everything that ties the provider's answer to it is made from one secret which only its cookie holds.
///
/// Nothing of a sign-in in progress is stored here: `state` is sealed, bound to the cookie, and says for which provider and until when.
struct OIDCBrowser: Sendable {
    static let cookieName = "__Host-holdfast-sign-in"
    static let lifetime = Duration.seconds(600)

    private let token: BearerToken?
    private let text: String

    /// A sign-in that begins.
    init() throws {
        let token = try BearerToken(.browser)
        (self.token, text) = (token, token.text)
    }

    /// The browser that comes back; nil if it has no such cookie.
    init?(cookieIn headers: [String: String]) {
        guard let value = SessionCookie.value(of: OIDCBrowser.cookieName, in: headers), BearerToken.kind(of: value) == .browser else { return nil }
        (token, text) = (nil, value)
    }

    /// `Set-Cookie`. Lax, because the provider's page sends the browser back here.
    var cookie: (name: String, value: String) {
        ("Set-Cookie", "\(OIDCBrowser.cookieName)=\(text); Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax")
    }

    static let clearCookie = (name: "Set-Cookie", value: "\(cookieName)=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")

    /// Proves at the token endpoint that it was we who began (RFC 7636).
    var codeVerifier: String { derived("pkce") }
    /// What the provider sees of it at the beginning (S256).
    var codeChallenge: String { Base64.urlEncoded(Digest.sha256(Array(codeVerifier.utf8))) }
    /// What the id_token must repeat.
    var nonce: String { derived("nonce") }

    private func derived(_ purpose: String) -> String {
        Base64.urlEncoded(Digest.sha256(Array("holdfast/oidc/\(purpose)/1\0\(text)".utf8)))
    }

    // MARK: State

    /// What `state` says.
    struct State: Sendable, Equatable {
        let provider: OIDCProviderID
        let isCookie: Bool
    }

    /// The sealed state of a sign-in that this browser begins now.
    func seal(_ state: State, with sealer: DataSealer, at now: Instant) throws -> String {
        let text = "\(state.provider) \(state.isCookie ? "cookie" : "token") \((now + OIDCBrowser.lifetime).seconds)"
        return Base64.urlEncoded(try sealer.seal(SecretBytes(copying: text.utf8), at: place))
    }

    /// What the state says; nil unless this browser began with it, not too long ago.
    func open(_ state: String, with sealer: DataSealer, at now: Instant) -> State? {
        guard let sealed = try? Base64.decodeURLCanonical(Array(state.utf8)[...]), let opened = try? sealer.open(sealed, at: place) else {
            return nil
        }
        let parts = String(decoding: opened.exposedCopy(), as: UTF8.self).split(separator: " ")
        guard parts.count == 3, let provider = OIDCProviderID(parts[0]), let end = Int64(parts[2]), now.seconds < end else { return nil }
        return State(provider: provider, isCookie: parts[1] == "cookie")
    }

    private var place: SealedLocation { SealedLocation(table: "oidc-state", row: Hex.string(BearerToken.hash(text)), column: "state") }
}
