package import Primitives
import Synchronization

/// What a token must hold whose signer's certificates were given to us beforehand.
package struct PinnedTokenRules: Sendable, Equatable {
    /// A certificate under the name that tokens use for it.
    package struct Signer: Sendable, Equatable {
        /// The token's `kid`.
        package let keyID: String
        /// Holds the public key; who signed it and how long it is valid don't count, because it is pinned.
        package let certificate: Certificate

        /// A signer as given.
        package init(keyID: String, certificate: Certificate) { (self.keyID, self.certificate) = (keyID, certificate) }
    }

    /// `iss`, `sub`, and one of `aud`, compared exactly.
    package var issuer: String, subject: String, audience: String
    /// Who may sign; several during a change.
    package var certificates: [Signer]
    /// How far the caller's clock and ours may differ.
    package var skew = Duration.seconds(10)
    /// The longest accepted time from `iat` to `exp`.
    package var maxLifetime = Duration.seconds(900)

    /// Rules with the usual times.
    package init(issuer: String, subject: String, audience: String, certificates: [Signer]) {
        (self.issuer, self.subject, self.audience, self.certificates) = (issuer, subject, audience, certificates)
    }

    /// The signer of that `kid`, byte for byte.
    func signer(_ keyID: String?) -> Signer? { keyID.flatMap { keyID in certificates.first { ExactText.isEqual($0.keyID, keyID) } } }
}

/// Decides whether a token is one of a pinned signer's. RS256 and RS512 only.
///
/// In this order: form, `kid` among those pinned, algorithm, signature, times, `iss`, `sub`, `aud`.
package final class PinnedTokenVerifier: Sendable {
    private struct Name: Hashable {
        let key: [UInt8]
        let algorithm: SignatureAlgorithm
    }

    private static let algorithms: Set<SignatureAlgorithm> = [.rs256, .rs512]
    private static let maxKeys = 256
    private let clock: WallClock
    private let keys = Mutex<[Name: VerificationKey]>([:])

    /// A verifier.
    package init(clock: WallClock) { self.clock = clock }

    /// Whether the token names one of the rules' signers: if so, it is theirs to be judged by.
    package func isAddressed(_ text: [UInt8], to rules: PinnedTokenRules) -> Bool {
        (try? CompactJWS(text)).map { rules.signer($0.header.keyID) != nil } ?? false
    }

    /// Returns if the token is genuine, in time and as the rules want it.
    package func verify(_ text: [UInt8], against rules: PinnedTokenRules) throws(TokenRejection) {
        let jws = try CompactJWS(text)
        guard let signer = rules.signer(jws.header.keyID) else { throw .unknownKey }
        guard PinnedTokenVerifier.algorithms.contains(jws.header.algorithm) else { throw .header("algorithm is not accepted here") }
        guard try key(of: signer, jws.header.algorithm).verify(signature: jws.signature, over: jws.signedBytes) else { throw .signature }
        try checkTimes(jws.payload, rules)
        guard let issuer = jws.payload["iss"]?.string, ExactText.isEqual(issuer, rules.issuer) else { throw .issuer }
        guard let subject = jws.payload["sub"]?.string, ExactText.isEqual(subject, rules.subject) else { throw .claim("sub") }
        let audiences = try Claims(jws.payload).audiences()
        guard audiences.contains(where: { ExactText.isEqual($0, rules.audience) }) else { throw .audience }
    }

    private func checkTimes(_ payload: JSONValue, _ rules: PinnedTokenRules) throws(TokenRejection) {
        let claims = Claims(payload)
        let now = clock.now
        guard let expiresAt = try claims.instant("exp"), now < expiresAt + rules.skew else { throw .expired }
        if let notBefore = try claims.instant("nbf"), notBefore > now + rules.skew { throw .time("not valid yet") }
        let issuedAt = try claims.instant("iat")
        if let issuedAt, issuedAt > now + rules.skew { throw .time("issued in the future") }
        guard expiresAt - (issuedAt ?? now) <= rules.maxLifetime else { throw .time("lifetime is longer than accepted") }
    }

    private func key(of signer: PinnedTokenRules.Signer, _ algorithm: SignatureAlgorithm) throws(TokenRejection) -> VerificationKey {
        let name = Name(key: signer.certificate.spkiDER, algorithm: algorithm)
        if let held = keys.withLock({ $0[name] }) { return held }
        guard let key = try? signer.certificate.publicKey(), let ready = try? VerificationKey(key, algorithm: algorithm) else {
            throw .unknownKey
        }
        keys.withLock { keys in
            if keys.count >= PinnedTokenVerifier.maxKeys { keys = [:] }
            keys[name] = ready
        }
        return ready
    }
}
