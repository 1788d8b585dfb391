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
    /// How long a request waits for a fetch that it needs, where its caller can't wait long (`KeyPatience.brief`).
    package var patience = Duration.milliseconds(80)
    /// The same where its caller can (`KeyPatience.long`).
    package var longPatience = Duration.seconds(1)

    /// The defaults.
    package init() {}
}

/// What a place does about an issuer's key that we may not know yet.
package enum KeyPatience: Sendable {
    /// Waits a moment for an unknown `kid`; a signature that isn't genuine is the caller's fault.
    case brief
    /// Waits longer, looks for a new key also if a token without `kid` has a signature by none that we know, and refuses nobody while the
    /// issuer's keys are being fetched.
    case long
}

/// The issuers' public keys: fetched in the background, renewed before they run out, kept when a renewal fails.
package final class JWKSStore: Sendable {
    /// What is known of one issuer's keys, for health and metrics.
    package struct Status: Sendable, Equatable {
        package var fetchedAt: Instant?
        package var keyCount = 0
        package var lastFailure: String?
    }

    /// What was fetched of one issuer's keys.
    package struct FetchRecord: Sendable, Equatable {
        /// Fetches since the start, and those that brought no set.
        package var fetches = 0
        package var failures = 0
        /// Since when the last fetch has failed; nil if it hasn't.
        package var failingSince: Instant?
        /// Whether the keys are fetched at all, and not pinned.
        package var isFetched = false
    }

    private struct Entry {
        var origin: Issuer.KeyOrigin
        var algorithms: Set<SignatureAlgorithm>
        var keys: JWKS?
        /// Another number whenever `keys` is replaced: what was verified with the old set is verified again.
        var generation: UInt64 = 0
        var fetchedAt: Instant?
        var renewAt: Instant?
        var lastAttempt: Instant?
        var lastFailure: String?
        var failingSince: Instant?
        var fetches = 0
        var failures = 0
        var fetching: (attempt: UInt64, task: Task<Void, Never>)?
    }

    private struct State {
        var entries: [IssuerID: Entry] = [:]
        /// Numbers for generations and attempts: none is given twice, not even to an issuer that went and came back.
        private var numbers: UInt64 = 0

        mutating func nextNumber() -> UInt64 {
            numbers += 1
            return numbers
        }

        mutating func adopt(_ answer: Result<JWKS, JWKS.Failure>, into entry: inout Entry, at now: Instant) {
            switch answer {
            case .success(let keys):
                (entry.keys, entry.generation) = (keys, nextNumber())
                (entry.fetchedAt, entry.lastFailure) = (now, nil)
            case .failure(let error): entry.lastFailure = "\(error)"
            }
        }
    }

    private let state = Mutex(State())
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
        let known = state.withLock { $0.entries }
        // Keys are checked before the lock is taken: that takes milliseconds for each, and requests wait for the lock.
        var pinned: [IssuerID: Result<JWKS, JWKS.Failure>] = [:]
        for issuer in issuers where issuer.isEnabled && !JWKSStore.isSame(known[issuer.id], issuer) {
            guard case .pinned(let document) = issuer.keys else { continue }
            pinned[issuer.id] = parse(Array(document.utf8), issuer.algorithms, name: issuer.name)
        }
        let now = clock.now
        state.withLock { state in
            var next: [IssuerID: Entry] = [:]
            for issuer in issuers where issuer.isEnabled {
                var entry = Entry(origin: issuer.keys, algorithms: issuer.algorithms)
                if let known = state.entries[issuer.id], JWKSStore.isSame(known, issuer) { entry = known }
                if let answer = pinned[issuer.id] { state.adopt(answer, into: &entry, at: now) }
                next[issuer.id] = entry
            }
            state.entries = next
        }
    }

    private static func isSame(_ entry: Entry?, _ issuer: Issuer) -> Bool {
        entry?.origin == issuer.keys && entry?.algorithms == issuer.algorithms
    }

    /// The keys at hand, without any waiting; nil if there are none or they are too old to be believed.
    func keys(of issuer: IssuerID) -> (keys: JWKS, generation: UInt64)? {
        state.withLock { state in
            guard let entry = state.entries[issuer], let keys = entry.keys else { return nil }
            if case .jwksURL = entry.origin, let fetchedAt = entry.fetchedAt, clock.now - fetchedAt > timing.maxStale { return nil }
            return (keys, entry.generation)
        }
    }

    /// The generation of the keys at hand; nil where `keys` is.
    func generation(of issuer: IssuerID) -> UInt64? { keys(of: issuer)?.generation }

    /// What became of a wish for newer keys.
    enum Refresh {
        /// There is nothing to fetch, or it was fetched a moment ago.
        case refused
        /// The keys at hand are the issuer's own, of now.
        case ended
        case running
        /// The issuer couldn't be asked.
        case failed
    }

    /// Starts a fetch unless one was made within the cool-down, waits for it no longer than `patience` permits, and says where it is then.
    func refresh(_ issuer: IssuerID, _ patience: KeyPatience) async -> Refresh {
        var isFailing: Bool { state.withLock { $0.entries[issuer]?.failingSince != nil } }
        guard let task = beginFetch(issuer, obeysCoolDown: true) else { return isFailing ? .failed : .refused }
        let limit = patience == .long ? timing.longPatience : timing.patience
        guard await withDeadline(limit, { await task.value }) != nil else { return .running }
        return isFailing ? .failed : .ended
    }

    /// Renews what is due, for ever: run it in a task of its own.
    package func run() async {
        while !Task.isCancelled {
            let now = clock.now
            let due = state.withLock { state in
                state.entries.filter { _, entry in
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
        state.withLock { state in
            state.entries.mapValues { Status(fetchedAt: $0.fetchedAt, keyCount: $0.keys?.entries.count ?? 0, lastFailure: $0.lastFailure) }
        }
    }

    /// What was fetched, by issuer.
    package var fetchRecords: [IssuerID: FetchRecord] {
        state.withLock { state in
            state.entries.mapValues { entry in
                var record = FetchRecord(fetches: entry.fetches, failures: entry.failures, failingSince: entry.failingSince)
                if case .jwksURL = entry.origin { record.isFetched = true }
                return record
            }
        }
    }

    // MARK: Fetching

    private func beginFetch(_ issuer: IssuerID, obeysCoolDown: Bool) -> Task<Void, Never>? {
        let now = clock.now
        return state.withLock { state in
            guard var entry = state.entries[issuer], case .jwksURL(let url) = entry.origin else { return nil }
            if let running = entry.fetching { return running.task }
            if obeysCoolDown, let last = entry.lastAttempt, now - last < timing.coolDown { return nil }
            entry.lastAttempt = now
            let (attempt, algorithms) = (state.nextNumber(), entry.algorithms)
            let task = Task { await self.fetch(issuer, url, algorithms, attempt) }
            entry.fetching = (attempt, task)
            state.entries[issuer] = entry
            return task
        }
    }

    private func fetch(_ issuer: IssuerID, _ url: String, _ algorithms: Set<SignatureAlgorithm>, _ attempt: UInt64) async {
        var age = timing.defaultAge
        let answer: Result<JWKS, JWKS.Failure>?
        var failure: String?
        do {
            let (body, maxAge) = try await fetch(url)
            age = min(max(maxAge ?? timing.defaultAge, timing.minAge), timing.maxAge)
            answer = parse(body, algorithms, name: url)
        } catch {
            answer = nil
            failure = "\(error)"
            logger.warning("JWKS fetch failed; the last good set stays in use", metadata: ["url": "\(url)", "error": "\(error)"])
        }
        let now = clock.now
        state.withLock { state in
            // Another attempt, or none: the issuer was configured anew meanwhile, and this answer is to a question of the past.
            guard var entry = state.entries[issuer], entry.fetching?.attempt == attempt else { return }
            entry.fetching = nil
            if let answer { state.adopt(answer, into: &entry, at: now) } else { entry.lastFailure = failure }
            entry.fetches += 1
            if case .success = answer {
                (entry.renewAt, entry.failingSince) = (now + age * 3 / 4, nil)
            } else {
                entry.failures += 1
                entry.failingSince = entry.failingSince ?? now
            }
            state.entries[issuer] = entry
        }
    }

    private func parse(_ document: [UInt8], _ algorithms: Set<SignatureAlgorithm>, name: String) -> Result<JWKS, JWKS.Failure> {
        do {
            return .success(try JWKS(parsing: document, algorithms: algorithms))
        } catch {
            logger.warning("JWKS refused; the last good set stays in use", metadata: ["issuer": "\(name)", "error": "\(error)"])
            return .failure(error)
        }
    }
}
