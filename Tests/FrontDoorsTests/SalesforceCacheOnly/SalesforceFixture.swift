import Foundation
import FrontDoors
import KeyCore
import Logging
import NIOHTTP1
import Plugins
import Synchronization
import TestSupport

@testable import Primitives

/// A whole Cache-Only Key Service in this process but for the network: one org with a password, one cache-only key with an identifier.
final class SalesforceFixture: Sendable {
    struct Options {
        var change: @Sendable (inout CacheOnlyOptions) throws -> Void = { _ in }
        var usesPassword = true
        var identifier: String? = SalesforceFixture.identifier
        var source: any KeySource = EmbeddedKeySource()
        var policy = SalesforceFixture.openPolicy
        var audit: (any AuditSink)?
        var failures = FailureLimiter()
        var refusals = RefusalLimiter(perSecond: 1_000_000, burst: 1_000_000)
        var deadline = Duration.seconds(30)
        var noncePatience = Duration.seconds(30)
        var draw: @Sendable () throws -> CompactJWE.Randomness = { try CompactJWE.Randomness.draw() }
    }

    static let identifier = "982c375b-f46b-4423-8c2d-4d1a69152a0b"
    static let organization = "00D000000000001"
    static let openPolicy = """
        version: 1
        name: org-1
        rules:
          - name: callouts
            effect: allow
            operations: [fetchKey]
            principals: ["basic:*", "jwt:*", "oauth:*", "mtls:*"]
            justifications: any
        """

    let folder: EKMScratch
    let clock = EKMTestClock()
    let audit = EKMTestAudit()
    let database: SQLiteDatabase
    let keys: KeyStore
    let cache = KeyCache()
    let issuers: IssuerStore
    let policies: PolicyStore
    let endpoints: EndpointStore
    let identifiers: CacheOnlyKeyStore
    let jwks: JWKSStore
    let jwksHost: EKMTestJWKS
    let door: SalesforceDoor
    let plane: DataPlane
    let source: any KeySource
    let key: Key
    let endpointID: EndpointID
    let password: String
    let user = "org-1"
    private let current: Box

    private final class Box: Sendable {
        let snapshot = Mutex(RoutingSnapshot(sequence: 0, endpoints: [], issuers: []))
    }

    init(_ options: Options = Options(), folder: EKMScratch? = nil) async throws {
        let org = try SalesforceOrg.shared.get()
        self.folder = try folder ?? EKMScratch()
        // The certificates were made by openssl just now.
        clock.advance(by: WallClock.system.now - clock.now + .seconds(1))
        let wall = clock.wall
        database = try SQLiteDatabase(path: self.folder.path + "/holdfast.db", busyTimeout: .milliseconds(100))
        try database.migrate(Schema.migrations)
        let sealer = DataSealer(key: SharedSecret(SecretBytes(copying: [UInt8](repeating: 7, count: 32))))
        keys = KeyStore(database: database, sealer: sealer, clock: wall)
        issuers = IssuerStore(database: database, clock: wall)
        policies = PolicyStore(database: database, clock: wall)
        endpoints = EndpointStore(database: database, clock: wall)
        identifiers = CacheOnlyKeyStore(database: database, clock: wall)
        let host = EKMTestJWKS(try EKMTestIssuer.jwks([try EKMTestIssuer.google.get()]))
        jwksHost = host
        var timing = JWKSTiming()
        (timing.patience, timing.longPatience) = (.seconds(30), .seconds(30))
        jwks = JWKSStore(timing: timing, clock: wall, logger: .quiet) { _ in try host.fetch() }
        source = options.source
        let box = Box()
        current = box
        let sink = options.audit ?? audit
        let tokens = TokenVerifier(keys: jwks, clock: wall)
        let service = KeyService(store: keys, cache: cache, sources: [source], audit: sink, clock: wall)
        let refusals = RefusalLimiter(perSecond: 1_000_000, burst: 1_000_000)
        door = SalesforceDoor(
            snapshot: { box.snapshot.withLock { $0 } },
            tokens: TokenVerifier(keys: jwks, clock: wall), keys: service,
            nonces: NonceMemory(store: NonceStore(database: database), clock: wall, patience: options.noncePatience), audit: sink,
            refusals: options.refusals, clock: wall, logger: .quiet, failures: options.failures, deadline: options.deadline, draw: options.draw)
        let ekm = EKMDoor(
            snapshot: { box.snapshot.withLock { $0 } }, tokens: tokens, keys: service, audit: sink, refusals: refusals, logger: .quiet)
        plane = DataPlane(ekm: ekm, salesforce: door, isReady: { true })
        key = try await keys.create(name: "org-1 data", purpose: .cacheOnly, algorithm: .aes256, source: source)
        (endpointID, password) = try await Self.addOrg(
            "org-1", key: key, endpoints, policies, options, now: wall.now, certificate: try org.certificate("byok"))
        if let identifier = options.identifier {
            _ = try await add(identifier, of: 1, of: key.id)
        }
        try await reload()
    }

    deinit { try? database.close() }

