import Primitives

/// What tells of the API itself.
package struct SystemRoutes: RouteProvider {
    private let version: String
    private let document: JSONValue

    /// The routes of an API that has `others` besides these.
    package init(version: String, others: [Route]) {
        self.version = version
        let own = SystemRoutes.make(version: version, document: .null)
        document = OpenAPIDocument.make(others + own, version: version)
    }

    package var routes: [Route] { SystemRoutes.make(version: version, document: document) }

    private static func make(version: String, document: JSONValue) -> [Route] {
        [
            Route(
                .get, "/api/v1/openapi.json", "getOpenAPI", "This document", tag: "System",
                access: .open(reason: "it says what the API can do, and nothing of this installation"),
                answers: [200: .json(.anything)]) { _ in APIAnswer(200, .json(document)) },
            Route(
                .get, "/api/v1/version", "getVersion", "The version of the server", tag: "System", access: .signedIn,
                answers: [200: .json(.object(name: "Version", [.required("version", .text(1...64))]))]) { _ in
                    APIAnswer(200, .json(["version": .string(version)]))
                },
        ]
    }
}
