package import Primitives

/// The OpenAPI 3.1 document, made from the routes: it can't say anything else than what the server does.
package enum OpenAPIDocument {
    /// The document of `routes`.
    package static func make(_ routes: [Route], version: String) -> JSONValue {
        var components: [String: JSONValue] = ["Problem": problem]
        var paths: [(name: String, value: JSONValue)] = []
        for path in Set(routes.map(\.path)).sorted() {
            var methods: [(name: String, value: JSONValue)] = []
            for route in routes where route.path == path {
                methods.append((route.method.rawValue.lowercased(), operation(route, &components)))
            }
            paths.append((path, .object(methods)))
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Holdfast management API", "version": .string(version),
                "description": "Keys, endpoints, issuers, policies, accounts and everything else that administrators work with.",
            ],
            "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
            "security": [["bearer": []]],
            "paths": .object(paths),
            "components": [
                "schemas": .object(components.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }),
                "securitySchemes": [
                    "bearer": [
                        "type": "http", "scheme": "bearer", "description": "A session's token (POST /api/v1/sessions) or an API token",
                    ]
                ],
            ],
        ]
    }

    private static func operation(_ route: Route, _ components: inout [String: JSONValue]) -> JSONValue {
        var members: [(name: String, value: JSONValue)] = [
            ("operationId", .string(route.operation)), ("summary", .string(route.summary)), ("tags", [.string(route.tag)]),
            ("description", .string(access(route))),
        ]
        if case .open = route.access { members.append(("security", [])) }
        let parameters = parameters(route, &components)
        if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
        switch route.body {
        case .none: break
        case .json(let schema, _):
            members.append(("requestBody", [
                "required": .bool(!schema.faults(in: .object([])).isEmpty),
                "content": ["application/json": ["schema": schema.openAPI(&components)]],
            ]))
        case .bytes(let type, _):
            members.append(("requestBody", ["required": true, "content": .object([(name: type, value: JSONValue.object([(name: "schema", value: .object([]))]))])]))
        }
        members.append(("responses", .object(answers(route, &components))))
        return .object(members)
    }

    private static func access(_ route: Route) -> String {
        switch route.access {
        case .open(let reason): "Open to anybody: \(reason)."
        case .signedIn: "For whoever is signed in; acts on the caller's own things."
        case .needs(let permission): "Needs `\(permission.rawValue)`."
        case .needsOn(let permission, let kind, _): "Needs `\(permission.rawValue)`, everywhere or on this \(kind.rawValue)."
        case .lists(let permission, let kind): "Needs `\(permission.rawValue)`; shows each \(kind.rawValue) on which the caller has it."
        }
    }

    private static func parameters(_ route: Route, _ components: inout [String: JSONValue]) -> [JSONValue] {
        var parameters: [JSONValue] = route.parameterNames.map { name in
            [
                "name": .string(name), "in": "path", "required": true,
                "schema": (route.parameters[name] ?? .id).openAPI(&components),
            ]
        }
        for parameter in route.allQuery {
            parameters.append([
                "name": .string(parameter.name), "in": "query", "required": false, "description": .string(parameter.about),
                "schema": parameter.schema.openAPI(&components),
            ])
        }
        if route.allowsIfMatch {
            parameters.append([
                "name": "If-Match", "in": "header", "required": false,
                "description": "The ETag of what the caller has read; 412 if it was changed since",
                "schema": ["type": "string", "pattern": "^(\"[0-9]{1,18}\"|\\*)$"],
            ])
        }
        if route.isCreation {
            parameters.append([
                "name": "Idempotency-Key", "in": "header", "required": false,
                "description": "A text of the caller's own: the request can be repeated with it and is done once",
                "schema": ["type": "string", "pattern": "^[!-~]{1,128}$"],
            ])
        }
        return parameters
    }

    private static func answers(_ route: Route, _ components: inout [String: JSONValue]) -> [(name: String, value: JSONValue)] {
        var answers: [(name: String, value: JSONValue)] = []
        for (status, kind) in route.answers.sorted(by: { $0.key < $1.key }) {
            let description = JSONValue.string(status == 202 ? "Waits for approval, or goes on in the background" : "Done")
            switch kind {
            case .empty: answers.append(("\(status)", ["description": description]))
            case .json(let schema):
                answers.append(("\(status)", [
                    "description": description, "content": ["application/json": ["schema": schema.openAPI(&components)]],
                ]))
            case .either(let types):
                answers.append(("\(status)", [
                    "description": description, "content": .object(types.map { (name: $0, value: JSONValue.object([])) }),
                ]))
            case .other(let type): answers.append(("\(status)", ["description": description, "content": .object([(name: type, value: JSONValue.object([]))])]))
            }
        }
        if route.quorum != nil, route.answers[202] == nil {
            answers.append(("202", [
                "description": "Waits for the approval of others",
                "content": ["application/json": ["schema": ApprovalSchemas.request.openAPI(&components)]],
            ]))
        }
        for status in problems(route) {
            answers.append(("\(status)", [
                "description": .string(title(status)),
                "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
            ]))
        }
        return answers
    }

    /// The statuses of the problems that a route can have.
    static func problems(_ route: Route) -> [Int] {
        var statuses = [400, 429, 500, 503]
        if case .open = route.access {} else { statuses += [401, 403] }
        if !route.parameterNames.isEmpty || route.isChange { statuses += [404] }
        if route.isChange { statuses += [409, 413, 415] }
        if route.event != nil, case .open = route.access { statuses += [401, 403] }
        if route.allowsIfMatch { statuses.append(412) }
        return Set(statuses).subtracting(route.answers.keys).sorted()
    }

    private static func title(_ status: Int) -> String {
        ProblemCode.allCases.filter { $0.status == status }.map(\.title).joined(separator: "; ")
    }

    private static let problem: JSONValue = [
        "type": "object", "description": "A problem document (RFC 9457)",
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "properties": [
            "type": ["type": "string"], "title": ["type": "string"], "status": ["type": "integer"],
            "code": ["type": "string", "enum": .strings(ProblemCode.allCases.map(\.rawValue))], "detail": ["type": "string"],
            "remedy": ["type": "string"], "request_id": ["type": "string"],
            "errors": [
                "type": "array",
                "items": [
                    "type": "object", "required": ["field", "expected"],
                    "properties": ["field": ["type": "string"], "expected": ["type": "string"], "found": ["type": "string"]],
                ],
            ],
        ],
    ]
}
