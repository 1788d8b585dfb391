package import Logging
package import Primitives
import Synchronization

/// Fetches a JWK Set from its address: the body, and for how long it may be kept (`Cache-Control: max-age`).
package typealias JWKSFetch = @Sendable (_ url: String) async throws -> (body: [UInt8], maxAge: Duration?)

/// How keys are fetched and kept.
package struct JWKSTiming: Sendable, Equatable {
    /// Kept for this long if the issuer names no time; its own time is brought into `minAge...maxAge`.
    package var defaultAge = Duration.seconds(3600)
    package var minAge = Duration.seconds(60)
    package var maxAge = Duration.seconds(24 * 3600)
    /// At most one fetch in this time, whatever tokens say (N16).
    package var coolDown = Duration.seconds(30)
    /// A set that could not be renewed is used for this long after its fetch; then tokens of its issuer are answered with 503.
    package var maxStale = Duration.seconds(7 * 24 * 3600)
    /// How long a request waits for a fetch that it needs.
    package var patience = Duration.milliseconds(80)

    /// The defaults.
    package init() {}
}

/// The issuers' public keys: fetched in the background, renewed before they run out, kept when a renewal fails.
package final class JWKSStore: Sendable {
    /// What is known of one issuer's keys, for health and metrics.
    package struct Status: Sendable, Equatable {
        package var fetchedAt: Instant?
        package var keyCount = 0
        package var lastFailure: String?
    }

    private struct Entry {
        var origin: Issuer.KeyOrigin
        var algorithms: Set<SignatureAlgorithm>
        var keys: JWKS?
        /// Grows whenever `keys` is replaced: what was verified with the old set is verified again.
        var generation: UInt64 = 0
        var fetchedAt: Instant?
        var renewAt: Instant?
        var lastAttempt: Instant?
        var lastFailure: String?
        var fetching: Task<Void, Never>?
    }

    private let entries = Mutex<[IssuerID: Entry]>([:])
    private let fetch: JWKSFetch
    private let timing: JWKSTiming
    private let clock: WallClock
    private let logger: Logger

    /// An empty store.
    package init(timing: JWKSTiming = JWKSTiming(), clock: WallClock, logger: Logger, fetch: @escaping JWKSFetch) {
        (self.timing, self.clock, self.logger, self.fetch) = (timing, clock, logger, fetch)
    }

    /// Knows exactly these issuers from now on; keys of those that did not change are kept.
    package func configure(_ issuers: [Issuer]) {
        entries.withLock { entries in
            var next: [IssuerID: Entry] = [:]
            for issuer in issuers where issuer.isEnabled {
                if let known = entries[issuer.id], known.origin == issuer.keys, known.algorithms == issuer.algorithms {
                    next[issuer.id] = known
                } else {
                    var entry = Entry(origin: issuer.keys, algorithms: issuer.algorithms)
                    entry.generation = (entries[issuer.id]?.generation ?? 0) + 1
                    if case .pinned(let document) = issuer.keys { load(Array(document.utf8), into: &entry, name: issuer.name) }
                    next[issuer.id] = entry
                }
            }
            entries = next
        }
    }

    /// The keys at hand, without any waiting; nil if there are none or they are too old to be believed.
    func keys(of issuer: IssuerID) -> (keys: JWKS, generation: UInt64)? {
        entries.withLock { entries in
            guard let entry = entries[issuer], let keys = entry.keys else { return nil }
            if case .jwksURL = entry.origin, let fetchedAt = entry.fetchedAt, clock.now - fetchedAt > timing.maxStale { return nil }
            return (keys, entry.generation)
        }
    }

    /// The generation of the keys at hand.
    func generation(of issuer: IssuerID) -> UInt64? { entries.withLock { $0[issuer]?.generation } }

    /// Starts a fetch unless one was made within the cool-down, waits for it (at most `patience`), and says whether there was one.
    func refresh(_ issuer: IssuerID) async -> Bool {
        guard let task = beginFetch(issuer, obeysCoolDown: true) else { return false }
        _ = await withDeadline(timing.patience) { await task.value }
        return true
    }

    /// Renews what is due, for ever: run it in a task of its own.
    package func run() async {
        while !Task.isCancelled {
            let now = clock.now
            let due = entries.withLock { entries in
                entries.filter { _, entry in
                    guard case .jwksURL = entry.origin, entry.fetching == nil else { return false }
                    guard let last = entry.lastAttempt else { return true }
                    let retry = last + min(timing.coolDown, timing.defaultAge)
                    return now >= max(entry.renewAt ?? retry, retry)
                }.map(\.key)
            }
            for issuer in due { _ = beginFetch(issuer, obeysCoolDown: false) }
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    /// What is known, by issuer.
    package var status: [IssuerID: Status] {
        entries.withLock { entries in
            entries.mapValues { Status(fetchedAt: $0.fetchedAt, keyCount: $0.keys?.entries.count ?? 0, lastFailure: $0.lastFailure) }
        }
    }

    // MARK: Fetching

    private func beginFetch(_ issuer: IssuerID, obeysCoolDown: Bool) -> Task<Void, Never>? {
        entries.withLock { entries in
            guard var entry = entries[issuer], case .jwksURL(let url) = entry.origin else { return nil }
            if let running = entry.fetching { return running }
            let now = clock.now
            if obeysCoolDown, let last = entry.lastAttempt, now - last < timing.coolDown { return nil }
            entry.lastAttempt = now
            let task = Task { await self.fetch(issuer, url) }
            entry.fetching = task
            entries[issuer] = entry
            return task
        }
    }

    private func fetch(_ issuer: IssuerID, _ url: String) async {
        let answer: Result<(body: [UInt8], maxAge: Duration?), any Error>
        do { answer = .success(try await fetch(url)) } catch { answer = .failure(error) }
        entries.withLock { entries in
            guard var entry = entries[issuer], entry.origin == .jwksURL(url) else { return }
            entry.fetching = nil
            switch answer {
            case .success(let (body, maxAge)):
                if load(body, into: &entry, name: url) {
                    let age = min(max(maxAge ?? timing.defaultAge, timing.minAge), timing.maxAge)
                    entry.renewAt = clock.now + age * 3 / 4
                }
            case .failure(let error):
                entry.lastFailure = "\(error)"
                logger.warning("JWKS fetch failed; the last good set stays in use", metadata: ["url": "\(url)", "error": "\(error)"])
            }
            entries[issuer] = entry
        }
    }

    @discardableResult private func load(_ document: [UInt8], into entry: inout Entry, name: String) -> Bool {
        do {
            entry.keys = try JWKS(parsing: document, algorithms: entry.algorithms)
            entry.generation += 1
            entry.fetchedAt = clock.now
            entry.lastFailure = nil
            return true
        } catch {
            entry.lastFailure = "\(error)"
            logger.warning("JWKS refused; the last good set stays in use", metadata: ["issuer": "\(name)", "error": "\(error)"])
            return false
        }
    }
}
