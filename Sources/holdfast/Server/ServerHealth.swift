import Foundation
import KeyCore
import Management
import Primitives

/// What the parts of the server say when somebody asks how they are.
struct ServerHealth {
    let board: HealthBoard
    let clock: WallClock

    func register(_ journal: AuditJournal) {
        board.add("audit-journal") {
            switch journal.health {
            case .green: ComponentHealth(.ok, "records become durable")
            case .red(let fault, let since): ComponentHealth(.failing, "\(fault)", since: since)
            }
        }
    }

    func register(_ backups: BackupScheduler) {
        board.add("backups") { [clock] in
            do {
                let schedule = try await backups.schedule()
                if schedule.isAtWork(at: clock.now) { return ComponentHealth(.ok, "a scheduled backup is being made") }
                if let failure = schedule.lastFailure { return ComponentHealth(.degraded, "the last scheduled backup failed: \(failure)", since: schedule.lastFailureAt) }
                guard schedule.isEnabled else { return ComponentHealth(.ok, "no schedule") }
                if let due = schedule.missed(at: clock.now) {
                    return ComponentHealth(.degraded, "a backup was due at \(RFC3339.string(due)), and none was made since", since: due)
                }
                return ComponentHealth(.ok, schedule.lastSuccessAt.map { "the last scheduled backup is of \(RFC3339.string($0))" } ?? "none was due so far")
            } catch {
                return ComponentHealth(.degraded, "\(error)")
            }
        }
    }

    func register(_ database: SQLiteDatabase) {
        board.add("database") {
            do {
                _ = try await database.query("SELECT 1 AS one")
                return ComponentHealth(.ok, "answers")
            } catch {
                return ComponentHealth(.failing, "\(error)")
            }
        }
    }

    func register(_ index: AuditIndexer) {
        board.add("audit-index") { [clock] in
            let status = index.status
            if let failure = status.failure { return ComponentHealth(.degraded, failure, since: status.caughtUpAt) }
            guard let last = status.caughtUpAt else { return ComponentHealth(.degraded, "has not had everything yet") }
            let isLate = clock.now - last > .seconds(60)
            return ComponentHealth(isLate ? .degraded : .ok, "had everything at \(RFC3339.string(last))", since: isLate ? last : nil)
        }
    }

    func register(_ jwks: JWKSStore, issuers: @escaping @Sendable () -> [Issuer]) {
        board.add("issuers") {
            let (status, records) = (jwks.status, jwks.fetchRecords)
            let failing = issuers().compactMap { issuer -> (String, JWKSStore.Status, Instant)? in
                guard let status = status[issuer.id], let since = records[issuer.id]?.failingSince else { return nil }
                return (issuer.name, status, since)
            }
            guard let first = failing.min(by: { $0.2 < $1.2 }) else { return ComponentHealth(.ok, "\(status.count) with keys at hand") }
            let words = failing.map { "\($0.0): \($0.1.lastFailure ?? "no keys")" }.joined(separator: "; ")
            return ComponentHealth(failing.contains { $0.1.keyCount == 0 } ? .failing : .degraded, words, since: first.2)
        }
    }

    func register(certificates: [(listener: String, watch: CertificateWatch)]) {
        for (listener, watch) in certificates {
            board.add("certificates-\(listener)") { [clock] in
                guard let first = watch.certificatesInUse.min(by: { $0.notAfter < $1.notAfter }) else {
                    return ComponentHealth(.failing, "none")
                }
                let left = first.notAfter - clock.now
                let status: ComponentHealth.Status = left <= .zero ? .failing : left < .seconds(14 * 86400) ? .degraded : .ok
                return ComponentHealth(status, "\(first.name) until \(RFC3339.string(first.notAfter))")
            }
        }
    }

    func register(folder: DataFolder) {
        board.add("disk") {
            guard let space = folder.freeSpace else { return ComponentHealth(.degraded, "the free space can't be found out") }
            let isLow = space.freeBytes < 1 << 30 && space.freeShare < 0.05
            return ComponentHealth(isLow ? .degraded : .ok, "\(space.freeBytes >> 20) MiB free (\(Int(space.freeShare * 100)) %)")
        }
    }
}

extension DataFolder {
    /// What is left on its file system.
    var freeSpace: (freeBytes: Int64, freeShare: Double)? {
        guard let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path),
            let free = (attributes[.systemFreeSize] as? NSNumber)?.int64Value, let size = (attributes[.systemSize] as? NSNumber)?.int64Value,
            size > 0
        else { return nil }
        return (free, Double(free) / Double(size))
    }
}
