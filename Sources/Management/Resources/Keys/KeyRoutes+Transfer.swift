import KeyCore
import Primitives

/// Keys on their way in and out.
extension KeyRoutes {
    var transferRoutes: [Route] {
        [
            Route(
                .get, "/api/v1/import-key", "getImportKey", "The public key under which material is wrapped on its way here", tag: "Keys",
                access: .signedIn, answers: [200: .json(KeyTransfer.importKey)], handler: importKey),
            Route(
                .post, "/api/v1/keys/import", "importKey", "Create a key from material that exists, plain or wrapped", tag: "Keys",
                access: .needs(.importKeys), event: .keyImported, body: .json(KeySchemas.importDraft), answers: [201: .json(KeySchemas.key)],
                isCreation: true, allowsDryRun: true, handler: importNew),
            Route(
                .post, "/api/v1/keys/{key}/versions", "importKeyVersion", "Add a version from material that exists; it wraps from now on",
                tag: "Keys", access: .needsOn(.importKeys, .key, parameter: "key"), event: .keyImported,
                body: .json(KeySchemas.versionImport), answers: [201: .json(KeySchemas.key)], isCreation: true, allowsDryRun: true,
                allowsIfMatch: true, handler: importVersion),
            Route(
                .get, "/api/v1/keys/{key}/public-key", "getPublicKey", "The public half of an RSA or EC key", tag: "Keys",
                access: .needsOn(.readKeys, .key, parameter: "key"),
                query: [QueryParameter("version", .integer(1...Int64(UInt32.max)), "Which version; the newest if left out")],
                answers: [200: .json(KeyTransfer.publicKey)], handler: publicKey),
            Route(
                .post, "/api/v1/keys/{key}/export", "exportKey",
                "The material of an exportable key, wrapped under a public RSA key, if the key's export policy permits it", tag: "Keys",
                access: .needsOn(.exportKeys, .key, parameter: "key"), event: .keyExported, quorum: .exportKey,
                body: .json(KeyTransfer.exportRequest), answers: [200: .json(KeyTransfer.export)], handler: export),
        ]
    }

    // MARK: In

    private func importKey(_ call: APICall) async throws -> APIAnswer {
        let key = try await importKeys(call).find().publicKey
        return APIAnswer(200, .json([
            "public_key": .string(try key.spkiPEM()), "algorithm": .string("\(key.type)"), "sha256": .string(Hex.string(key.spkiSHA256)),
            "wrapping_algorithms": .strings(KeyWrapping.allCases.map(\.rawValue)),
        ]))
    }

    private func importNew(_ call: APICall) async throws -> APIAnswer {
        try KeyRoutes.checkExport(call)
        let draft = KeyDraft(call.body)
        let material = try await material(call, draft.algorithm)
        return made(try await call.stores.keys.create(draft, importing: material.bytes, source: try source(call)), call)
    }

    private func importVersion(_ call: APICall) async throws -> APIAnswer {
        let keys = call.stores.keys
        let present = try await keys.find(try call.id("key", as: KeyID.self))
        let material = try await material(call, present.algorithm)
        let key = try await keys.rotate(
            present.id, importing: material.bytes, source: try source(of: present), expecting: call.expectedRevision)
        return rotated(key, call)
    }

    /// The material of a body, unwrapped.
    private func material(_ call: APICall, _ algorithm: KeyAlgorithm) async throws -> SharedSecret {
        let body = call.body
        switch (body["material"]?.string, body["wrapped_material"]?.string) {
        case (let text?, nil):
            guard !body.has("wrapping_algorithm") else {
                throw Problem.invalid("/wrapping_algorithm", expected: "no such field beside material, which is not wrapped")
            }
            return SharedSecret(try Base64.decodeSecretLenient(Array(text.utf8)[...]))
        case (nil, let text?):
            let wrapping = body["wrapping_algorithm"]?.string.flatMap(KeyWrapping.init) ?? .usual(for: algorithm)
            let wrapped = try Base64.decodeLenient(Array(text.utf8)[...])
            let key = try await importKeys(call).find()
            return SharedSecret(try wrapping.unwrap(wrapped, with: key))
        default: throw Problem.invalid("/material", expected: "one of material and wrapped_material")
        }
    }

    /// Also on a dry run the real ones: what was wrapped for a dry run must unwrap afterwards.
    private func importKeys(_ call: APICall) -> ImportKeyStore {
        ImportKeyStore(database: services.database ?? call.stores.database, sealer: call.stores.sealer, clock: call.stores.clock)
    }

    // MARK: Out

