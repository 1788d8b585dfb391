import KeyCore
import Logging
import Primitives
import Synchronization

/// The present configuration, as one snapshot that is replaced as a whole. Follows the change log in the database, so that what
/// another process (the command line) changes is served within a second.
final class Routing: Sendable {
    private let installation: Installation
    private let jwks: JWKSStore
    private let ring: SigningKeyRing
    private let fetcher: JWKSFetcher
    private let cache: KeyCache
    private let logger: Logger
    private let current: Mutex<RoutingSnapshot>
    private let turns = Turns()

    /// Reads the configuration for the first time.
    init(
        _ installation: Installation, jwks: JWKSStore, fetcher: JWKSFetcher, ring: SigningKeyRing, cache: KeyCache, logger: Logger
    ) async throws {
        (self.installation, self.jwks, self.fetcher, self.ring) = (installation, jwks, fetcher, ring)
        (self.cache, self.logger) = (cache, logger)
        try ring.load()
        let snapshot = try await installation.endpoints.snapshot()
        current = Mutex(snapshot)
        configureKeys(snapshot)
        tellFaults(of: snapshot)
    }

    /// Whose keys are fetched and kept, and from where.
    private func configureKeys(_ snapshot: RoutingSnapshot) {
        fetcher.restrict(toPublic: snapshot.endpoints.flatMap { $0.kacls?.publicKeyAddresses ?? [] })
        jwks.configure(snapshot.keyHolders + [ring.issuer])
    }

    private func tellFaults(of snapshot: RoutingSnapshot) {
        for fault in snapshot.faults { logger.error("can't be read; the endpoints that need it answer 503", metadata: ["fault": "\(fault)"]) }
    }

    /// What requests see.
    var snapshot: RoutingSnapshot { current.withLock { $0 } }

    /// Follows changes until its task is cancelled. A database that can't be read leaves the last snapshot in use.
    func follow() async {
        var marker: Int64 = -1
        while !Task.isCancelled {
            do {
                let now = try await installation.database.changeMarker()
                if now != marker {
                    try await catchUp()
                    marker = now
                }
            } catch {
                logger.error("configuration can't be read; the last one stays in use", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Reads what has changed, now: what was committed before this was called is served when it returns. Calls take turns, so that an
    /// older state never replaces a newer one.
    func catchUp() async throws {
        try await turns.take { [self] in
            let from = snapshot.sequence
            let changes = try await installation.database.read { try ChangeLog.changes(after: from, in: $0) }
            guard let last = changes.last else { return }
            // Keys are not part of the snapshot: where nothing else has changed there is nothing to read.
            let isKeysOnly = changes.allSatisfy { $0.entity == .key }
            let next = isKeysOnly ? snapshot.advanced(to: last.sequence) : try await installation.endpoints.snapshot()
            for change in changes where change.entity == .key { if let id = KeyID(change.id) { cache.invalidate(id) } }
            if changes.contains(where: { $0.entity == .secret }) { try ring.load() }
            if !isKeysOnly { configureKeys(next) }
            current.withLock { $0 = next }
            if !isKeysOnly { tellFaults(of: next) }
            logger.info("configuration changed", metadata: ["changes": "\(changes.count)", "sequence": "\(next.sequence)"])
        }
    }
}
