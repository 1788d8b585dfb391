package import KeyCore

/// What the routes stand on, beside the stores that each call brings. The executable chooses it, and so do the tests.
package struct ManagementServices: Sendable {
    package let stores: Stores
    package let keySources: [any KeySource]
    package let approvals: Approvals
    package let version: String
    package let observation: Observation
    /// How passwords are hashed and how long sessions live.
    package var accounts = AccountSettings()
    /// What keys, endpoints, issuers, policies and certificates need of the process.
    package var resources = ResourceServices()
    package let backups: Backups

    /// Services as given.
    package init(
        stores: Stores, keySources: [any KeySource], approvals: Approvals, version: String, observation: Observation,
        backups: Backups
    ) {
        (self.stores, self.keySources, self.approvals, self.version) = (stores, keySources, approvals, version)
        (self.observation, self.backups) = (observation, backups)
    }
}

/// All routes of the management API: the one list from which the server, its document and the tests of the role matrix are made.
package enum ManagementRoutes {
    /// Every part of the API, one line each.
    package static func providers(_ services: ManagementServices) -> [any RouteProvider] {
        [
            KeyRoutes(sources: services.keySources, services: services.resources),
            KeySourceRoutes(sources: services.keySources),
            EndpointRoutes(services: services.resources),
            SalesforceRoutes(sources: services.keySources, services: services.resources),
            IssuerRoutes(services: services.resources),
            SigningKeyRoutes(),
            PolicyRoutes(services: services.resources),
            CertificateRoutes(services: services.resources),
            ApprovalRoutes(services.approvals, clock: services.stores.clock),
            QuorumRoutes(services.approvals),
            AccountRoutes(services.accounts),
            BackupRoutes(services.backups),
            BackupScheduleRoutes(clock: services.stores.clock),
        ] + services.observation.providers(services)
    }

    /// Every route, with those that tell of the API itself.
    package static func all(_ services: ManagementServices) -> [Route] {
        let routes = providers(services).flatMap(\.routes)
        return routes + SystemRoutes(version: services.version, others: routes).routes
    }
}