    private static func addOrg(
        _ name: String, key: Key, _ endpoints: EndpointStore, _ policies: PolicyStore,
        _ options: Options, now: Instant, certificate: Certificate
    ) async throws -> (EndpointID, String) {
        let id = try EndpointID.random()
        var own = CacheOnlyOptions(organization: organization, certificates: [certificate])
        let (credential, password) = try BasicCredential.generate(user: name, at: id, now: now)
        if options.usesPassword { own.authentication.passwords = [credential] }
        try options.change(&own)
        let policy = try await policies.save(try AccessPolicy(parsing: options.policy, source: "\(name).yaml"), name: name)
        var draft = EndpointDraft(name: name, hostnames: ["keys.example.com"], keyID: key.id, policyID: policy, issuers: [])
        (draft.id, draft.door, draft.path, draft.salesforce) = (id, .salesforce, "sfdc/\(name)", own)
        return (try await endpoints.create(draft), password)
    }

    /// Another org with a password and a key of its own.
    func addOrg(_ name: String, identifier: String) async throws -> (password: String, endpoint: EndpointID) {
        let key = try await keys.create(name: "\(name) data", purpose: .cacheOnly, algorithm: .aes256, source: source)
        let (id, password) = try await Self.addOrg(
            name, key: key, endpoints, policies, Options(), now: clock.now, certificate: try SalesforceOrg.shared.get().certificate("next"))
        _ = try await add(identifier, of: 1, of: key.id, at: id)
        try await reload()
        return (password, id)
    }

    /// Gives a key version an identifier.
    func add(
        _ identifier: String?, of version: KeyVersionNumber?, of keyID: KeyID?, at endpoint: EndpointID? = nil, certificate: String? = nil,
        notBefore: Instant? = nil, notAfter: Instant? = nil
    ) async throws -> CacheOnlyKeyEntry {
        var draft = CacheOnlyKeyDraft()
        (draft.identifier, draft.keyID, draft.version, draft.certificate) = (identifier, keyID, version, certificate)
        (draft.notBefore, draft.notAfter) = (notBefore, notAfter)
        return try await identifiers.add(draft, at: endpoint ?? endpointID, sources: [source])
    }

    /// Hands an identifier out, or no longer.
    func setEnabled(_ isEnabled: Bool, _ identifier: String) async throws {
        var change = CacheOnlyKeyChange()
        change.isEnabled = isEnabled
        _ = try await identifiers.update(identifier, at: endpointID, change)
    }

    /// Encrypts an identifier's key to another certificate.
    func setCertificate(_ name: String, of identifier: String) async throws {
        var change = CacheOnlyKeyChange()
        change.certificate = try org.fingerprint(name)
        _ = try await identifiers.update(identifier, at: endpointID, change)
    }

    /// The configuration as the executable follows it: snapshot, issuers, keys.
    func reload() async throws {
        let snapshot = try await endpoints.snapshot()
        jwks.configure(snapshot.issuers)
        cache.invalidateAll()
        current.snapshot.withLock { $0 = snapshot }
    }
}

extension SalesforceFixture {
    /// The headers that Salesforce was seen to send.
    static let headers: HTTPHeaders = [
        "Host": "keys.example.com", "User-Agent": "SFDC-Callout/62.0", "Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
        "Cache-Control": "no-cache", "Pragma": "no-cache",
    ]

    static func basic(_ user: String, _ password: String) -> String { "Basic " + Base64.string(Array("\(user):\(password)".utf8)) }
    /// The header that the org's named credential sends.
    var basic: String { Self.basic(user, password) }
    var org: SalesforceOrg { get throws { try SalesforceOrg.shared.get() } }
    var token: SalesforceToken { SalesforceToken(now: clock.now) }
    /// The records of callouts.
    var records: [AuditRecord] { audit.records.filter { $0.event.description == "salesforce.fetchKey" } }

    static func tls(serverName: String? = "keys.example.com", client: [UInt8]? = nil) -> TLSHandshake {
        TLSHandshake(applicationProtocol: nil, serverName: serverName, version: "TLSv1.3", isResumed: false, clientCertificateDER: client)
    }

    /// A request to the whole data plane.
    func call(
        _ target: String, authorization: String?, method: HTTPMethod = .GET, headers: HTTPHeaders = SalesforceFixture.headers,
        tls: TLSHandshake = SalesforceFixture.tls(), address: String = "13.108.0.7"
    ) async -> EKMReply {
        var headers = headers
        if let authorization { headers.add(name: "Authorization", value: authorization) }
        return EKMReply(await plane.respond(to: HTTPRequest(
            method: method, target: target, headers: headers, remoteAddress: address, requestID: "0123456789abcdef0123456789abcdef",
            receivedAt: clock.now, receivedNanoseconds: MonotonicClock.nanoseconds, tls: tls)))
    }

    /// A callout of the org with its password.
    func callout(_ identifier: String = SalesforceFixture.identifier, nonce: String? = nil) async -> EKMReply {
        await call("/sfdc/org-1/\(identifier)\(nonce.map { "?requestId=\($0)" } ?? "")", authorization: basic)
    }

    /// The status of a callout with this Authorization header.
    func status(_ authorization: String?, tls: TLSHandshake = SalesforceFixture.tls()) async -> Int {
        await call("/sfdc/org-1/\(Self.identifier)", authorization: authorization, tls: tls).status
    }

    /// What Salesforce makes of an answer.
    func judge(_ reply: EKMReply, _ identifier: String = SalesforceFixture.identifier, nonce: String? = nil, with key: PrivateKey? = nil) throws -> CalloutCheck.Outcome {
        CalloutCheck(identifier: identifier, nonce: nonce, privateKey: try key ?? org.privateKey).judge(status: reply.status, body: reply.body)
    }
}
