import KeyCore
import Primitives

/// The keys with which this installation signs tokens of its own: for delegates, and for other key services, who fetch the public halves
/// at `certs` of a KACLS endpoint.
struct SigningKeyRoutes: RouteProvider {
    var routes: [Route] {
        [
            Route(
                .get, "/api/v1/signing-keys", "listSigningKeys", "The keys that sign our own tokens, the newest first", tag: "Signing keys",
                access: .needs(.readIssuers), answers: [200: .json(SigningKeyRoutes.list)], handler: list),
            Route(
                .post, "/api/v1/signing-keys/rotate", "rotateSigningKeys",
                "Make a new key: others see it at once, it signs ten minutes later, and the one before it stays published as long as its tokens live",
                tag: "Signing keys", access: .needs(.updateIssuers), event: .signingKeyRotated, answers: [200: .json(SigningKeyRoutes.list)],
                allowsDryRun: true, handler: rotate),
        ]
    }

    private static let list = Schema.object(name: "SigningKeys", [
        .required("items", .array(.object(name: "SigningKey", [
            .required("id", .text(1...128), "Its kid: the RFC 7638 thumbprint"), .required("created_at", .time),
            .required("state", .oneOf(SigningKeyRing.State.self), "announced, then signing, then retiring, then withdrawn"),
            .required("signs_from", .time), .required("published_until", .nullable(.time), "null as long as there is no newer one"),
        ]), count: 0...10_000)),
    ])

    private func list(_ call: APICall) async throws -> APIAnswer {
        APIAnswer(200, .json(try await SigningKeyRoutes.document { try SigningKeyRoutes.ring(call) }))
    }

    private func rotate(_ call: APICall) async throws -> APIAnswer {
        let document = try await SigningKeyRoutes.document {
            let ring = try SigningKeyRoutes.ring(call)
            if let newest = ring.listing.first, newest.state == .announced {
                throw Problem(
                    .wrongState, "the key made at \(RFC3339.string(newest.createdAt)) is published already and signs from \(RFC3339.string(newest.signsFrom))",
                    remedy: "wait until it signs")
            }
            try ring.rotate()
            return ring
        }
        let target = document["items"]?.array?.first?["id"]?.string
        return APIAnswer(200, .json(document), audit: AuditDetail(target: target), changesDataPlane: true)
    }

    /// Makes a key if there is none.
    static func makeFirst(_ stores: Stores) async throws {
        try await Offload.run {
            let ring = SigningKeyRing(secrets: stores.secrets, clock: stores.clock)
            try ring.load()
            if ring.isEmpty { try ring.rotate() }
        }
    }

    private static func ring(_ call: APICall) throws(StoreError) -> SigningKeyRing {
        let ring = SigningKeyRing(secrets: call.stores.secrets, clock: call.stores.clock)
        try ring.load()
        return ring
    }

    /// Making an RSA key takes its time, and secrets are read blocking.
    private static func document(_ body: @escaping @Sendable () throws -> SigningKeyRing) async throws -> JSONValue {
        let keys = try await Offload.run { try body().listing }
        return [
            "items": .array(keys.map { key in
                [
                    "id": .string(key.keyID), "created_at": .optional(key.createdAt), "state": .string(key.state.rawValue),
                    "signs_from": .optional(key.signsFrom), "published_until": .optional(key.publishedUntil),
                ]
            }),
        ]
    }
}

extension AuditEvent {
    static let signingKeyRotated = AuditEvent("signing-key.rotated")
}
