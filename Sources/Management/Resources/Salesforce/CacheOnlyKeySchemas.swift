import KeyCore
import Primitives

/// Cache-only keys on the wire.
enum CacheOnlyKeySchemas {
    /// A key identifier.
    static let kid = Schema.string(StringRule(
        length: 1...255, pattern: "^([A-Za-z0-9_-]|\\.[A-Za-z0-9_-]|\\.\\.[A-Za-z0-9._-])[A-Za-z0-9._-]*$", about: CacheOnlyKey.identifierRule,
        accepts: { CacheOnlyKey.isIdentifier($0) }))

    private static let fingerprint = SalesforceSchemas.certificateFingerprint

    private static let common: [Property] = [
        .optional("kid", .nullable(kid), "The identifier, for the org's tenant secret (RemoteKeyIdentifier); a new UUID if left out"),
        .optional("certificate", .nullable(fingerprint), "To which of the endpoint's certificates it is encrypted"),
        .optional("not_before", .nullable(.time), "Served from then on"), .optional("not_after", .nullable(.time), "Served until then"),
    ]

    static let draft = Schema.object(name: "CacheOnlyKeyDraft", common + [
        .optional("key_id", .nullable(.id), "A key for the purpose cache-only; the endpoint's own if left out"),
        .optional("key_version", .nullable(.integer(1...Int64(UInt32.max))), "The newest that is active if left out"),
    ])

    static let rotation = Schema.object(name: "CacheOnlyKeyRotation", common)

    static let change = Schema.object(name: "CacheOnlyKeyChange", [
        .optional("certificate", fingerprint, "The next answer is encrypted to it"),
        .optional("not_before", .nullable(.time)), .optional("not_after", .nullable(.time)),
        .optional("confirm", .boolean, "Must be true to serve it at fewer times: Salesforce destroys the org's key then"),
    ])

    static let stateChange = Schema.object(name: "CacheOnlyKeyStateChange", [
        .required("state", .oneOf(["enabled", "disabled"])),
        .optional("confirm", .boolean, "Must be true to disable: Salesforce then destroys the org's key"),
    ])

    static let key = Schema.object(name: "CacheOnlyKey", [
        .required("kid", kid), .required("endpoint_id", .id), .required("key_id", .id), .required("key_version", .integer(1...Int64(UInt32.max))),
        .required("certificate", fingerprint), .required("state", .oneOf(["enabled", "disabled"])),
        .required("not_before", .nullable(.time)), .required("not_after", .nullable(.time)),
        .required("warning", .nullable(.text(1...512)), "What its present state means for the org"), ResourceFields.revision,
    ] + ResourceFields.times)

    static let warning = """
        Callouts for it are answered 404: when Salesforce next asks, it marks the org's key as destroyed, and data encrypted with it can't be \
        read until it is enabled here and activated in the org.
        """

    /// - Parameter now: decides whether there is something to warn of.
    static func document(_ entry: CacheOnlyKeyEntry, at now: Instant) -> JSONValue {
        [
            "kid": .string(entry.identifier), "endpoint_id": .string(entry.endpointID.description),
            "key_id": .string(entry.key.keyID.description), "key_version": .integer(Int64(entry.key.version)),
            "certificate": .string(entry.key.certificate), "state": .string(entry.key.isEnabled ? "enabled" : "disabled"),
            "not_before": .optional(entry.key.notBefore), "not_after": .optional(entry.key.notAfter),
            "warning": .optional(warning(entry.key, at: now)), "revision": .integer(entry.revision),
            "created_at": .optional(entry.createdAt), "updated_at": .optional(entry.updatedAt),
        ]
    }
}

extension CacheOnlyKeySchemas {
    private static func warning(_ key: CacheOnlyKey, at now: Instant) -> String? {
        if !key.isServed(at: now) { return warning }
        return key.notAfter.map { "It is served until \(RFC3339.string($0)). From then on: \(warning)" }
    }
}

extension CacheOnlyKeyChange {
    /// What a checked body says.
    init(_ body: JSONValue) {
        self.init()
        certificate = body["certificate"]?.string
        if body.has("not_before") { notBefore = .some(body.instant("not_before")) }
        if body.has("not_after") { notAfter = .some(body.instant("not_after")) }
    }
}

extension CacheOnlyKeyDraft {
    /// What a checked body says, but for the key.
    init(_ body: JSONValue) {
        self.init()
        (identifier, certificate) = (body["kid"]?.string, body["certificate"]?.string)
        (notBefore, notAfter) = (body.instant("not_before"), body.instant("not_after"))
    }
}
