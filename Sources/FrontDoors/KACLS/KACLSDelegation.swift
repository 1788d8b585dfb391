import KeyCore
import Primitives

/// What a delegated token keeps of the one from which it was made, so that a policy sees of a device's user what it sees of the user.
enum KACLSDelegation {
    /// The claim that holds the other token's claims.
    private static let claim = "source_claims"
    /// The largest claims of a delegated token: as a token they have to fit the verifier's 16 KiB.
    private static let maxBytes = 11 << 10
    /// Claims about the other token itself, and those that the delegated one has of its own.
    private static let left: Set<String> = [
        "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash", "delegated_to", "resource_name",
    ]

    /// `claims` with what is kept of the source's. Nothing of it is left out because it is long: a rule that refuses by it would not hold then.
    /// - Throws: 400 if that is more than a token can hold.
    static func adding(_ source: VerifiedToken, to claims: JSONValue) throws(KACLSError) -> JSONValue {
        let kept = (source.claims.object ?? []).filter { !left.contains($0.name) }
        let all = claims.adding([claim: .object(kept)])
        let json = all.json
        // As deep as the verifier takes at most, and without NUL, at which the minter would stop.
        guard json.count <= maxBytes, (try? JSONValue(parsing: json, maxDepth: 8)) != nil, !holdsNUL(all) else {
            throw KACLSError(
                400, "authentication: the claims can't be kept for the device: expected at most \(maxBytes) bytes of plain JSON with its own",
                cause: "claims-too-long")
        }
        return all
    }

    /// The claims of an authentication token as policies see them: a delegated token's are its source's, with its own where that has none.
    static func claims(of token: VerifiedToken) -> JSONValue {
        guard token.issuer == Issuer.ownTokensID, let source = token.claims[claim], let kept = source.object else { return token.claims }
        let own = (token.claims.object ?? []).filter { $0.name != claim && source[$0.name] == nil }
        return .object(kept + own)
    }

    private static func holdsNUL(_ value: JSONValue) -> Bool {
        switch value {
        case .string(let text): text.utf8.contains(0)
        case .array(let elements): elements.contains(where: holdsNUL)
        case .object(let members): members.contains { $0.name.utf8.contains(0) || holdsNUL($0.value) }
        case .null, .bool, .integer, .real: false
        }
    }
}
