package import KeyCore
package import Primitives

/// The stores of an installation over one database.
package struct Stores: Sendable {
    package let database: any SQLDatabase
    package let sealer: DataSealer
    package let clock: WallClock

    /// Stores over an open, migrated database.
    package init(database: any SQLDatabase, sealer: DataSealer, clock: WallClock) {
        (self.database, self.sealer, self.clock) = (database, sealer, clock)
    }

    package var keys: KeyStore { KeyStore(database: database, sealer: sealer, clock: clock) }
    package var issuers: IssuerStore { IssuerStore(database: database, clock: clock) }
    package var policies: PolicyStore { PolicyStore(database: database, clock: clock) }
    package var endpoints: EndpointStore { EndpointStore(database: database, clock: clock) }
    package var cacheOnlyKeys: CacheOnlyKeyStore { CacheOnlyKeyStore(database: database, clock: clock) }
    package var secrets: SecretStore { SecretStore(database: database, sealer: sealer) }

    /// The same, but nothing that they write is kept.
    package var rehearsing: Stores { Stores(database: RehearsalDatabase(database), sealer: sealer, clock: clock) }
}

/// A database whose writes are carried out and then rolled back: what a dry run works on. Each transaction sees the database as it is,
/// not what an earlier one would have left.
struct RehearsalDatabase: SQLDatabase {
    private let base: any SQLDatabase

    init(_ base: any SQLDatabase) { self.base = base }

    var dialect: SQLDialect { base.dialect }

    func read<R: Sendable>(_ body: @escaping @Sendable (borrowing SQLConnection) throws -> R) async throws -> R {
        try await base.read(body)
    }

    func write<R: Sendable>(_ body: @escaping @Sendable (borrowing SQLConnection) throws -> R) async throws -> R {
        do {
            return try await base.write { connection -> R in throw Rehearsed(result: try body(connection)) }
        } catch let rehearsed as Rehearsed {
            guard let result = rehearsed.result as? R else { throw rehearsed }
            return result
        }
    }

    func readBlocking<R>(_ body: (borrowing SQLConnection) throws -> R) throws -> R { try base.readBlocking(body) }

    func writeBlocking<R>(_ body: (borrowing SQLConnection) throws -> R) throws -> R {
        var result: R?
        do {
            try base.writeBlocking { connection in
                result = try body(connection)
                throw Rehearsed(result: true)
            }
        } catch let rehearsed as Rehearsed {
            guard let result else { throw rehearsed }
            return result
        }
        throw SQLError.unavailable("a rehearsal was committed")
    }

    func changeMarker() async throws(SQLError) -> Int64 { try await base.changeMarker() }

    /// The base stays open.
    func close() {}

    /// Ends a transaction that went well so that it is rolled back.
    private struct Rehearsed: Error { let result: any Sendable }
}
