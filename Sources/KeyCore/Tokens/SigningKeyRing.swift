package import Primitives
import Synchronization

/// The RSA keys with which this installation signs tokens of its own: for delegates, and for other key services. They are sealed in
/// the database, so they survive restarts and all nodes share them.
///
/// A new key is published at once and signs only after `lead`, when whoever caches our keys has seen it; the one before it stays published
/// for `overlap` more, while its tokens live. Nothing is ever changed in a key's row: its age says it all.
package final class SigningKeyRing: Sendable {
    /// How long others may cache our keys.
    package static let lead = Duration.seconds(600)
    /// How long our tokens live at most, with the largest skew and more.
    package static let overlap = Duration.seconds(3600)
    private static let prefix = "signing-key/"

    /// A public key and since when there is one.
    struct Entry: Sendable {
        let keyID: String
        let jwk: String
        let createdAt: Instant
    }

    private let secrets: SecretStore
    private let clock: WallClock
    private let entries = Mutex<[Entry]>([])

    /// A ring over the sealed secrets; empty until `load`.
    package init(secrets: SecretStore, clock: WallClock) { (self.secrets, self.clock) = (secrets, clock) }

    /// Reads the keys: at start, and when a secret has changed.
    package func load() throws(StoreError) {
        let rows = try secrets.list(prefix: SigningKeyRing.prefix)
        let read = rows.compactMap { row in
            row.publicPart.map { Entry(keyID: String(row.name.dropFirst(SigningKeyRing.prefix.count)), jwk: $0, createdAt: row.createdAt) }
        }
        entries.withLock { $0 = read.sorted { $0.createdAt > $1.createdAt } }
    }

    /// Makes a new key and publishes it; its turn to sign comes when it has been published for `lead`.
    package func rotate() throws(StoreError) {
        do {
            let key = try PrivateKey.generate(.rsa(bits: 2048))
            guard let jwk = try key.publicKey.jwk() else { throw StoreError.refused("an RSA key has no JWK") }
            let members = jwk.members + [("kid", jwk.thumbprint), ("alg", "RS256"), ("use", "sig")]
            let text = JSONValue.object(members.map { (name: $0.0, value: JSONValue.string($0.1)) }).json
            try secrets.create(
                SigningKeyRing.prefix + jwk.thumbprint, try key.pkcs8PEM(), publicPart: String(decoding: text, as: UTF8.self),
                now: clock.now, announced: true)
        } catch { throw StoreError(any: error) }
        try load()
    }

    /// Makes a key if there is none, or if the newest one is older than `age`.
    package func rotate(after age: Duration) throws(StoreError) {
        let newest = entries.withLock { $0.first?.createdAt }
        guard let newest, clock.now - newest < age else { return try rotate() }
    }

    /// Those that others must know: the JWK Set (RFC 7517, 5).
    package var jwks: String { "{\"keys\":[" + published.map(\.jwk).joined(separator: ",") + "]}" }

    /// Whether there is no key yet.
    package var isEmpty: Bool { entries.withLock { $0.isEmpty } }

    /// We ourselves as an issuer, for the verifier of tokens that come back to us.
    package var issuer: Issuer { .ownTokens(values: ["own"], jwks: jwks) }

    /// A token over `claims`, a JSON object, with RS256.
    package func sign(_ claims: JSONValue) throws(StoreError) -> String {
        guard let entry = signing, let key = try secrets.find(SigningKeyRing.prefix + entry.keyID) else {
            throw .notFound("a key to sign tokens with")
        }
        do {
            return try TokenMinter.mint(
                claims: String(decoding: claims.json, as: UTF8.self), algorithm: .rs256, keyID: entry.keyID, privateKeyPEM: key.bytes)
        } catch { throw .refused("\(error)") }
    }

    /// The newest key that has been published for long enough; the oldest if none has.
    private var signing: Entry? {
        let now = clock.now
        return entries.withLock { entries in entries.first { now - $0.createdAt >= SigningKeyRing.lead } ?? entries.last }
    }

    /// All that were made since the signing one, that one, and those whose tokens may still live.
    private var published: [Entry] {
        let listing = Dictionary(listing.map { ($0.keyID, $0.state) }, uniquingKeysWith: { first, _ in first })
        return entries.withLock { $0.filter { listing[$0.keyID] != .withdrawn } }
    }
}

extension SigningKeyRing {
    /// Where a key is in its life.
    package enum State: String, Sendable, CaseIterable {
        /// Published, so that others learn of it before it signs.
        case announced
        /// The one that signs.
        case signing
        /// Signs no more; still published, because its tokens may live.
        case retiring
        /// Published no more.
        case withdrawn
    }

    /// What may be told of a key.
    package struct Listed: Sendable, Equatable {
        /// Its `kid`: the RFC 7638 thumbprint.
        package let keyID: String
        package let createdAt: Instant
        package let state: State
        /// When its turn to sign comes, or came.
        package let signsFrom: Instant
        /// When it is withdrawn; nil as long as there is no newer one.
        package let publishedUntil: Instant?
    }

    /// All keys, the newest first.
    package var listing: [Listed] {
        let now = clock.now
        return entries.withLock { entries in
            let signing = entries.firstIndex { now - $0.createdAt >= SigningKeyRing.lead } ?? entries.indices.last
            return entries.indices.map { index in
                let until = index == 0 ? nil : entries[index - 1].createdAt + SigningKeyRing.lead + SigningKeyRing.overlap
                let state: State =
                    if let signing, index < signing { .announced } else if index == signing { .signing } else if let until, now >= until { .withdrawn } else { .retiring }
                let entry = entries[index]
                let isFirst = index == entries.count - 1
                return Listed(
                    keyID: entry.keyID, createdAt: entry.createdAt, state: state,
                    signsFrom: isFirst ? entry.createdAt : entry.createdAt + SigningKeyRing.lead, publishedUntil: until)
            }
        }
    }
}
