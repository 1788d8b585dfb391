/// Everything about accounts.
package struct AccountRoutes: RouteProvider {
    private let settings: AccountSettings

    /// Routes with these settings.
    package init(_ settings: AccountSettings) { self.settings = settings }

    package var routes: [Route] {
        let providers: [any RouteProvider] = [
            SessionRoutes(settings: settings), SelfRoutes(settings: settings), TokenRoutes(), UserRoutes(settings: settings), GroupRoutes(),
            GrantRoutes(), OIDCProviderRoutes(), OIDCRoutes(settings: settings),
        ]
        return providers.flatMap(\.routes)
    }
}
