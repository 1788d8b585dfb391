import Foundation
import FrontDoors
import KeyCore
import Logging
import NIOHTTP1
import Plugins
import Synchronization
import TestSupport
import Testing

@testable import Primitives

/// A whole EKM in this process but for the network: database, sealing, keys, issuers, policies, endpoints, verifier, door. One key,
/// one endpoint for `ekm.example.com`, one issuer, a policy that permits `EKMTestToken.client` everything.
final class EKMFixture: Sendable {
    struct Options {
        var policy = EKMFixture.openPolicy
        var path: String?
        var allowedProjects: [String] = []
        var source: EKMTestKeySource?
        var keySourceDeadline = Duration.seconds(30)
        var jwks: [UInt8]??
        /// Other tests run beside this one: nothing may depend on speed.
        var patience = Duration.seconds(30)
        var refusalsPerSecond = 1_000_000
        var audit: (any AuditSink)?
        var clock: WallClock?
    }

    static let openPolicy = """
        version: 1
        name: open
        rules:
          - {name: ekm, effect: allow, operations: [wrap, unwrap], principals: ["\(EKMTestToken.client)"], justifications: any}
        """

    /// CipherTrust's basic policy for the client.
    static func basicPolicy(required: Bool, _ reasons: [String]) -> String {
        let list = reasons.map { "\"\($0)\"" }.joined(separator: ",")
        return #"{"basic":{"clients":["\#(EKMTestToken.client)"],"justification_required":\#(required),"justification_reason":[\#(list)]}}"#
    }

    let folder: String
    let clock = EKMTestClock()
    let audit = EKMTestAudit()
    let jwksHost: EKMTestJWKS
    let database: SQLiteDatabase
    let keys: KeyStore
    let cache = KeyCache()
    let service: KeyService
    let issuers: IssuerStore
    let policies: PolicyStore
    let endpoints: EndpointStore
    let jwks: JWKSStore
    let tokens: TokenVerifier
    let door: EKMDoor
    let source: any KeySource
    let key: Key
    let issuer: Issuer
    let endpointID: EndpointID
    private let current: Box

    private final class Box: Sendable {
        let snapshot = Mutex(RoutingSnapshot(sequence: 0, endpoints: [], issuers: []))
    }

    init(_ options: Options = Options()) async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-ekm-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let google = try EKMTestIssuer.google.get()
        let wall = options.clock ?? clock.wall
        database = try SQLiteDatabase(path: folder + "/holdfast.db", busyTimeout: .milliseconds(100))
        try database.migrate(Schema.migrations)
        keys = KeyStore(database: database, sealer: DataSealer(key: SharedSecret(try SecretBytes(randomCount: 32))), clock: wall)
        issuers = IssuerStore(database: database, clock: wall)
        policies = PolicyStore(database: database, clock: wall)
        endpoints = EndpointStore(database: database, clock: wall)
        let host = EKMTestJWKS(try options.jwks ?? EKMTestIssuer.jwks([google]))
        jwksHost = host
        var timing = JWKSTiming()
        timing.patience = options.patience
        jwks = JWKSStore(timing: timing, clock: wall, logger: .quiet) { _ in try host.fetch() }
        tokens = TokenVerifier(keys: jwks, clock: wall)
        let sink = options.audit ?? audit
        source = options.source ?? EmbeddedKeySource()
        service = KeyService(
            store: keys, cache: cache, sources: [EmbeddedKeySource(), source], audit: sink, clock: wall, deadline: options.keySourceDeadline)
        let box = Box()
        current = box
        door = EKMDoor(
            snapshot: { box.snapshot.withLock { $0 } }, tokens: tokens, keys: service, audit: sink,
            refusals: RefusalLimiter(perSecond: options.refusalsPerSecond, burst: options.refusalsPerSecond),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        issuer = Issuer(
            id: try IssuerID.random(), name: "google", values: ["https://accounts.google.com", "accounts.google.com"],
            keys: .jwksURL("https://www.googleapis.com/oauth2/v3/certs"))
        try await issuers.create(issuer)
        key = try await keys.create(name: "disk", purpose: .wrap, algorithm: .aes256, source: source)
        let policy = try await policies.save(try AccessPolicy(parsing: options.policy, source: "test.yaml"), name: "test")
        var draft = EndpointDraft(name: "disk", hostnames: ["ekm.example.com"], keyID: key.id, policyID: policy, issuers: [issuer.id])
        draft.path = options.path
        draft.allowedProjects = options.allowedProjects
        endpointID = try await endpoints.create(draft)
        try await reload()
    }

    deinit {
        try? database.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The configuration as the executable follows it: snapshot, issuers, keys.
    func reload() async throws {
        let snapshot = try await endpoints.snapshot()
        jwks.configure(snapshot.issuers)
        cache.invalidateAll()
        current.snapshot.withLock { $0 = snapshot }
    }

    /// What requests see.
    var snapshot: RoutingSnapshot { current.snapshot.withLock { $0 } }
    /// The endpoint's path.
    var path: String { snapshot.endpoints.first { $0.id == endpointID }?.path ?? "" }
    /// A valid token's draft.
    var token: EKMTestToken { EKMTestToken(now: clock.now) }

    /// A second endpoint.
    func addEndpoint(_ name: String, key: KeyID? = nil, hostname: String = "ekm.example.com", policy text: String = openPolicy) async throws -> String {
        let policy = try await policies.save(try AccessPolicy(parsing: text, source: "\(name).yaml"), name: name)
        let draft = EndpointDraft(name: name, hostnames: [hostname], keyID: key ?? self.key.id, policyID: policy, issuers: [issuer.id])
        let id = try await endpoints.create(draft)
        try await reload()
        return snapshot.endpoints.first { $0.id == id }?.path ?? ""
    }
}

extension Logger {
    /// Says nothing.
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
