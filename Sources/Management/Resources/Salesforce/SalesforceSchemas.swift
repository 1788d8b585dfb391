import KeyCore
import Primitives

/// What an endpoint of the Cache-Only Key Service has besides, on the wire.
enum SalesforceSchemas {
    private static let organization = Schema.string(StringRule(
        length: 15...18, pattern: "^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$", about: "an org id of 15 or 18 letters and digits, such as 00D5f000001AbCd",
        accepts: { [15, 18].contains($0.utf8.count) && $0.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) } }))
    private static let user = Schema.string(StringRule(
        length: 1...128, pattern: "^[!-9;-~]+$", about: BasicCredential.userRule, accepts: { BasicCredential.isUser($0) }))
    private static let pem = Schema.text(1...16384)
    private static let pems = Schema.array(pem, count: 1...8)
    private static let claim = Schema.text(1...512)
    private static let fingerprint = Schema.string(StringRule(
        length: 64...64, pattern: "^[0-9a-f]{64}$", about: "a SHA-256 fingerprint, 64 lower-case hexadecimal digits",
        accepts: { $0.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) } }))
    static let certificateFingerprint = fingerprint
    private static let clientCertificates = Schema.array(pem, count: 0...8)
    private static let nonceMemory = Schema.integer(60...86_400)

    private static let signedTokenDraft = Schema.object(name: "SalesforceSignedTokenDraft", [
        .required("issuer", claim, "iss, exactly"), .required("subject", claim, "sub, exactly"), .required("audience", claim, "One of aud, exactly"),
        .required("signers", .array(.object(name: "SalesforceSignerDraft", [
            .required("kid", .text(1...128), "The unique name of the org's certificate"), .required("certificate", pem, "PEM"),
        ]), count: 1...8), "Whose signatures count; two during a change"),
        .optional("clock_skew_seconds", .integer(0...60), "10 if left out"),
        .optional("max_lifetime_seconds", .integer(10...3600), "From iat to exp; 900 if left out"),
    ])

    private static let accessTokenDraft = Schema.object(name: "SalesforceAccessTokenDraft", [
        .optional("scope", .string(StringRule(length: 1...128, pattern: "^[!-~]+$", about: "one word of at most 128 printable characters",
            accepts: { $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } })), "\(AccessTokenRules.usualScope) if left out"),
        .required("subjects", .array(claim, count: 1...16), "The values of sub that are this org"),
    ])

    private static func authentication(name: String, basic: Schema) -> Schema {
        .object(name: name, [
            .optional("basic", .array(basic, count: 0...4), "Users with passwords that are made here"),
            .optional("signed_token", .nullable(signedTokenDraft), "Tokens that the org signs itself"),
            .optional("access_token", .nullable(accessTokenDraft), "Access tokens of the endpoint's issuers"),
            .optional("client_certificates", clientCertificates, "PEM or SHA-256 fingerprints; needed besides what else there is"),
        ])
    }

    static let draft = Schema.object(name: "SalesforceOptionsDraft", [
        .required("organization", organization, "The org's id"),
        .required("certificates", pems, "The org's BYOK-compatible certificates (PEM); keys are encrypted to the first unless they name another"),
        .required("authentication", authentication(name: "SalesforceAuthenticationDraft", basic: .object(name: "SalesforceBasicDraft", [
            .required("user", user, "A password is made, and shown in the answer only"),
        ])), "At least one of them"),
    ] + common)

    static let change = Schema.object(name: "SalesforceOptionsChange", [
        .optional("organization", organization), .optional("certificates", pems, "Instead of those before; one that a key uses can't go"),
        .optional("authentication", authentication(name: "SalesforceAuthenticationChange", basic: .object(name: "SalesforceBasicChange", [
            .optional("id", .id, "Keeps this password"), .optional("user", user, "Instead: makes a new one, shown in the answer only"),
        ])), "What is left out stays; null or an empty list takes one away"),
    ] + common)

    private static let common: [Property] = [
        .optional("requires_request_id", .boolean, "Refuse callouts without requestId; only once the org has replay detection on"),
        .optional("nonce_memory_seconds", nonceMemory, "How long a requestId is remembered; 900 if left out"),
        .optional("allows_any_certificate", .boolean, "For tests: certificates of any size and age"),
    ]

    private static let certificate = Schema.object(name: "SalesforceCertificate", [
        .required("fingerprint", fingerprint, "SHA-256 of the certificate"), .required("spki_sha256", fingerprint),
        .required("subject", .text(0...2048)), .required("not_before", .time), .required("not_after", .time), .required("pem", pem),
    ])

    /// The options of an endpoint.
    static let options = Schema.object(name: "SalesforceOptions", [
        .required("organization", organization), .required("certificates", .array(certificate, count: 1...8)),
        .required("authentication", .object(name: "SalesforceAuthentication", [
            .required("basic", .array(.object(name: "SalesforceBasic", [
                .required("id", .id), .required("user", user), .required("created_at", .time),
                .required("password", .nullable(.shownOnce(43...43)), "In the answer to the request that made it; null ever after"),
            ]), count: 0...4)),
            .required("signed_token", .nullable(.object(name: "SalesforceSignedToken", [
                .required("issuer", claim), .required("subject", claim), .required("audience", claim),
                .required("signers", .array(.object(name: "SalesforceSigner", [
                    .required("kid", .text(1...128)), .required("certificate", certificate),
                ]), count: 1...8)),
                .required("clock_skew_seconds", .integer(0...60)), .required("max_lifetime_seconds", .integer(10...3600)),
            ]))),
            .required("access_token", .nullable(.object(name: "SalesforceAccessToken", [
                .required("scope", .text(1...128)), .required("subjects", .array(claim, count: 1...16)),
            ]))),
            .required("client_certificates", .array(fingerprint, count: 0...8)),
        ])),
        .required("requires_request_id", .boolean), .required("nonce_memory_seconds", nonceMemory), .required("allows_any_certificate", .boolean),
    ])

    /// - Parameter passwords: those that were just made, by the credential's id.
    static func document(_ options: CacheOnlyOptions, passwords: [String: String] = [:]) -> JSONValue {
        let rules = options.authentication
        return [
            "organization": .string(options.organization), "certificates": .array(options.certificates.map(document)),
            "authentication": [
                "basic": .array(rules.passwords.map { credential in
                    [
                        "id": .string(credential.id), "user": .string(credential.user), "created_at": .optional(credential.createdAt),
                        "password": .optional(passwords[credential.id]),
                    ]
                }),
                "signed_token": rules.signedToken.map(document) ?? .null,
                "access_token": rules.accessToken.map { ["scope": .string($0.scope), "subjects": .strings($0.subjects)] } ?? .null,
                "client_certificates": .strings(rules.clientCertificates),
            ],
            "requires_request_id": .bool(options.requiresNonce), "nonce_memory_seconds": .integer(options.nonceMemory.components.seconds),
            "allows_any_certificate": .bool(options.allowsAnyCertificate),
        ]
    }

    private static func document(_ rules: PinnedTokenRules) -> JSONValue {
        [
            "issuer": .string(rules.issuer), "subject": .string(rules.subject), "audience": .string(rules.audience),
            "signers": .array(rules.certificates.map { ["kid": .string($0.keyID), "certificate": document($0.certificate)] }),
            "clock_skew_seconds": .integer(rules.skew.components.seconds),
            "max_lifetime_seconds": .integer(rules.maxLifetime.components.seconds),
        ]
    }

    private static func document(_ certificate: Certificate) -> JSONValue {
        [
            "fingerprint": .string(Hex.string(certificate.sha256Fingerprint)), "spki_sha256": .string(Hex.string(certificate.spkiSHA256)),
            "subject": .string(String(certificate.subject.prefix(2048))), "not_before": .optional(Instant(seconds: certificate.notBefore)),
            "not_after": .optional(Instant(seconds: certificate.notAfter)), "pem": .string(certificate.pem),
        ]
    }
}
