import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("N20, N26, N37: who may do what") struct AccessMatrixTests {
    private static let own = "5b0e4d5e-0f7a-4d0e-9d55-5b5a3f6b7a01"
    private static let other = "5b0e4d5e-0f7a-4d0e-9d55-5b5a3f6b7a02"
    /// All that may be done by somebody of whom nothing is known.
    private static let openOperations: Set<String> = [
        "getOpenAPI", "getLiveness", "getReadiness", "signIn", "startOIDC", "finishOIDC",
    ]

    private let fixture: APIFixture
    init() throws { fixture = try APIFixture() }

    @Test("each route asks for what the table says, and there is none without a row")
    func inventory() {
        for route in fixture.api.routes {
            let row: AccessTable.Row = switch route.access {
            case .open: .open
            case .signedIn: .signedIn
            case .needs(let permission): .needs(permission)
            case .needsOn(let permission, _, let parameter): .on(permission, parameter)
            case .lists(let permission, _): .lists(permission)
            }
            #expect(AccessTable.routes[route.operation] == row, "\(route.operation): the route says \(row)")
        }
        #expect(Set(AccessTable.routes.keys).subtracting(fixture.api.routes.map(\.operation)) == [], "rows of routes that there are not")
    }

    @Test("a permission that can be granted on one thing is asked of that thing's own id")
    func grantable() {
        for route in fixture.api.routes {
            switch route.access {
            case .needsOn(let permission, let kind, let parameter):
                #expect(kind.permissions.contains(permission), "\(route.operation)")
                #expect(route.parameterNames.first == parameter, "\(route.operation)")
            case .lists(let permission, let kind): #expect(kind.permissions.contains(permission), "\(route.operation)")
            case .open, .signedIn, .needs: break
            }
        }
    }

    @Test("each system group has the permissions that the table says, and there is no permission without a row")
    func groups() {
        for permission in Permission.allCases {
            #expect(AccessTable.permissions[permission] != nil, "\(permission.rawValue) has no row")
            for group in SystemGroup.allCases {
                #expect(group.permissions.contains(permission) == AccessTable.has(group, permission), "\(group.rawValue), \(permission.rawValue)")
            }
        }
    }

    @Test("nobody does anything without being signed in, but for what is open to all")
    func strangers() async throws {
        let open = fixture.api.routes.filter { if case .open = $0.access { true } else { false } }.map(\.operation)
        #expect(Set(open).isSubset(of: Self.openOperations))
        for route in fixture.api.routes where !open.contains(route.operation) {
            #expect(try await answer(route, as: .anonymous).status == 401, "\(route.operation)")
        }
        #expect(fixture.audit.records.allSatisfy { $0.outcome == .refused })
    }

    @Test("whoever must change the password first can do nothing but see that, change it, and sign out")
    func passwordFirst() async throws {
        let caller = Caller(
            userID: try Caller.person("new").userID, name: "user:new", proof: .session("s"), permissions: Set(Permission.allCases),
            mustChangePassword: true)
        for route in fixture.api.routes {
            if case .open = route.access { continue }
            let isRefused = !["getSelf", "changePassword", "signOut"].contains(route.operation)
            #expect((try await answer(route, as: caller).code == "password_change_required") == isRefused, "\(route.operation)")
        }
    }

    @Test("members of a system group, with a grant on the thing, on another, or none", arguments: SystemGroup.allCases, Holding.allCases)
    func matrix(group: SystemGroup, holding: Holding) async throws {
        for route in fixture.api.routes {
            guard let row = AccessTable.routes[route.operation] else { continue }  // told by the inventory
            if case .open = row { continue }
            let caller = try Self.caller(group, holding, row)
            let answer = try await answer(route, as: caller)
            let isRefused = answer.code == "permission_denied"
            #expect(isRefused == !Self.isAllowed(group, holding, row), "\(route.operation) → \(answer.status) \(answer.text.prefix(200))")
        }
    }

    @Test("holding every permission but the one that is needed is not enough")
    func everythingElse() async throws {
        for route in fixture.api.routes {
            let needed: Permission
            switch AccessTable.routes[route.operation] {
            case .needs(let permission), .on(let permission, _), .lists(let permission): needed = permission
            case .open, .signedIn, nil: continue
            }
            let rest = Set(Permission.allCases).subtracting([needed])
            var grants: [Permission: Set<String>] = [:]
            for permission in rest { grants[permission] = [Self.own] }
            let caller = try Caller.person("nearly", rest, grants: grants)
            #expect(try await answer(route, as: caller).code == "permission_denied", "\(route.operation)")
        }
    }

    /// On what else a permission is granted.
    enum Holding: CaseIterable, Sendable { case nothing, own, other }

    private static func isAllowed(_ group: SystemGroup, _ holding: Holding, _ row: AccessTable.Row) -> Bool {
        switch row {
        case .open, .signedIn: true
        case .needs(let permission): AccessTable.has(group, permission)
        case .on(let permission, _): AccessTable.has(group, permission) || holding == .own
        case .lists(let permission): AccessTable.has(group, permission) || holding != .nothing
        }
    }

    private static func caller(_ group: SystemGroup, _ holding: Holding, _ row: AccessTable.Row) throws -> Caller {
        var grants: [Permission: Set<String>] = [:]
        if holding != .nothing, case .needs(let permission) = row { grants[permission] = [own, other] }  // no use where it must be everywhere
        switch row {
        case .on(let permission, _), .lists(let permission): grants[permission] = holding == .nothing ? nil : [holding == .own ? own : other]
        case .open, .signedIn, .needs: break
        }
        return try .person("member", group.permissions, groups: [group.rawValue], grants: grants)
    }

    /// A call that gets no further than the checks of its values, or finds nothing.
    private func answer(_ route: Route, as caller: Caller) async throws -> TestAnswer {
        var path = ""
        for segment in route.path.split(separator: "/") {
            let name = String(segment.dropFirst().dropLast())
            path += segment.hasPrefix("{") ? "/\(sample(route.parameters[name] ?? .id))" : "/\(segment)"
        }
        var (body, bytes): (JSONValue?, [UInt8]?) = (nil, nil)
        var headers: [String: String] = [:]
        switch route.body {
        case .none: break
        case .json: body = [:]
        case .bytes(let type, _): (bytes, headers["Content-Type"]) = ([0], type)
        }
        return try await fixture.call(route.method.rawValue, path, body: body, bytes: bytes, as: caller, headers: headers)
    }

    private func sample(_ schema: Management.Schema) -> String {
        switch schema {
        case .integer(let range): "\(range.lowerBound)"
        case .string(let rule): rule.values?.first ?? (rule.format == .uuid ? Self.own : "x")
        default: "x"
        }
    }
}