    private func publicKey(_ call: APICall) async throws -> APIAnswer {
        let number = call.query["version"].flatMap { KeyVersionNumber($0) }
        let (key, version, publicKey) = try await call.stores.keys.publicKey(try call.id("key"), version: number)
        let jwk = try publicKey.jwk()
        var members: [(name: String, value: JSONValue)] = (jwk?.members ?? []).map { ($0.name, .string($0.value)) }
        members.append(("kid", .string("\(key.id)/\(version)")))
        return APIAnswer(200, .json([
            "key_id": .string(key.id.description), "version": .integer(Int64(version)), "algorithm": .string(key.algorithm.rawValue),
            "public_key": .string(try publicKey.spkiPEM()), "jwk": .object(members), "sha256": .string(Hex.string(publicKey.spkiSHA256)),
        ]))
    }

    private func export(_ call: APICall) async throws -> APIAnswer {
        let id: KeyID = try call.id("key")
        let target: PublicKey
        do { target = try PublicKey(spkiPEM: call.body["public_key"]?.string ?? "") } catch {
            throw Problem.invalid("/public_key", expected: "a public RSA key as PEM with “BEGIN PUBLIC KEY”")
        }
        let key = try await call.stores.keys.find(id)
        let wrapping = call.body["algorithm"]?.string.flatMap(KeyWrapping.init) ?? .usual(for: key.algorithm)
        try await permit(call, key)
        let number = call.body["version"]?.integer.flatMap { KeyVersionNumber(exactly: $0) }
        let (version, material) = try await call.stores.keys.exportableMaterial(id, version: number)
        let wrapped = try wrapping.wrap(material.bytes, under: target)
        return APIAnswer(
            200,
            .json([
                "key_id": .string(id.description), "version": .integer(Int64(version)), "key_algorithm": .string(key.algorithm.rawValue),
                "algorithm": .string(wrapping.rawValue), "wrapped_material": .string(Base64.string(wrapped)),
                "public_key_sha256": .string(Hex.string(target.spkiSHA256)),
            ]),
            audit: AuditDetail(target: key.name, keyID: id, keyVersion: version, cause: "under " + Hex.string(target.spkiSHA256)))
    }

    /// That the key may leave at all, and that its export policy permits the caller.
    private func permit(_ call: APICall, _ key: Key) async throws {
        guard key.summary.isExportable else {
            throw Problem(.wrongState, "the key was made unexportable, and that never changes", remedy: "make a new key with \"exportable\": true")
        }
        guard let policyID = key.summary.exportPolicy else {
            throw Problem(.wrongState, "the key has no export policy, so nobody may export it", remedy: "give it one: export_policy_id")
        }
        let justification = call.body["justification"]?.string.map { Justification(name: $0) } ?? .missing
        let request = AccessRequest(
            .exportKey, of: key.id, by: call.caller.name, because: justification, from: IPAddress(call.remoteAddress),
            at: call.stores.clock.now)
        do { _ = try await call.stores.policies.find(policyID).policy.authorize(request) } catch let rejection as Rejection {
            throw Problem(
                .permissionDenied, "the key's export policy does not permit it: \(rejection.cause.name)",
                remedy: "ask whoever writes the policy for a rule that allows the operation exportKey to \(call.caller.name)")
        }
    }
}

/// Transfers on the wire.
enum KeyTransfer {
    static let importKey = Schema.object(name: "ImportKey", [
        .required("public_key", .text(1...2048), "SubjectPublicKeyInfo"), .required("algorithm", .text(1...16)),
        .required("sha256", .text(64...64), "Of the SubjectPublicKeyInfo's DER, hexadecimal"),
        .required("wrapping_algorithms", .array(.oneOf(KeyWrapping.self), count: 1...8)),
    ])

    static let publicKey = Schema.object(name: "PublicKey", [
        .required("key_id", .id), .required("version", .integer(1...Int64(UInt32.max))), .required("algorithm", .oneOf(KeyAlgorithm.self)),
        .required("public_key", .text(1...4096), "SubjectPublicKeyInfo"),
        .required("jwk", .map(keys: StringRule(length: 1...8), values: .text(1...2048), count: 1...8), "RFC 7517"),
        .required("sha256", .text(64...64), "Of the SubjectPublicKeyInfo's DER, hexadecimal"),
    ])

    static let exportRequest = Schema.object(name: "KeyExportRequest", [
        .optional("version", .integer(1...Int64(UInt32.max)), "The newest if left out"),
        .required("public_key", .text(1...8192), "PEM of the RSA key under which the material is wrapped"),
        .optional("algorithm", .oneOf(KeyWrapping.self), "RSA-OAEP-SHA256 for AES-256, otherwise RSA-AES-KWP, if left out"),
        .optional("justification", .text(1...64), "What the export policy is told as the reason"),
    ])

    static let export = Schema.object(name: "KeyExport", [
        .required("key_id", .id), .required("version", .integer(1...Int64(UInt32.max))),
        .required("key_algorithm", .oneOf(KeyAlgorithm.self)), .required("algorithm", .oneOf(KeyWrapping.self)),
        .required("wrapped_material", .base64(4...65_536)),
        .required("public_key_sha256", .text(64...64), "The key it is wrapped under"),
    ])
}
