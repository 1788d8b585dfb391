import Primitives

/// A text of 256 random bits that proves a session or an API token. Only its hash is kept: what is in the database signs nobody in.
package struct BearerToken: Sendable {
    /// What it stands for; its prefix says so.
    package enum Kind: String, Sendable {
        case apiToken = "hf_"
        case session = "hs_"
        /// The browser's part of a sign-in at an OpenID provider.
        case browser = "hb_"
    }

    /// Shown once.
    package let text: String

    /// A new one.
    package init(_ kind: Kind) throws {
        text = kind.rawValue + Base64.urlEncoded(try RandomBytes.generate(32))
    }

    /// SHA-256 of the text: of 256 random bits, that needs no salt and no stretching.
    package var hash: [UInt8] { BearerToken.hash(text) }

    /// The same of a text that somebody sent.
    package static func hash(_ text: String) -> [UInt8] { Digest.sha256(Array(text.utf8)) }

    /// What a text claims to be; nil unless it has a token's form.
    package static func kind(of text: String) -> Kind? {
        guard text.utf8.count == 46, text.utf8.dropFirst(3).allSatisfy({ isURLSafe($0) }) else { return nil }
        return Kind(rawValue: String(text.prefix(3)))
    }

    private static func isURLSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
        default: false
        }
    }
}
