import KeyCore
import Primitives

/// Keys on the wire.
enum KeySchemas {
    static let labels = Schema.map(
        keys: StringRule(
            length: 1...63, pattern: "^[A-Za-z0-9._/-]+$", about: KeyLabels.nameRule, accepts: { KeyLabels.isName($0) }),
        values: .string(StringRule(length: 0...256, about: KeyLabels.valueRule, accepts: { KeyLabels.isValue($0) })),
        count: 0...KeyLabels.limit)

    private static let describing: [Property] = [
        .required("name", .name, "Unique"),
        .optional("purpose", .oneOf(KeyPurpose.self), "What it is for; wrap if left out. It never changes"),
        .optional("algorithm", .oneOf(KeyAlgorithm.self), "AES-256 if left out"),
        .optional("source", .text(1...64), "The key source that makes and holds it; embedded if left out"),
        .optional("description", ResourceFields.description),
        .optional("labels", labels),
        .optional("expires_at", .nullable(.time), "From then on it wraps nothing new, but goes on unwrapping; null for never"),
        .optional("exportable", .boolean, "Whether its material may ever be exported, wrapped; false if left out. It never changes"),
        .optional("export_policy_id", .nullable(.id), "The policy that says who may export it (operation exportKey); null: nobody"),
    ]

    static let draft = Schema.object(name: "KeyDraft", describing)
    static let importDraft = Schema.object(name: "KeyImport", describing + material)

    /// Material from outside, in one of two forms.
    static let material: [Property] = [
        .optional(
            "material", .base64(4...12_288, isSecret: true),
            "The key itself, protected by TLS only: 32 bytes for AES-256, otherwise unencrypted PKCS#8 in DER"),
        .optional("wrapped_material", .base64(4...16_384), "Instead: the same, wrapped under the import key (GET /api/v1/import-key)"),
        .optional(
            "wrapping_algorithm", .oneOf(KeyWrapping.self),
            "How it is wrapped; if left out RSA-OAEP-SHA256 for AES-256, otherwise RSA-AES-KWP (PKCS#11 CKM_RSA_AES_KEY_WRAP)"),
    ]
    static let versionImport = Schema.object(name: "KeyVersionImport", material)

    static let change = Schema.object(name: "KeyChange", [
        .optional("name", .name), .optional("description", ResourceFields.description),
        .optional("labels", labels, "All labels from now on"), .optional("expires_at", .nullable(.time), "Null for never"),
        .optional("export_policy_id", .nullable(.id), "Null: nobody may export it"),
    ])

    static let version = Schema.object(name: "KeyVersion", [
        .required("number", .integer(1...Int64(UInt32.max))),
        .required("state", .oneOf(KeyState.self)),
        .required("origin", .oneOf(KeyVersion.Origin.self), "Whether we made its material or got it from outside"),
        .required("created_at", .time),
        .required("destroy_at", .nullable(.time), "When its material will be destroyed"),
    ])

    private static let known: [Property] = [
        .required("id", .id), .required("name", .name), .required("purpose", .oneOf(KeyPurpose.self)),
        .required("algorithm", .oneOf(KeyAlgorithm.self)), .required("source", .text(1...64)),
        .required("description", ResourceFields.description), .required("labels", labels), .required("expires_at", .nullable(.time)),
        .required("expired", .boolean, "Whether its time is over: it wraps nothing new"), .required("exportable", .boolean),
        .required("export_policy_id", .nullable(.id)), .required("state", .oneOf(KeyState.self), "Of its newest version"),
        .required("version_count", .integer(0...10_000)), ResourceFields.revision,
    ] + ResourceFields.times

    static let summary = Schema.object(name: "KeySummary", known)
    static let key = Schema.object(name: "Key", known + [
        .required("primary_version", .nullable(.integer(1...Int64(UInt32.max))), "The version that wraps; null if none may"),
        .required("versions", .array(version, count: 0...10_000), "Newest first"),
    ])

    static func document(_ key: KeySummary, now: Instant) -> JSONValue {
        [
            "id": .string(key.id.description), "name": .string(key.name), "purpose": .string(key.purpose.rawValue),
            "algorithm": .string(key.algorithm.rawValue), "source": .string(key.source.description),
            "description": .string(key.description), "labels": labels(key.labels), "expires_at": .optional(key.expiresAt),
            "expired": .bool(key.hasExpired(at: now)), "exportable": .bool(key.isExportable),
            "export_policy_id": .optional(key.exportPolicy?.description), "state": .string(key.state.rawValue),
            "version_count": .integer(key.versionCount), "revision": .integer(key.revision), "created_at": .optional(key.createdAt),
            "updated_at": .optional(key.updatedAt),
        ]
    }

    static func document(_ key: Key, now: Instant) -> JSONValue {
        document(key.summary, now: now).adding([
            "primary_version": .optional((key.primary(at: now)?.number).map(Int64.init)), "versions": .array(key.versions.map(document)),
        ])
    }

    private static func document(_ version: KeyVersion) -> JSONValue {
        [
            "number": .integer(Int64(version.number)), "state": .string(version.state.rawValue), "origin": .string(version.origin.rawValue),
            "created_at": .optional(version.createdAt), "destroy_at": .optional(version.destroyAt),
        ]
    }

    private static func labels(_ labels: [String: String]) -> JSONValue {
        .object(labels.sorted { $0.key < $1.key }.map { (name: $0.key, value: .string($0.value)) })
    }
}

extension KeyDraft {
    /// What a checked body says.
    init(_ body: JSONValue) {
        self.init(name: body["name"]?.string ?? "")
        purpose = body["purpose"]?.string.flatMap(KeyPurpose.init) ?? .wrap
        algorithm = body["algorithm"]?.string.flatMap(KeyAlgorithm.init) ?? .aes256
        description = body["description"]?.string ?? ""
        labels = KeyChange.labels(body) ?? [:]
        (expiresAt, isExportable) = (body.instant("expires_at"), body["exportable"]?.bool ?? false)
        exportPolicy = body.id("export_policy_id")
    }
}

extension KeyChange {
    /// What a checked body says.
    init(_ body: JSONValue) {
        self.init()
        (name, description, labels) = (body["name"]?.string, body["description"]?.string, KeyChange.labels(body))
        if body.has("expires_at") { expiresAt = .some(body.instant("expires_at")) }
        if body.has("export_policy_id") { exportPolicy = .some(body.id("export_policy_id")) }
    }

    static func labels(_ body: JSONValue) -> [String: String]? {
        guard let members = body["labels"]?.object else { return nil }
        return Dictionary(members.map { ($0.name, $0.value.string ?? "") }, uniquingKeysWith: { first, _ in first })
    }
}
