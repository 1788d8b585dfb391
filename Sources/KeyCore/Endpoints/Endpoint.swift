import Primitives

/// Which protocol an endpoint speaks.
package enum FrontDoorKind: String, Sendable, CaseIterable {
    /// Google Cloud External Key Manager.
    case ekm
    /// Google Workspace client-side encryption: a key access control list service.
    case kacls
    /// Salesforce's Cache-Only Key Service.
    case salesforce
}

/// Whether an endpoint serves.
package enum EndpointState: String, Sendable, CaseIterable {
    /// Serves.
    case active
    /// Answers 503: harmless, the cloud tries again.
    case paused
    /// Answers 403. Google Cloud then disables the key version that points here; enabling it again is up to its users.
    case disabled
    /// Laid away: answers 403 as if it were disabled, and can't be changed. Any other state brings it back as it was.
    case archived
}

/// One instance of a front door: the place that a key URI names.
package struct Endpoint: Sendable {
    package let id: EndpointID
    /// Unique, for people.
    package let name: String
    package let door: FrontDoorKind
    /// The path of its URL without leading slash and method, as `v0/ekm/endpoints/<id>`; unique in this server.
    package let path: String
    /// The names under which its callers know us, lower case: a token's audience is `https://` and one of them.
    package let hostnames: [String]
    package let keyID: KeyID
    package let policyID: PolicyID
    package let policy: AccessPolicy
    package let state: EndpointState
    /// Further audiences, exactly as given: for callers that build another one.
    package let extraAudiences: [String]
    /// If not empty: the Google projects (`projects/<id>` in the resource name) that may use it.
    package let allowedProjects: [String]
    /// Whose tokens it believes.
    package let issuers: [Issuer]
    /// Whether its policy and issuers could be read; otherwise nobody is to be refused for good: the fault is ours.
    package let isReadable: Bool
    /// What only an endpoint of the Cache-Only Key Service has.
    package let salesforce: CacheOnlySettings?
    /// The same, ready for the verifier.
    package let expectation: TokenExpectation
    /// What only an endpoint of `.kacls` has.
    package let kacls: KACLSEndpoint?

    /// An endpoint as given.
    package init(
        id: EndpointID, name: String, door: FrontDoorKind, path: String, hostnames: [String], keyID: KeyID, policyID: PolicyID,
        policy: AccessPolicy, state: EndpointState, extraAudiences: [String], allowedProjects: [String], issuers: [Issuer],
        isReadable: Bool = true, kacls: KACLSEndpoint? = nil, salesforce: CacheOnlySettings? = nil
    ) {
        (self.id, self.name, self.door, self.path, self.hostnames) = (id, name, door, path, hostnames)
        (self.keyID, self.policyID, self.policy, self.state) = (keyID, policyID, policy, state)
        (self.extraAudiences, self.allowedProjects, self.issuers) = (extraAudiences, allowedProjects, issuers)
        (self.isReadable, self.kacls, self.salesforce) = (isReadable, kacls, salesforce)
        expectation = TokenExpectation(
            issuers: issuers, audiences: Set(hostnames.map { "https://\($0)" } + extraAudiences))
    }
}

/// All that a request needs to know of the configuration: read once, never changed. A change makes a new one.
package final class RoutingSnapshot: Sendable {
    /// The number of the latest change it shows.
    package let sequence: Int64
    /// All enabled and disabled issuers.
    package let issuers: [Issuer]
    /// All endpoints.
    package let endpoints: [Endpoint]
    /// What can't be read, for people: the endpoints that need it answer 503.
    package let faults: [String]
    private let byPath: [String: Endpoint]
    private let unions: [FrontDoorKind: TokenExpectation]
    private let doors: Set<FrontDoorKind>

    /// A snapshot of `endpoints` and `issuers`.
    package init(sequence: Int64, endpoints: [Endpoint], issuers: [Issuer], faults: [String] = []) {
        self.faults = faults
        self.sequence = sequence
        self.endpoints = endpoints
        self.issuers = issuers
        byPath = Dictionary(endpoints.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        var unions: [FrontDoorKind: TokenExpectation] = [:]
        for door in FrontDoorKind.allCases {
            let own = endpoints.filter { $0.door == door }
            unions[door] = TokenExpectation(
                issuers: own.flatMap(\.issuers), audiences: own.reduce(into: []) { $0.formUnion($1.expectation.audiences) })
        }
        self.unions = unions
        doors = Set(endpoints.map(\.door))
    }

    /// The same at a later change, which concerned nothing in it.
    package func advanced(to sequence: Int64) -> RoutingSnapshot {
        RoutingSnapshot(self, sequence: sequence)
    }

    private init(_ other: RoutingSnapshot, sequence: Int64) {
        (self.sequence, endpoints, issuers, faults) = (sequence, other.endpoints, other.issuers, other.faults)
        (byPath, unions, doors) = (other.byPath, other.unions, other.doors)
    }

    /// All issuers whose keys are needed: those of the table, and those that endpoints believe besides.
    package var keyHolders: [Issuer] {
        let unlisted = endpoints.flatMap { $0.kacls?.unlistedIssuers ?? [] }
        return issuers + Dictionary(unlisted.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }).values
    }

    /// The longest time for which any endpoint of the Cache-Only Key Service remembers a `requestId`.
    package var longestNonceMemory: Duration {
        endpoints.reduce(.seconds(86_400)) { longest, endpoint in
            max(longest, endpoint.salesforce?.options.nonceMemory(issuers: endpoint.issuers) ?? .zero)
        }
    }

    /// Whether that front door has any endpoint.
    package func hasEndpoints(of door: FrontDoorKind) -> Bool { doors.contains(door) }

    /// The endpoint at that path, if there is one for that front door.
    package func endpoint(at path: String, door: FrontDoorKind) -> Endpoint? {
        byPath[path].flatMap { $0.door == door ? $0 : nil }
    }

    /// What any endpoint of a front door accepts: decides whether somebody may learn that a path leads nowhere.
    package func anyEndpoint(of door: FrontDoorKind) -> TokenExpectation {
        unions[door] ?? TokenExpectation(issuers: [], audiences: [])
    }
}
