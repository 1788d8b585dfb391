package import Primitives

/// An issuer's public keys, ready to verify with.
package struct JWKS: Sendable {
    /// One key for one algorithm.
    package struct Entry: Sendable {
        /// Its `kid`; nil if the issuer gave none.
        package let keyID: String?
        package let algorithm: SignatureAlgorithm
        package let key: VerificationKey
    }

    /// Why a set is refused as a whole.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// No JSON object with an array `keys`.
        case malformed(String)
        /// A key that must not be trusted (too short, even exponent, off its curve): the set is refused, the old one kept.
        case unsafeKey(keyID: String, reason: String)
        /// No usable key at all.
        case empty

        package var description: String {
            switch self {
            case .malformed(let what): "not a JWK Set: \(what)"
            case .unsafeKey(let keyID, let reason): "key “\(keyID)” is not acceptable: \(reason)"
            case .empty: "no usable signature key in the set"
            }
        }
    }

    /// The usable keys, in the set's order.
    package let entries: [Entry]

    /// The largest set that is looked at, in bytes.
    package static let maxBytes = 256 << 10

    /// Parses a JWK Set (RFC 7517, 5). Keys for encryption or of other types and curves are skipped; an `alg` binds the key to it,
    /// otherwise an RSA key serves each RSA algorithm of `algorithms`, an EC key the one of its curve. Takes 9 ms for each RSA-2048 key.
    package init(parsing bytes: [UInt8], algorithms: Set<SignatureAlgorithm>) throws(Failure) {
        guard bytes.count <= JWKS.maxBytes else { throw .malformed("larger than \(JWKS.maxBytes) bytes") }
        let document: JSONValue
        do { document = try JSONValue(parsing: bytes, maxDepth: 8) } catch { throw .malformed("no strict JSON") }
        guard let keys = document["keys"]?.array else { throw .malformed("expected an object with the array “keys”") }
        guard keys.count <= 64 else { throw .malformed("more than 64 keys") }
        var entries: [Entry] = []
        for key in keys { entries += try JWKS.entries(for: key, algorithms) }
        guard !entries.isEmpty else { throw .empty }
        self.entries = entries
    }

    /// The keys for a token's header: exactly that `kid` and algorithm, or all of the algorithm if it has none.
    func candidates(_ header: CompactJWS.Header) -> [Entry] {
        entries.filter { entry in
            entry.algorithm == header.algorithm && JWKS.isEqual(entry.keyID, header.keyID ?? entry.keyID)
        }
    }

    /// Whether some key has that `kid`.
    func has(keyID: String?) -> Bool { keyID == nil || entries.contains { JWKS.isEqual($0.keyID, keyID) } }

    private static func isEqual(_ a: String?, _ b: String?) -> Bool {
        guard let a, let b else { return a == nil && b == nil }
        return ExactText.isEqual(a, b)
    }

    private static func entries(for key: JSONValue, _ algorithms: Set<SignatureAlgorithm>) throws(Failure) -> [Entry] {
        guard let type = key["kty"]?.string, type == "RSA" || type == "EC" else { return [] }
        guard key["use"] == nil || key["use"]?.string == "sig" else { return [] }
        if let operations = key["key_ops"], operations.array?.contains(.string("verify")) != true { return [] }
        let keyID = try keyID(key)
        let name = keyID ?? "without kid"
        let publicKey: PublicKey
        do {
            publicKey = try PublicKey(jwk: JWK { key[$0]?.string })
        } catch {
            if case .unsupported = error { return [] }
            throw .unsafeKey(keyID: name, reason: "\(error)")
        }
        let accepted = algorithms.filter { algorithm in
            algorithm.fits(publicKey.type) && (key["alg"] == nil || key["alg"]?.string == algorithm.rawValue)
        }
        var entries: [Entry] = []
        for algorithm in accepted.sorted(by: { $0.rawValue < $1.rawValue }) {
            do {
                entries.append(Entry(keyID: keyID, algorithm: algorithm, key: try VerificationKey(publicKey, algorithm: algorithm)))
            } catch {
                throw .unsafeKey(keyID: name, reason: "\(error)")
            }
        }
        return entries
    }

    private static func keyID(_ key: JSONValue) throws(Failure) -> String? {
        guard let member = key["kid"] else { return nil }
        guard let keyID = member.string, (1...512).contains(keyID.utf8.count) else { throw .malformed("a “kid” is no text of 1 to 512 bytes") }
        return keyID
    }
}
