package import Primitives

/// What is in a JWK Set, key by key: which are believed and which aren't, and why. For people; tokens are verified with `JWKS`.
package struct JWKSReport: Sendable {
    /// One key of the set.
    package struct Key: Sendable {
        package let keyID: String?
        package let type: String?
        /// What its own `alg` says.
        package let algorithm: String?
        /// The algorithms for which it is believed; empty if it is passed over or refused.
        package let accepted: [SignatureAlgorithm]
        /// Why it isn't; nil if it is.
        package let reason: String?
        /// Whether it makes the whole set unacceptable.
        package let spoilsSet: Bool
    }

    /// All keys in the set's order.
    package let keys: [Key]

    /// Whether the set as a whole can be used.
    package var isUsable: Bool { !keys.contains(where: \.spoilsSet) && keys.contains { !$0.accepted.isEmpty } }

    /// Looks at a document by the same rules by which tokens are verified.
    /// - Throws: `.malformed` if it is no JWK Set at all.
    package init(of bytes: [UInt8], algorithms: Set<SignatureAlgorithm>) throws(JWKS.Failure) {
        guard bytes.count <= JWKS.maxBytes else { throw .malformed("larger than \(JWKS.maxBytes) bytes") }
        guard let document = try? JSONValue(parsing: bytes, maxDepth: 8), let keys = document["keys"]?.array, keys.count <= 64 else {
            throw .malformed("expected strict JSON: an object with an array “keys” of at most 64")
        }
        self.keys = keys.map { JWKSReport.examine($0, algorithms) }
    }

    private static func examine(_ key: JSONValue, _ algorithms: Set<SignatureAlgorithm>) -> Key {
        var accepted: [SignatureAlgorithm] = []
        var (reason, spoilsSet): (String?, Bool) = (nil, false)
        do {
            accepted = try JWKS(parsing: (["keys": .array([key])] as JSONValue).json, algorithms: algorithms).entries.map(\.algorithm)
        } catch .empty {
            reason = "passed over: not for signatures, or of a kind, curve or algorithm that the issuer may not use"
        } catch {
            (reason, spoilsSet) = ("\(error)", true)
        }
        return Key(
            keyID: key["kid"]?.string, type: key["kty"]?.string, algorithm: key["alg"]?.string, accepted: accepted, reason: reason,
            spoilsSet: spoilsSet)
    }
}
