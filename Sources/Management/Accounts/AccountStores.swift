import KeyCore

/// The stores of accounts over the same database.
extension Stores {
    /// Users.
    package var users: UserStore { UserStore(database: database, clock: clock) }
    /// Groups and their members.
    package var groups: GroupStore { GroupStore(database: database, clock: clock) }
    /// Grants on single things.
    package var grants: GrantStore { GrantStore(database: database, clock: clock) }
    /// Sessions.
    package var sessions: SessionStore { SessionStore(database: database, clock: clock) }
    /// API tokens.
    package var apiTokens: APITokenStore { APITokenStore(database: database, clock: clock) }
    var passwords: PasswordStore { PasswordStore(database: database, clock: clock) }
    var secondFactors: SecondFactorStore { SecondFactorStore(database: database, sealer: sealer, clock: clock) }
}
