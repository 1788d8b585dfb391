import FrontDoors
import Foundation
import KeyCore
import Logging
import Plugins
import Synchronization
import TestSupport
import Testing

@testable import Primitives

/// A key service in this process, behind a real TLS listener on 127.0.0.1: database, keys, issuers, policy, one endpoint for example.com.
final class KACLSSite: Sendable {
    static let policy = """
        version: 1
        name: open
        rules:
          - name: everybody
            effect: allow
            operations: any
            principals: ["domain:example.com", "domain:guest.example", "https://old.example.com/v1", "*@system.gserviceaccount.com"]
            justifications: any
        """

    let folder: KeyDatabase
    let audit = EKMTestAudit()
    let jwks: JWKSStore
    let service: KeyService
    let cache = KeyCache()
    let ring: SigningKeyRing
    let visited: Visited
    private let authority: String
    let wire: WireFixture
    let key: Key
    let issuers: [String: Issuer]
    let policyID: PolicyID
    let kacls: KACLSDoor
    private let state: State

    private final class State: Sendable {
        let snapshot = Mutex(RoutingSnapshot(sequence: 0, endpoints: [], issuers: []))
        let door = Mutex<DataPlane?>(nil)
        let endpoint = Mutex<EndpointID?>(nil)
    }

    /// Lets the listener begin before the door is there, because an endpoint's URL holds the port.
    private struct LateHandler: HTTPHandler {
        let state: State
        func respond(to request: HTTPRequest) async -> HTTPResponse {
            guard let door = state.door.withLock({ $0 }) else { return HTTPResponse(status: 500) }
            return await door.respond(to: request)
        }
        func refusal(status: Int, message: String) -> HTTPResponse {
            state.door.withLock { $0 }?.refusal(status: status, message: message) ?? HTTPResponse(status: status)
        }
        func refusal(status: Int, message: String, to request: HTTPRequest) -> HTTPResponse {
            state.door.withLock { $0 }?.refusal(status: status, message: message, to: request) ?? HTTPResponse(status: status)
        }
    }

    init(
        policy: String = KACLSSite.policy, source: any KeySource = EmbeddedKeySource(), signs: Bool = false, peers: [Int] = [], patience: Duration = .seconds(30),
        _ change: @Sendable (inout KACLSOptions, KACLSSite.Parts) throws -> Void = { _, _ in }
    ) async throws {
        let keys = try KACLSTestKeys.shared.get()
        folder = try KeyDatabase()
        let state = State()
        self.state = state
        let clock = folder.clock.wall
        wire = try await WireFixture(LateHandler(state: state), clock: clock)
        var timing = JWKSTiming()
        (timing.patience, timing.longPatience) = (.seconds(30), .seconds(30))
        let (visited, authority) = (Visited(), "\(wire.certificates.folder.path)/ca.pem")
        (self.visited, self.authority) = (visited, authority)
        jwks = JWKSStore(timing: timing, clock: clock, logger: .quiet) { url in
            visited.urls.withLock { $0.append(url) }
            guard let port = KACLSSite.port(of: url) else { throw WirePeer.Failed(description: "nobody answers") }
            let request = HTTPClientRequest(url: url, connection: KACLSSite.outbound(port, authority))
            return (try await KACLSSite.outward.send(request).body, nil)
        }
        service = KeyService(
            store: folder.keys, cache: cache, sources: [source], audit: audit, clock: clock, deadline: .seconds(30))
        issuers = try await KACLSSite.addIssuers(keys, folder)
        key = try await folder.keys.create(name: "cse", purpose: .wrap, algorithm: .aes256, source: source)
        policyID = try await folder.policies.save(try AccessPolicy(parsing: policy, source: "test.yaml"), name: "test")
        let tokens = TokenVerifier(keys: jwks, clock: clock)
        let snapshot: @Sendable () -> RoutingSnapshot = { state.snapshot.withLock { $0 } }
        let refusals = RefusalLimiter(perSecond: 1_000_000, burst: 1_000_000)
        let ekm = EKMDoor(snapshot: snapshot, tokens: tokens, keys: service, audit: audit, refusals: refusals, logger: .quiet)
        ring = SigningKeyRing(secrets: SecretStore(database: folder.database, sealer: folder.sealer), clock: clock)
        if signs { try ring.rotate() }
        let workers = try WorkerPool("rsa", threads: 2, maximumWaiting: 64)
        var out = KACLSSite.outbound(wire.port, authority)
        out.addressOverrides += peers.map { HTTPClientAddressOverride(host: "ekm.example.com", port: UInt16($0), addresses: ["127.0.0.1"]) }
        let client = KACLSPeerClient(client: HTTPClient(threads: 8, maximumWaiting: 128), connection: { [out] _ in out }, ring: ring, workers: workers, totalTimeout: patience)
        kacls = KACLSDoor(
            snapshot: snapshot, tokens: tokens, keys: service, ring: ring, workers: workers, peers: client, audit: audit, refusals: refusals, version: "1.0.0", logger: .quiet,
            rsaDeadline: .seconds(60))
        state.door.withLock { $0 = DataPlane(ekm: ekm, kacls: kacls, isReady: { true }) }
        let id = try await addEndpoint("cse", path: "v0/kacls/hq", change)
        state.endpoint.withLock { $0 = id }
    }

