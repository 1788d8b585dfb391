import HTTPTypes
import Hummingbird
import KeyCore
import Logging
@testable import Management
import NIOCore
import Plugins
import Primitives
import Synchronization
import TestSupport
import Testing

/// The whole management API over a database of its own, without sockets: each call goes through the real router, and each answer is
/// checked against what its route declares.
final class APIFixture: Sendable {
    let store: KeyDatabase
    let stores: Stores
    let audit: RecordingAudit
    let observation: Observation
    let api: ManagementAPI
    let approvals: Approvals
    private let router: ManagementRouter
    private let callers: TestCallers
    private let publications: Publications

    /// - Parameters:
    ///   - authenticator: who finds out whom a request without `as:` proves; by default it proves nobody.
    ///   - publish: makes the test's data plane see what was committed.
    ///   - more: routes of the test's own.
    init(
        authenticator: (any Authenticating)? = nil, directory: any ApprovalDirectory = NoAccounts(), over database: KeyDatabase? = nil,
        accounts: AccountSettings = AccountSettings(bench: PasswordBench(cost: PasswordCost(logN: 8, r: 8, p: 1))),
        publish: @escaping @Sendable () throws -> Void = {}, resources: ResourceServices = ResourceServices(), more: [Route] = [],
        audit: RecordingAudit = RecordingAudit()
    ) throws {
        self.audit = audit
        store = try database ?? KeyDatabase()
        stores = Stores(database: store.database, sealer: store.sealer, clock: store.clock.wall)
        let callers = TestCallers(rest: authenticator)
        let publications = Publications()
        (self.callers, self.publications) = (callers, publications)
        approvals = Approvals(stores, directory: directory, audit: audit)
        let journals = store.folder + "/audit"
        try Directory.create(journals)
        observation = try Observation(
            stores: stores, auditFolder: journals, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            verify: { try AuditVerifier(folder: journals, checkpoints: nil).verify() })
        var services = ManagementServices(
            stores: stores, keySources: [EmbeddedKeySource()], approvals: approvals, version: "0.0.0-test", observation: observation,
            backups: try Backups(stores, folder: store.folder + "/backups", program: "0.0.0-test"))
        services.accounts = accounts
        services.resources = resources
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        api = ManagementAPI(
            routes: ManagementRoutes.all(services) + more, stores: stores, audit: audit, authenticator: callers, approvals: approvals,
            idempotency: try StoredAnswers(stores), logger: logger, counters: observation.requests, publish: {
                try publish()
                publications.add()
            })
        router = ManagementRouter(api, clock: store.clock.wall, requestIDs: try RequestIDs())
    }

    /// How often the data plane was told of a change.
    var published: Int { publications.count }

