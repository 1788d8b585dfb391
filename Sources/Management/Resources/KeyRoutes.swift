package import KeyCore
import Primitives

/// Keys and their versions.
package struct KeyRoutes: RouteProvider {
    private let sources: [KeySourceID: any KeySource]

    /// Routes over these key sources.
    package init(sources: [any KeySource]) {
        self.sources = Dictionary(sources.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/keys/{key}", "getKey", "One key with its versions", tag: "Keys",
                access: .needsOn(.readKeys, .key, parameter: "key"), answers: [200: .json(KeySchemas.key)], handler: get),
            Route(
                .post, "/api/v1/keys", "createKey", "Create a key with its first version", tag: "Keys", access: .needs(.createKeys),
                event: .keyCreated, body: .json(KeySchemas.draft), answers: [201: .json(KeySchemas.key)], isCreation: true,
                allowsDryRun: true, handler: create),
        ]
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        let id: KeyID = try call.id("key")
        return .thing(KeySchemas.document(try await call.stores.keys.find(id.description)))
    }

    private func create(_ call: APICall) async throws -> APIAnswer {
        let name = call.body["name"]?.string ?? ""
        let purpose = call.body["purpose"]?.string.flatMap(KeyPurpose.init) ?? .wrap
        let algorithm = call.body["algorithm"]?.string.flatMap(KeyAlgorithm.init) ?? .aes256
        let sourceID = KeySourceID(call.body["source"]?.string ?? KeySourceID.embedded.description)
        guard let source = sources[sourceID] else { throw Problem.invalid("/source", expected: "a key source that is configured") }
        let key = try await call.stores.keys.create(name: name, purpose: purpose, algorithm: algorithm, source: source)
        return .thing(
            KeySchemas.document(key), status: 201, location: "/api/v1/keys/\(key.id)",
            audit: AuditDetail(target: key.name, keyID: key.id, keyVersion: 1), changesDataPlane: true)
    }
}

/// Keys on the wire.
enum KeySchemas {
    static let draft = Schema.object(name: "KeyDraft", [
        .required("name", .name, "Unique"),
        .optional("purpose", .oneOf(KeyPurpose.self), "What it is for; wrap if left out"),
        .optional("algorithm", .oneOf(KeyAlgorithm.self), "AES-256 if left out"),
        .optional("source", .text(1...64), "The key source that makes and holds it; embedded if left out"),
    ])

    static let version = Schema.object(name: "KeyVersion", [
        .required("number", .integer(1...Int64(UInt32.max))),
        .required("state", .oneOf(KeyState.self)),
        .required("created_at", .time),
        .required("destroy_at", .nullable(.time), "When its material will be destroyed"),
    ])

    static let key = Schema.object(name: "Key", [
        .required("id", .id), .required("name", .name), .required("purpose", .oneOf(KeyPurpose.self)),
        .required("algorithm", .oneOf(KeyAlgorithm.self)), .required("source", .text(1...64)), .required("created_at", .time),
        .required("versions", .array(version, count: 0...10_000), "Newest first"),
    ])

    static func document(_ key: Key) -> JSONValue {
        [
            "id": .string(key.id.description), "name": .string(key.name), "purpose": .string(key.purpose.rawValue),
            "algorithm": .string(key.algorithm.rawValue), "source": .string(key.source.description),
            "created_at": .optional(key.createdAt), "versions": .array(key.versions.map(document)),
        ]
    }

    static func document(_ version: KeyVersion) -> JSONValue {
        [
            "number": .integer(Int64(version.number)), "state": .string(version.state.rawValue), "created_at": .optional(version.createdAt),
            "destroy_at": .optional(version.destroyAt),
        ]
    }
}
