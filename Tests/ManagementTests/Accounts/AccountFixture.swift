@testable import Management
import KeyCore
import Primitives
import TestSupport
import Testing

/// The API with real accounts: requests are authenticated as in the server, passwords are hashed cheaply.
struct AccountFixture {
    static let password = "correct battery horse 42"
    let api: APIFixture
    let bench: PasswordBench

    /// - Parameter database: another fixture's, as after a restart.
    init(
        over database: KeyDatabase? = nil, cost: PasswordCost = PasswordCost(logN: 8, r: 8, p: 1), oidc: OIDCTransport? = nil
    ) throws {
        let database = try database ?? KeyDatabase()
        let stores = Stores(database: database.database, sealer: database.sealer, clock: database.clock.wall)
        let bench = PasswordBench(cost: cost)
        self.bench = bench
        var settings = AccountSettings(bench: bench)
        if let oidc { settings.oidc = oidc }
        api = try APIFixture(
            authenticator: Authenticator(stores), directory: AccountDirectory(stores), over: database, accounts: settings)
    }

    var clock: TestClock { api.store.clock }
    var stores: Stores { api.stores }

    /// A user who can sign in with `password` and need not change it.
    @discardableResult
    func add(_ name: String, to groups: [SystemGroup] = [], password: String = AccountFixture.password) async throws -> UserID {
        var draft = UserDraft(name: try AccountName(new: name))
        draft.passwordHash = try await bench.hash(PasswordPolicy.bytes(password))
        draft.mustChangePassword = false
        let user = try await stores.users.create(draft, by: .local("root")).id
        for group in groups { _ = try await stores.groups.add(user, to: group.id, by: .local("root")) }
        return user
    }

    /// One request, with whatever proof the header fields hold.
    func call(
        _ method: String, _ path: String, body: JSONValue? = nil, token: String? = nil, headers: [String: String] = [:],
        from address: String = "192.0.2.1", certificate: [UInt8]? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> TestAnswer {
        var headers = headers
        if let token { headers["Authorization"] = "Bearer \(token)" }
        return try await api.call(
            method, path, body: body, as: nil, headers: headers, from: address, certificate: certificate, sourceLocation: sourceLocation)
    }

    func signIn(
        _ user: String, _ password: String = AccountFixture.password, code: String? = nil, cookie: Bool? = nil,
        from address: String = "192.0.2.1", sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> TestAnswer {
        var body: JSONValue = ["user": .string(user), "password": .string(password)]
        if let code { body = body.adding(["totp": .string(code)]) }
        if let cookie { body = body.adding(["cookie": .bool(cookie)]) }
        return try await call("POST", "/api/v1/sessions", body: body, from: address, sourceLocation: sourceLocation)
    }

    /// The token of a new session of that user.
    func session(_ user: String, _ password: String = AccountFixture.password) async throws -> String {
        try #require(try await signIn(user, password)["token"].string)
    }

    /// A user in these groups, and the token of a session.
    func person(_ name: String, in groups: [SystemGroup] = []) async throws -> (id: UserID, token: String) {
        (try await add(name, to: groups), try await session(name))
    }
}
