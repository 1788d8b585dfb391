import KeyCore
import Primitives

/// Issuers on the wire.
enum IssuerSchemas {
    private static let url = Schema.string(StringRule(
        length: 9...2048, pattern: "^https://[!-~]+$", about: "an address that begins with https://",
        accepts: { $0.hasPrefix("https://") && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }))
    private static let values = Schema.array(.text(1...512), count: 1...64)
    private static let algorithms = Schema.array(.oneOf(SignatureAlgorithm.self), count: 1...SignatureAlgorithm.allCases.count)

    /// Where the keys come from: exactly one.
    private static let origin: [Property] = [
        .optional("jwks_url", url, "The address of its JWK Set"),
        .optional("openid_configuration_url", url, "Instead: of its OpenID configuration, read once, now"),
        .optional("jwks", .anything, "Instead: the JWK Set itself, pinned"),
    ]

    private static let rules: [Property] = [
        .optional("values", values, "The accepted values of iss, exactly; taken from the OpenID configuration if left out"),
        .optional("algorithms", algorithms, "RS256 if left out"),
        .optional("require_verified_email", .boolean, "email must be there and email_verified true; true if left out"),
        .optional("allowed_email_suffixes", .array(.text(2...320), count: 0...64), "If not empty, email must end in one, as @example.com"),
        .optional("allow_missing_kid", .boolean, "Whether a token without kid is tried with all keys; false if left out"),
        .optional("max_lifetime_seconds", .integer(1...31_536_000), "The longest time from iat to exp; a day if left out"),
    ]

    static let draft = Schema.object(name: "IssuerDraft", [
        .required("name", .name, "Unique"), .optional("description", ResourceFields.description), .optional("enabled", .boolean),
    ] + origin + rules)
    static let change = Schema.object(name: "IssuerChange", [
        .optional("name", .name), .optional("description", ResourceFields.description),
        .optional("enabled", .boolean, "False: its tokens are refused at once"),
    ] + origin + rules)
    static let test = Schema.object(name: "IssuerTest", origin + [.optional("algorithms", algorithms, "RS256 if left out")])

    static let issuer = Schema.object(name: "Issuer", [
        .required("id", .id), .required("name", .name), .required("description", ResourceFields.description), .required("enabled", .boolean),
        .required("development", .boolean, "Whether we hold its private key ourselves: never for production"),
        .required("values", .array(.text(1...512), count: 0...64)), .required("jwks_url", .nullable(.text(1...2048))),
        .required("openid_configuration_url", .nullable(.text(1...2048)), "Where values and jwks_url were taken from"),
        .required("jwks", .anything, "The pinned JWK Set, or null"), .required("algorithms", .array(.oneOf(SignatureAlgorithm.self), count: 0...16)),
        .required("require_verified_email", .boolean), .required("allowed_email_suffixes", .array(.text(1...320), count: 0...64)),
        .required("allow_missing_kid", .boolean), .required("max_lifetime_seconds", .integer(1...Int64.max)), ResourceFields.revision,
    ] + ResourceFields.times)

    static let report = Schema.object(name: "IssuerTestReport", [
        .required("ok", .boolean, "Whether tokens of this issuer could be verified"),
        .required("steps", .array(.object(name: "IssuerTestStep", [
            .required("step", .text(1...64)), .required("ok", .boolean), .required("detail", .text(0...1024)),
        ]), count: 0...32)),
        .required("issuer", .nullable(.text(0...1024)), "What the OpenID configuration says"), .required("jwks_url", .nullable(.text(1...2048))),
        .required("keys", .array(.object(name: "IssuerTestKey", [
            .required("kid", .nullable(.text(0...512))), .required("kty", .nullable(.text(0...64))), .required("alg", .nullable(.text(0...64))),
            .required("accepted_for", .array(.oneOf(SignatureAlgorithm.self), count: 0...16)),
            .required("reason", .nullable(.text(0...1024)), "Why it is not used"),
        ]), count: 0...64)),
    ])

    static func document(_ entry: IssuerEntry) -> JSONValue {
        let issuer = entry.issuer
        var (url, jwks): (JSONValue, JSONValue) = (.null, .null)
        switch issuer.keys {
        case .jwksURL(let text): url = .string(text)
        case .pinned(let text): jwks = (try? JSONValue(parsing: Array(text.utf8))) ?? .null
        }
        return [
            "id": .string(issuer.id.description), "name": .string(issuer.name), "description": .string(entry.description),
            "enabled": .bool(issuer.isEnabled), "development": .bool(issuer.isDevelopment), "values": .strings(issuer.values), "jwks_url": url,
            "openid_configuration_url": .optional(entry.openIDConfigurationURL), "jwks": jwks,
            "algorithms": .strings(issuer.algorithms.map(\.rawValue).sorted()),
            "require_verified_email": .bool(issuer.claims.requiresVerifiedEmail),
            "allowed_email_suffixes": .strings(issuer.claims.allowedEmailSuffixes), "allow_missing_kid": .bool(issuer.claims.allowsMissingKeyID),
            "max_lifetime_seconds": .integer(issuer.claims.maxLifetime.components.seconds), "revision": .integer(entry.revision),
            "created_at": .optional(entry.createdAt), "updated_at": .optional(entry.updatedAt),
        ]
    }

    static func document(_ probe: IssuerProbe) -> JSONValue {
        [
            "ok": .bool(probe.isFine),
            "steps": .array(probe.steps.map { ["step": .string($0.name), "ok": .bool($0.isFine), "detail": .string($0.detail)] }),
            "issuer": .optional(probe.issuer), "jwks_url": .optional(probe.jwksURL),
            "keys": .array(probe.keys.map { key in
                [
                    "kid": clean(key.keyID, 512), "kty": clean(key.type, 64), "alg": clean(key.algorithm, 64),
                    "accepted_for": .strings(key.accepted.map(\.rawValue)), "reason": clean(key.reason, 1024),
                ]
            }),
        ]
    }

    private static func clean(_ text: String?, _ limit: Int) -> JSONValue { .optional(text.map { AuditText.clean($0, limit: limit) }) }
}
