package import KeyCore
import Primitives

/// Where keys live.
package struct KeySourceRoutes: RouteProvider {
    private let sources: [any KeySource]

    /// Routes over these key sources.
    package init(sources: [any KeySource]) { self.sources = sources }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/key-sources", "listKeySources", "The key sources and whether they can be used", tag: "Keys",
                access: .needs(.readKeySources), answers: [200: .json(KeySourceRoutes.list)], handler: list)
        ]
    }

    private static let list = Schema.object(name: "KeySourcePage", [
        .required("items", .array(.object(name: "KeySource", [
            .required("id", .text(1...64)), .required("kind", .text(1...64)),
            .required("local", .boolean, "Whether it works within this process"),
            .required("imports", .boolean, "Whether keys can be imported into it and exported from it"),
            .required("health", .oneOf(["well", "unwell"])), .required("detail", .nullable(.text(0...1024)), "What is wrong"),
        ]), count: 0...1000)),
        .required("total", .integer(0...1000)), .required("next_cursor", .nullable(.text(1...2048))),
    ])

    private func list(_ call: APICall) async throws -> APIAnswer {
        var items: [JSONValue] = []
        for source in sources.sorted(by: { $0.id.description < $1.id.description }) {
            let health = await source.health()
            var detail = JSONValue.null
            if case .unwell(let text) = health { detail = .string(AuditText.clean(text, limit: 1024)) }
            items.append([
                "id": .string(source.id.description), "kind": .string(source.kind), "local": .bool(source.isLocal),
                "imports": .bool(source.keepsMaterial), "health": health == .well ? "well" : "unwell", "detail": detail,
            ])
        }
        return APIAnswer(200, .json(["items": .array(items), "total": .integer(Int64(items.count)), "next_cursor": nil]))
    }
}
