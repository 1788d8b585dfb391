import KeyCore
package import Primitives

/// How the server is, part by part, for whoever is signed in.
package struct HealthRoutes: RouteProvider {
    private let board: HealthBoard
    private let version: String
    private let startedAt: Instant

    /// Routes over a board.
    package init(board: HealthBoard, version: String, startedAt: Instant) {
        (self.board, self.version, self.startedAt) = (board, version, startedAt)
    }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/health", "getHealth", "How each part of the server is", tag: "Observability", access: .signedIn,
                answers: [200: .json(HealthRoutes.schema)], handler: get),
        ]
    }

    private static let schema = Schema.object(name: "Health", [
        .required("status", .oneOf(ComponentHealth.Status.self), "The worst of all parts"), .required("version", .text(1...64)),
        .required("started_at", .time), .required("time", .time, "The server's clock"),
        .required("components", .array(.object(name: "ComponentHealth", [
            .required("name", .text(1...128)), .required("status", .oneOf(ComponentHealth.Status.self)), .required("detail", .text(0...4096)),
            .required("since", .nullable(.time), "Since when it is not ok"),
        ]), count: 0...10_000)),
    ])

    private func get(_ call: APICall) async throws -> APIAnswer {
        let found = await board.look()
        return APIAnswer(200, .json([
            "status": .string((found.map(\.health.status).max() ?? .ok).rawValue), "version": .string(version),
            "started_at": .optional(startedAt), "time": .optional(call.stores.clock.now),
            "components": .array(found.map { name, health in
                [
                    "name": .string(name), "status": .string(health.status.rawValue),
                    "detail": .string(AuditText.clean(health.detail, limit: 1000)), "since": .optional(health.since),
                ]
            }),
        ]))
    }
}
