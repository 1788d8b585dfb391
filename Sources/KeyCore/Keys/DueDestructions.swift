package import Primitives
import Synchronization

extension AuditEvent {
    package static let keyDestroyed = AuditEvent("key.destroyed")
}

/// Carries out the destructions that are due: on record before and after, whatever fails in between.
package final class DueDestructions: Sendable {
    /// One key version.
    package struct Version: Sendable, Hashable {
        package let key: KeyID
        package let number: KeyVersionNumber
    }

    private struct Open {
        /// On record as begun, without an outcome so far.
        var begun: Set<Version> = []
        /// Outcomes that are not on record yet.
        var outcomes: [Version: AuditRecord.Outcome] = [:]
    }

    private let keys: KeyStore
    private let audit: any AuditSink
    private let clock: WallClock
    private let afterwards: @Sendable () -> Void
    private let open = Mutex(Open())

    /// - Parameter afterwards: is called when material was destroyed; nothing depends on it. Blocks.
    package init(_ keys: KeyStore, audit: any AuditSink, clock: WallClock, afterwards: @escaping @Sendable () -> Void) {
        (self.keys, self.audit, self.clock, self.afterwards) = (keys, audit, clock, afterwards)
    }

    /// Destroys what is due. One call at a time.
    /// - Returns: what was destroyed.
    /// - Throws: what failed; nothing is destroyed that is not on record as begun, and an outcome that could not be recorded is recorded by the
    ///   next call.
    package func run() async throws -> [Version] {
        try await settle()
        let due = try await keys.dueDestructions().map { Version(key: $0.id, number: $0.version) }
        guard !due.isEmpty else { return [] }
        for version in due where open.withLock({ !$0.begun.contains(version) }) {
            try await record(.begun, version)
            open.withLock { _ = $0.begun.insert(version) }
        }
        let destroyed = try await keys.destroyDue(due.map { (id: $0.key, version: $0.number) }).map { Version(key: $0.id, number: $0.version) }
        open.withLock { open in
            for version in destroyed { open.outcomes[version] = .allowed }
            for version in due where open.outcomes[version] == nil { open.outcomes[version] = .refused }  // called off in between
        }
        if !destroyed.isEmpty {
            let afterwards = afterwards
            try? await Offload.run { afterwards() }
        }
        try await settle()
        return destroyed
    }

    /// Puts on record what came of it.
    private func settle() async throws {
        var failure: (any Error)?
        for (version, outcome) in open.withLock({ $0.outcomes }) {
            do {
                try await record(outcome, version)
                open.withLock { open in
                    open.outcomes[version] = nil
                    open.begun.remove(version)
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private func record(_ outcome: AuditRecord.Outcome, _ version: Version) async throws {
        var record = AuditRecord(.keyDestroyed, outcome, at: clock.now)
        (record.keyID, record.keyVersion, record.actor) = (version.key, version.number, "schedule")
        if outcome == .refused { record.cause = "called off" }
        try await audit.append(record)
    }
}
