package import Primitives

/// A key identifier of an org, and the key version that it stands for: the same one for ever, because the org's data stays encrypted with it.
package struct CacheOnlyKey: Sendable, Equatable {
    /// `RemoteKeyIdentifier` in the org; `a-z A-Z 0-9 . - _`, compared byte for byte.
    package let identifier: String
    package let keyID: KeyID
    package let version: KeyVersionNumber
    /// The fingerprint of the org's certificate to which the key is encrypted (`CacheOnlyOptions.certificate`).
    package let certificate: String
    /// Whether it is handed out; an identifier that isn't does not exist as far as callers see.
    package let isEnabled: Bool
    /// From when it is handed out, if not always.
    package let notBefore: Instant?
    /// Until when it is handed out, if not for ever.
    package let notAfter: Instant?

    /// A key as given.
    package init(
        identifier: String, keyID: KeyID, version: KeyVersionNumber, certificate: String, isEnabled: Bool = true,
        notBefore: Instant? = nil, notAfter: Instant? = nil
    ) {
        (self.identifier, self.keyID, self.version, self.certificate) = (identifier, keyID, version, certificate)
        (self.isEnabled, self.notBefore, self.notAfter) = (isEnabled, notBefore, notAfter)
    }

    /// Whether it is handed out at that moment.
    package func isServed(at now: Instant) -> Bool {
        isEnabled && notBefore.map { $0 <= now } != false && notAfter.map { now < $0 } != false
    }

    /// Whether it would be handed out at fewer moments from now on with these limits instead of its own.
    package func losesTime(from notBefore: Instant?, until notAfter: Instant?, at now: Instant) -> Bool {
        let isOver = self.notAfter.map { $0 <= now } ?? false
        let endsSooner = notAfter.map { end in self.notAfter.map { end < $0 } ?? true } ?? false
        let beginsLater = notBefore.map { begin in begin > now && self.notBefore.map { $0 < begin } ?? true } ?? false
        return !isOver && (endsSooner || beginsLater)
    }

    /// What an identifier looks like, for people.
    package static let identifierRule = "1 to 255 of the characters a-z A-Z 0-9 . - _, but not . and .."

    /// Whether a text can be an identifier.
    package static func isIdentifier(_ text: some StringProtocol) -> Bool {
        (1...255).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { CacheOnlyOptions.isAlphanumeric($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
    }
}

/// What an endpoint of the Cache-Only Key Service has besides what all endpoints have.
package struct CacheOnlySettings: Sendable {
    /// Who calls, and how.
    package let options: CacheOnlyOptions
    private let keys: [String: CacheOnlyKey]

    /// Options and keys.
    package init(options: CacheOnlyOptions, keys: [CacheOnlyKey]) {
        self.options = options
        self.keys = Dictionary(keys.map { ($0.identifier, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The key of that identifier.
    package func key(_ identifier: String) -> CacheOnlyKey? { keys[identifier] }

    /// All keys, by identifier.
    package var allKeys: [CacheOnlyKey] { keys.values.sorted { $0.identifier < $1.identifier } }
}