    /// The addresses of key sets that were fetched.
    final class Visited: Sendable {
        let urls = Mutex<[String]>([])
    }

    /// The way to a site's listener by its name.
    static func outbound(_ port: Int, _ authority: String) -> HTTPClientConnection {
        var connection = HTTPClientConnection()
        connection.trust = .file(authority)
        connection.addressOverrides = [HTTPClientAddressOverride(host: "ekm.example.com", port: UInt16(port), addresses: ["127.0.0.1"])]
        return connection
    }

    private static func port(of url: String) -> Int? { URL(string: url)?.port }

    /// What an endpoint's options can name.
    struct Parts: Sendable {
        let issuers: [String: Issuer]
        let url: KACLSURL
    }

    /// A further endpoint at `path`.
    @discardableResult func addEndpoint(
        _ name: String, path: String, key: KeyID? = nil, policy: PolicyID? = nil,
        _ change: (inout KACLSOptions, Parts) throws -> Void = { _, _ in }
    ) async throws -> EndpointID {
        var draft = EndpointDraft(
            name: name, hostnames: ["ekm.example.com"], keyID: key ?? self.key.id, policyID: policy ?? policyID, issuers: [])
        (draft.door, draft.path) = (.kacls, path)
        let url = try #require(KACLSURL("https://ekm.example.com:\(wire.port)/\(path)"))
        var options = try self.options(url)
        try change(&options, Parts(issuers: issuers, url: url))
        draft.kacls = options
        let id = try await folder.endpoints.create(draft)
        try await reload()
        return id
    }

    private func options(_ url: KACLSURL) throws -> KACLSOptions {
        var options = KACLSOptions()
        options.urls = [url]
        options.ownerDomains = ["example.com"]
        options.googleIssuers = []
        options.authorizationIssuers = GoogleCSEIssuer.allCases.compactMap { issuers[$0.rawValue]?.id }
        let idp = KACLSOptions.IdentityProvider(issuer: try #require(issuers["idp"]).id, audiences: ["web-client", "drive-ios"])
        var admins = KACLSOptions.IdentityProvider(issuer: try #require(issuers["admins"]).id, audiences: ["admin-client"])
        (admins.vouchesForUsers, admins.vouchesForPrivileged) = (false, true)
        options.identityProviders = [idp, admins]
        options.privileged.wrap = ["import@example.com"]
        options.privileged.unwrap = ["takeout@example.com"]
        options.privileged.privateKeyDecrypt = ["takeout@example.com"]
        options.privileged.wrapPrivateKey = ["mail@example.com"]
        return options
    }

    private static func addIssuers(_ keys: KACLSTestKeys, _ folder: KeyDatabase) async throws -> [String: Issuer] {
        var issuers: [String: Issuer] = [:]
        func add(_ name: String, _ value: String, _ key: TokenTestKey) async throws {
            let issuer = Issuer(
                id: try IssuerID.random(), name: name, values: [value], keys: .pinned(jwks: try TokenTestKey.jwks(key)))
            try await folder.issuers.create(issuer)
            issuers[name] = issuer
        }
        for google in GoogleCSEIssuer.allCases { try await add(google.rawValue, google.value, keys.google) }
        try await add("idp", "https://idp.example.com", keys.idp)
        try await add("guests", "https://guests.example.com", keys.guests)
        try await add("admins", "https://admins.example.com", keys.admins)
        return issuers
    }

    /// The configuration as the executable follows it.
    func reload() async throws {
        let snapshot = try await folder.endpoints.snapshot()
        jwks.configure(snapshot.keyHolders + [ring.issuer])
        cache.invalidateAll()
        state.snapshot.withLock { $0 = snapshot }
    }

    /// The endpoint's URL.
    var url: String { "https://ekm.example.com:\(wire.port)/v0/kacls/hq" }
    /// The first endpoint's id.
    var endpointID: EndpointID { get throws { try #require(state.endpoint.withLock { $0 }) } }

    func close() async { await wire.listener.drain() }
}

/// A site for the time of `body`.
func withSite(
    policy: String = KACLSSite.policy, source: any KeySource = EmbeddedKeySource(), signs: Bool = false, peers: [Int] = [], patience: Duration = .seconds(30),
    options change: @Sendable (inout KACLSOptions, KACLSSite.Parts) throws -> Void = { _, _ in },
    _ body: (KACLSSite) async throws -> Void
) async throws {
    let site = try await KACLSSite(policy: policy, source: source, signs: signs, peers: peers, patience: patience, change)
    do { try await body(site) } catch {
        await site.close()
        throw error
    }
    await site.close()
}