    /// One request.
    /// - Parameters:
    ///   - path: path and query as on the wire.
    ///   - caller: who asks; nil leaves it to the fixture's authenticator.
    ///   - bytes: a body that isn't JSON.
    ///   - certificate: the client's, in DER.
    func call(
        _ method: String, _ path: String, body: JSONValue? = nil, bytes: [UInt8]? = nil, as caller: Caller? = .local("root"),
        headers: [String: String] = [:], from address: String = "192.0.2.1", certificate: [UInt8]? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> TestAnswer {
        var fields = HTTPFields()
        if body != nil { fields[.contentType] = "application/json" }
        for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
        if let caller { fields[TestCallers.field] = callers.add(caller) }
        let content = body?.json ?? bytes
        let request = Request(
            head: HTTPRequest(
                method: try #require(HTTPRequest.Method(method)), scheme: "https", authority: "localhost", path: path, headerFields: fields),
            body: RequestBody(buffer: ByteBuffer(bytes: content ?? [])))
        let tls = TLSHandshake(
            applicationProtocol: "http/1.1", serverName: "localhost", version: "TLSv1.3", isResumed: false, clientCertificateDER: certificate)
        let peer = ManagementPeer(address: address, tls: tls)
        let response = await router.respond(to: request, on: ManagementConnection(peer: peer, logger: Logger(label: "test")))
        let collector = BodyCollector()
        try await response.body.write(collector)
        let answer = TestAnswer(
            status: response.status.code,
            headers: Dictionary(response.headers.map { ($0.name.canonicalName, $0.value) }, uniquingKeysWith: { "\($0), \($1)" }),
            bytes: collector.bytes)
        if let route = route(method, path) {
            for fault in answer.faults(against: route) {
                Issue.record("\(method) \(path) → \(answer.status) \(answer.text.prefix(400)): \(fault)", sourceLocation: sourceLocation)
            }
        }
        return answer
    }

    /// The route that a request goes to; nil if there is none.
    func route(_ method: String, _ path: String) -> Route? {
        let segments = path.prefix { $0 != "?" }.split(separator: "/")
        return api.routes.filter { route in
            let parts = route.path.split(separator: "/")
            return route.method.rawValue == method && parts.count == segments.count
                && zip(parts, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }.min { $0.parameterNames.count < $1.parameterNames.count }
    }
}

/// What a call was answered.
struct TestAnswer: Sendable {
    let status: Int
    /// Names are lower case.
    let headers: [String: String]
    let bytes: [UInt8]

    var text: String { String(decoding: bytes, as: UTF8.self) }
    var json: JSONValue { (try? JSONValue(parsing: bytes)) ?? .null }
    /// A problem's code.
    var code: String? { self["code"].string }
    var etag: String? { headers["etag"] }

    /// A member of the document; `null` if there is none.
    subscript(name: String) -> JSONValue { json[name] ?? .null }

    /// What in this answer its route doesn't declare.
    func faults(against route: Route) -> [String] {
        var faults: [String] = []
        if headers["x-request-id"]?.count != 32 { faults.append("no request id") }
        if OpenAPIDocument.problems(route).contains(status), status >= 400 {
            if headers["content-type"] != "application/problem+json" { faults.append("a problem of type \(headers["content-type"] ?? "none")") }
            if code.flatMap(ProblemCode.init)?.status != status { faults.append("its code belongs to another status") }
            return faults
        }
        var kind = route.answers[status]
        if status == 202, kind == nil, route.quorum != nil { kind = .json(ApprovalSchemas.request) }
        switch kind {
        case nil: faults.append("the status is not declared")
        case .empty: if !bytes.isEmpty { faults.append("it has a body") }
        case .other(let type): if headers["content-type"]?.hasPrefix(type) != true { faults.append("it is not \(type)") }
        case .either(let types): if !types.contains(headers["content-type"] ?? "") { faults.append("it is none of \(types)") }
        case .json(let schema):
            if headers["content-type"] != "application/json" { faults.append("it is not application/json") }
            guard let document = try? JSONValue(parsing: bytes) else { return faults + ["it is no JSON document"] }
            faults += schema.faults(in: document).map { "\($0.field): declared is \($0.expected), found \($0.found ?? "another value")" }
        }
        return faults
    }
}

/// Callers that tests make up, each named by a header field of its request.
private final class TestCallers: Authenticating {
    static let field = HTTPField.Name("X-Test-Caller")!
    private let rest: (any Authenticating)?
    private let callers = Mutex<[Caller]>([])

    init(rest: (any Authenticating)?) { self.rest = rest }

    func add(_ caller: Caller) -> String {
        callers.withLock { callers in
            callers.append(caller)
            return "\(callers.count - 1)"
        }
    }

    func authenticate(_ request: APIRequest) async throws -> Caller {
        if let index = request.headers["x-test-caller"].flatMap({ Int($0) }) {
            let caller = callers.withLock { $0[index] }
            guard caller.proof != .none else { throw Problem(.unauthenticated, "nobody is signed in") }
            return caller
        }
        guard let rest else { throw Problem(.unauthenticated, "nobody is signed in") }
        return try await rest.authenticate(request)
    }
}

private final class Publications: Sendable {
    private let number = Mutex(0)
    var count: Int { number.withLock { $0 } }
    func add() { number.withLock { $0 += 1 } }
}

/// Gathers a response's body.
private final class BodyCollector: ResponseBodyWriter {
    private let content = Mutex<[UInt8]>([])
    var bytes: [UInt8] { content.withLock { $0 } }
    func write(_ buffer: ByteBuffer) async throws { content.withLock { $0 += Array(buffer.readableBytesView) } }
    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

extension Caller {
    /// Somebody with an account and these permissions.
    static func person(
        _ name: String = "alice", _ permissions: Set<Permission> = [], groups: Set<String> = [], grants: [Permission: Set<String>] = [:]
    ) throws -> Caller {
        let id = UserID(bytes: try #require(UUIDBytes(Array(Digest.sha256(Array(name.utf8))[..<16]))))
        return Caller(
            userID: id, name: "user:\(name)", proof: .session(id.description), groups: groups, permissions: permissions, grants: grants)
    }

    /// A member of a system group.
    static func member(of group: SystemGroup, _ name: String = "alice") throws -> Caller {
        try person(name, group.permissions, groups: [group.rawValue])
    }
}
