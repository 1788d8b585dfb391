import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Keys on their way in and out") struct KeyTransferTests {
    let api: APIFixture
    init() throws { api = try APIFixture() }

    private func importKey() async throws -> PublicKey {
        let answer = try await api.call("GET", "/api/v1/import-key")
        return try PublicKey(spkiPEM: try #require(answer["public_key"].string))
    }

    /// Somebody whom the export policy permits.
    private func exporter() throws -> Caller { try .person("alice@example.com", [.exportKeys, .readKeys]) }

    @Test("the import key is the same whenever it is asked for")
    func importKeyStays() async throws { #expect(try await importKey().isEqual(to: try await importKey())) }

    @Test("an AES key comes in plain, and leaves with the same bytes under a public key", arguments: KeyWrapping.allCases)
    func roundTrip(wrapping: KeyWrapping) async throws {
        let material = [UInt8](0..<32)
        let policy = try await api.makePolicy(operations: "[exportKey]", principals: "[\"user:alice@example.com\"]")
        let answer = try await api.call("POST", "/api/v1/keys/import", body: [
            "name": "byok", "material": .string(Base64.string(material)), "exportable": true, "export_policy_id": .string(policy),
        ])
        #expect(answer.status == 201)
        #expect(answer["versions"].array?[0]["origin"] == "imported")
        let id = try #require(answer["id"].string)
        let target = try PrivateKey.generate(.rsa(bits: 2048))
        let export = try await api.call("POST", "/api/v1/keys/\(id)/export", body: [
            "public_key": .string(try target.publicKey.spkiPEM()), "algorithm": .string(wrapping.rawValue),
        ], as: try exporter())
        #expect(export.status == 200, "\(export.text)")
        let wrapped = try Base64.decodeLenient(Array(try #require(export["wrapped_material"].string).utf8)[...])
        #expect(try wrapping.unwrap(wrapped, with: target).exposedCopy() == material)
    }

    @Test("wrapped material comes in, of every kind of key", arguments: [
        (KeyAlgorithm.aes256, KeyWrapping.rsaOAEP), (.aes256, .rsaAESKWP), (.rsa2048, .rsaAESKWP), (.p256, .rsaAESKWP), (.p384, .rsaAESKWP),
        (.p256, .rsaOAEP),
    ])
    func wrapped(algorithm: KeyAlgorithm, wrapping: KeyWrapping) async throws {
        let material = try KeyMaterial.generate(algorithm)
        let answer = try await api.call("POST", "/api/v1/keys/import", body: [
            "name": "byok", "purpose": "transport", "algorithm": .string(algorithm.rawValue),
            "wrapped_material": .string(Base64.string(try wrapping.wrap(material, under: try await importKey()))),
            "wrapping_algorithm": .string(wrapping.rawValue),
        ])
        #expect(answer.status == 201, "\(answer.text)")
        guard algorithm.keyType != nil, let id = answer["id"].string else { return }
        let half = try await api.call("GET", "/api/v1/keys/\(id)/public-key")
        let expected = try PrivateKey(pkcs8DER: material).publicKey
        #expect(try PublicKey(spkiPEM: try #require(half["public_key"].string)).isEqual(to: expected))
    }

    @Test("material that is not of the key's kind, twice, missing, or wrapped under another key is refused; the answer holds none of it")
    func refused() async throws {
        let stranger = try PrivateKey.generate(.rsa(bits: 3072)).publicKey
        let aes = try SecretBytes(randomCount: 32)
        let foreign = Base64.string(try KeyWrapping.rsaOAEP.wrap(aes, under: stranger))
        let short = Base64.string([UInt8](repeating: 0x5A, count: 31))
        for (body, code) in [
            (["material": .string(short)], "invalid_field"), ([:], "invalid_field"),
            (["material": .string(short), "wrapped_material": .string(short)], "invalid_field"),
            (["wrapped_material": .string(foreign)], "invalid_field"), (["wrapped_material": .string(short)], "invalid_field"),
            (["material": "not base64 !"], "invalid_field"), (["material": .string(short), "algorithm": "EC-P256", "purpose": "sign"], "invalid_field"),
        ] as [(JSONValue, String)] {
            let answer = try await api.call("POST", "/api/v1/keys/import", body: (["name": "x"] as JSONValue).adding(members(body)))
            #expect(answer.code == code, "\(answer.text)")
            #expect(!answer.text.contains(short))
        }
        #expect(try await api.call("GET", "/api/v1/keys")["total"] == 0)
    }

    private func members(_ body: JSONValue) -> KeyValuePairs<String, JSONValue> {
        switch body.object?.count ?? 0 {
        case 0: [:]
        case 1: [body.object![0].name: body.object![0].value]
        case 2: [body.object![0].name: body.object![0].value, body.object![1].name: body.object![1].value]
        default:
            [
                body.object![0].name: body.object![0].value, body.object![1].name: body.object![1].value,
                body.object![2].name: body.object![2].value,
            ]
        }
    }

    @Test("a version of imported material joins a key, and wraps from now on")
    func version() async throws {
        let id = try await api.makeKey()
        let answer = try await api.call("POST", "/api/v1/keys/\(id)/versions", body: ["material": .string(Base64.string([UInt8](1...32)))])
        #expect(answer.status == 201)
        #expect(answer["primary_version"] == 2)
        #expect(answer["versions"].array?.map { $0["origin"]?.string ?? "" } == ["imported", "generated"])
    }

    @Test("N42 nothing is exported of a key that was made unexportable, has no policy, or whose policy does not permit the caller")
    func exportRefused() async throws {
        let pem = JSONValue.string(try PrivateKey.generate(.rsa(bits: 2048)).publicKey.spkiPEM())
        let policy = JSONValue.string(try await api.makePolicy(operations: "[exportKey]", principals: "[\"user:alice@example.com\"]"))
        let closed = try await api.makeKey("closed", ["export_policy_id": policy])
        let bare = try await api.makeKey("bare", ["exportable": true])
        let open = try await api.makeKey("open", ["exportable": true, "export_policy_id": policy])
        let body: JSONValue = ["public_key": pem]
        #expect(try await api.call("POST", "/api/v1/keys/\(closed)/export", body: body, as: try exporter()).code == "wrong_state")
        #expect(try await api.call("POST", "/api/v1/keys/\(bare)/export", body: body, as: try exporter()).code == "wrong_state")
        #expect(try await api.call("POST", "/api/v1/keys/\(open)/export", body: body, as: try .person("bob", [.exportKeys])).code == "permission_denied")
        #expect(try await api.call("POST", "/api/v1/keys/\(open)/export", body: body, as: try .person("alice@example.com", [.readKeys])).code == "permission_denied")
        #expect(try await api.call("POST", "/api/v1/keys/\(open)/export", body: body, as: try exporter()).status == 200)
        #expect(api.audit.records.last?.event.description == "key.exported")
        // Neither flag nor policy can be had afterwards by somebody who may only describe keys.
        #expect(try await api.call("PATCH", "/api/v1/keys/\(closed)", body: ["exportable": true]).status == 400)
        let describer = try Caller.person("carol", [.updateKeys])
        #expect(try await api.call("PATCH", "/api/v1/keys/\(bare)", body: ["export_policy_id": policy], as: describer).status == 403)
        _ = try await api.call("PUT", "/api/v1/keys/\(open)/versions/1/state", body: ["state": "suspended"])
        #expect(try await api.call("POST", "/api/v1/keys/\(open)/export", body: body, as: try exporter()).code == "wrong_state")
    }

    @Test("a public key that is none, or not RSA, is refused, and an AES key has no public half")
    func publicKeys() async throws {
        let policy = JSONValue.string(try await api.makePolicy(operations: "[exportKey]", principals: "[\"user:alice@example.com\"]"))
        let id = try await api.makeKey("open", ["exportable": true, "export_policy_id": policy])
        for pem in ["", "x", try PrivateKey.generate(.ec(.p256)).publicKey.spkiPEM()] where !pem.isEmpty {
            #expect(try await api.call("POST", "/api/v1/keys/\(id)/export", body: ["public_key": .string(pem)], as: try exporter()).status == 400)
        }
        #expect(try await api.call("GET", "/api/v1/keys/\(id)/public-key").code == "not_found")
    }
}
