@testable import Management
import Primitives
import Testing

@Suite("The OpenAPI document") struct OpenAPITests {
    private let fixture: APIFixture
    private let document: JSONValue

    init() async throws {
        fixture = try APIFixture()
        document = try await fixture.call("GET", "/api/v1/openapi.json", as: .anonymous).json
    }

    private var operations: [(method: String, path: String, operation: JSONValue)] {
        (document["paths"]?.object ?? []).flatMap { path in
            (path.value.object ?? []).map { (method: $0.name.uppercased(), path: path.name, operation: $0.value) }
        }
    }

    @Test("has exactly one operation for each route, and none besides")
    func operationsAreRoutes() {
        let described = operations.map { "\($0.method) \($0.path) \($0.operation["operationId"]?.string ?? "")" }.sorted()
        let routes = fixture.api.routes.map { "\($0.method.rawValue) \($0.path) \($0.operation)" }.sorted()
        #expect(described == routes)
        #expect(Set(fixture.api.routes.map(\.operation)).count == routes.count, "operation ids are unique")
        #expect(Set(fixture.api.routes.map { "\($0.method.rawValue) \($0.path)" }).count == routes.count, "so are method and path")
    }

    @Test("describes each route's parameters, body, answers and who may use it, as they are")
    func describes() throws {
        for route in fixture.api.routes {
            let operation = try #require(operations.first { $0.operation["operationId"]?.string == route.operation }?.operation)
            let parameters = (operation["parameters"]?.array ?? []).map { "\($0["in"]?.string ?? "") \($0["name"]?.string ?? "")" }
            var expected = route.parameterNames.map { "path \($0)" } + route.allQuery.map { "query \($0.name)" }
            if route.allowsIfMatch { expected.append("header If-Match") }
            if route.isCreation { expected.append("header Idempotency-Key") }
            #expect(parameters.sorted() == expected.sorted(), "\(route.operation)")
            if case .none = route.body { #expect(operation["requestBody"] == nil) } else { #expect(operation["requestBody"] != nil) }
            let statuses = Set(operation["responses"]?.object?.map(\.name) ?? [])
            #expect(statuses.isSuperset(of: route.answers.keys.map(String.init)), "\(route.operation)")
            #expect(statuses.isSuperset(of: OpenAPIDocument.problems(route).map(String.init)), "\(route.operation)")
            #expect(!route.tag.isEmpty && !route.summary.isEmpty && operation["description"]?.string?.isEmpty == false)
        }
    }

    @Test("refers to no schema that it doesn't hold, and holds no name for two different schemas")
    func references() {
        let text = String(decoding: document.json, as: UTF8.self)
        let names = Set(document["components"]?["schemas"]?.object?.map(\.name) ?? [])
        for reference in text.split(separator: "#/components/schemas/").dropFirst() {
            #expect(names.contains(String(reference.prefix { $0 != "\"" })))
        }
        var known: [String: String] = [:]
        for (name, shape) in fixture.api.routes.flatMap(OpenAPITests.namedObjects) {
            #expect(known[name, default: shape] == shape, "two schemas are called \(name)")
            known[name] = shape
        }
    }

    @Test("marks every member of a body that holds a secret, so that none is ever repeated")
    func secrets() {
        let words = ["password", "passphrase", "secret", "material", "private_key", "totp"]
        for route in fixture.api.routes {
            guard case .json(let schema, _) = route.body else { continue }
            for (name, property) in OpenAPITests.members(of: schema) where words.contains(where: name.hasSuffix) {
                if case .object = property { continue }
                if case .boolean = property { continue }
                if name.hasSuffix("wrapped_material") { continue }  // encrypted, so that it may be seen
                if name.hasSuffix("privileged.wrap_private_key") || name == "wrap_private_key" { continue }  // who may do that: people's names
                #expect(property.isSecret, "\(route.operation): \(name)")
            }
        }
    }

    @Test("N27: has only routes whose held calls can be carried out later: JSON in, JSON or nothing out")
    func held() {
        for route in fixture.api.routes where route.quorum != nil {
            if case .bytes = route.body { Issue.record("\(route.operation) takes bytes") }
            for case .other(let type) in route.answers.values { Issue.record("\(route.operation) answers \(type)") }
            #expect(route.isChange && route.event != nil, "\(route.operation)")
        }
    }

    @Test("says of every change that it goes on record, but for those that change nothing")
    func events() {
        let reading: Set<String> = ["validatePolicy"]
        for route in fixture.api.routes where route.isChange {
            #expect((route.event == nil) == reading.contains(route.operation), "\(route.operation)")
        }
    }

    // MARK: Schemas

    private static func namedObjects(_ route: Route) -> [(String, String)] {
        var schemas: [Schema] = route.answers.values.compactMap { if case .json(let schema) = $0 { schema } else { nil } }
        if case .json(let schema, _) = route.body { schemas.append(schema) }
        return schemas.flatMap(objects)
    }

    private static func objects(_ schema: Schema) -> [(String, String)] {
        switch schema {
        case .object(let name, let properties):
            let shape = properties.map { "\($0.name) \($0.isRequired)" }.joined(separator: ",")
            return (name.map { [($0, shape)] } ?? []) + properties.flatMap { objects($0.schema) }
        case .array(let element, _): return objects(element)
        case .nullable(let inner): return objects(inner)
        case .map(_, let values, _): return objects(values)
        default: return []
        }
    }

    private static func members(of schema: Schema) -> [(String, Schema)] {
        switch schema {
        case .object(_, let properties): properties.flatMap { [($0.name, $0.schema)] + members(of: $0.schema) }
        case .array(let element, _): members(of: element)
        case .nullable(let inner): members(of: inner)
        case .map(_, let values, _): members(of: values)
        default: []
        }
    }
}
