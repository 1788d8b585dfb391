/// What the whole of accounts shares: how passwords are hashed and judged, how long sessions live, how OpenID providers are reached.
package struct AccountSettings: Sendable {
    package var bench: PasswordBench
    package var passwords = PasswordPolicy()
    package var sessions = SessionRules()
    /// Without one, nobody signs in at an OpenID provider.
    package var oidc: OIDCTransport = { _ in throw Problem.unavailable("no way out is configured", cause: "no transport for OpenID providers") }

    /// What is remembered of OpenID providers.
    let oidcMemory = OIDCMemory()

    /// The defaults, with one bench for the whole process.
    package init(bench: PasswordBench = PasswordBench()) { self.bench = bench }
}
