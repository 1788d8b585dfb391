package import Primitives

/// Brings an installation back to what a backup holds: first as a plan, then, with the plan's confirmation, in one transaction.
///
/// What a restore doesn't do: keys, versions and secrets that are newer than the backup stay, and so does other material under the same name;
/// what was destroyed, compromised, suspended, deactivated, disabled, deleted or taken away since stays so unless it is named. The journal and
/// its signing key are the running installation's.
package struct Restore: Sendable {
    private let database: any SQLDatabase
    private let sealer: DataSealer
    private let clock: WallClock

    /// Says, by throwing, that a restore may not be; see `run`.
    package typealias Permit = @Sendable (borrowing SQLConnection) throws -> (borrowing SQLConnection) throws -> Void

    /// Into an open, migrated database.
    package init(database: any SQLDatabase, sealer: DataSealer, clock: WallClock) {
        (self.database, self.sealer, self.clock) = (database, sealer, clock)
    }

    /// What would change.
    package func plan(_ staging: BackupStaging, _ order: RestoreOrder) async throws -> RestorePlan {
        let now = clock.now
        return try await database.read { connection in
            var comparison = RestoreComparison(staging, sealer: sealer, resurrect: order.resurrect, now: now)
            try comparison.run(in: connection)
            return comparison.plan
        }
    }

    /// Changes it, if the plan is still the one that was confirmed.
    /// - Parameter permit: is asked within the transaction, before anything is changed; what it returns is asked once everything is. What either
    ///   throws ends the transaction.
    /// - Throws: `.unconfirmed` if it isn't; nothing is changed then.
    package func run(
        _ staging: BackupStaging, _ order: RestoreOrder, permit: @escaping Permit = { _ in { _ in } }
    ) async throws -> RestorePlan {
        let now = clock.now
        guard staging.header.epoch < BackupHeader.maxEpoch else {
            throw BackupError.refused("the backup's epoch is \(staging.header.epoch), the last one: an epoch after it can't be noted any more")
        }
        do {
            return try await database.write { connection in
                let permitAfter = try permit(connection)
                try DeletedKeys.note(in: connection)
                var comparison = RestoreComparison(staging, sealer: sealer, resurrect: order.resurrect, now: now)
                try comparison.run(in: connection)
                var plan = comparison.plan
                guard let confirmation = order.confirmation,
                    ConstantTime.isEqual(Array(confirmation.utf8), Array(plan.confirmation.utf8))
                else {
                    throw BackupError.unconfirmed(
                        "the confirmation is of another plan: something has changed since; look at the plan again and confirm that")
                }
                var changed = ChangedThings()
                try carryOut(comparison, staging, &changed, connection)
                for id in comparison.returning { try connection.execute("DELETE FROM deleted_keys WHERE id = $1", [.text(id)]) }
                try changed.record(at: now, in: connection)
                plan.epoch = try InstallationIdentity.raise(
                    above: max(plan.epoch, staging.header.epoch), from: staging.header.id.description, at: now, in: connection)
                try permitAfter(connection)
                return plan
            }
        } catch SQLError.constraint(.unique, let name) {
            throw BackupError.refused(
                "something newer than the backup has a name or path that the backup gives to something else (\(name)): rename it first")
        } catch SQLError.constraint(.foreignKey, _) {
            throw BackupError.refused("something newer than the backup uses what the restore would remove: remove it first")
        }
    }

    /// Removes what nothing refers to, and frees names, so that both can be given to others; then adds, parents first; then changes; then removes
    /// the rest, children first.
    private func carryOut(
        _ comparison: RestoreComparison, _ staging: BackupStaging, _ changed: inout ChangedThings, _ live: borrowing SQLConnection
    ) throws {
        let tables = try SQLCatalogue.tables(in: live)
        let others = tables.filter { BackupTables.leftOut[$0.name] != nil }
        let parents = Set(tables.flatMap(\.references).map(\.table))
        for work in comparison.work.reversed() where !parents.contains(work.table.name) { try remove(work, others, &changed, live) }
        for work in comparison.work { try freeNames(work, live) }
        for work in comparison.work {
            for key in work.added {
                let row = try staged(key, work.table, staging)
                try work.table.insert(try values(row, work, staging, revision: nil), in: live)
                try changed.note(row, work.table)
            }
        }
        for work in comparison.work { try change(work, staging, isParent: parents.contains(work.table.name), &changed, live) }
        for work in comparison.work.reversed() where parents.contains(work.table.name) { try remove(work, others, &changed, live) }
    }

    private func change(
        _ work: RestoreComparison.TableWork, _ staging: BackupStaging, isParent: Bool, _ changed: inout ChangedThings,
        _ live: borrowing SQLConnection
    ) throws {
        // Rows that only link two others exchange them without being in each other's way: all go, and come again.
        let isLink = !isParent && !work.table.uniques.isEmpty
        if isLink {
            for key in work.changed { try live.execute("DELETE FROM \(work.table.name) WHERE \(work.table.keyMatch())", key) }
        }
        for key in work.changed {
            let row = try staged(key, work.table, staging)
            let present = work.table.columnNames.contains("revision") ? try work.table.row(key, in: live)?.optionalInteger("revision") : nil
            let new = try values(row, work, staging, revision: present)
            if isLink { try work.table.insert(new, in: live) } else { try work.table.update(key, to: new, in: live) }
            try changed.note(row, work.table)
        }
    }

    private func remove(
        _ work: RestoreComparison.TableWork, _ others: [SQLTable], _ changed: inout ChangedThings, _ live: borrowing SQLConnection
    ) throws {
        for key in work.removed {
            guard let row = try work.table.row(key, in: live) else { continue }  // went with its parent
            try changed.note(row, work.table)
            try Restore.removeReferences(to: row, of: work.table, from: others, live)
            try live.execute("DELETE FROM \(work.table.name) WHERE \(work.table.keyMatch())", key)
        }
    }

    /// What no backup holds, as sessions, goes with what it belongs to.
    private static func removeReferences(
        to row: SQLRow, of table: SQLTable, from others: [SQLTable], _ live: borrowing SQLConnection
    ) throws {
        for other in others {
            for reference in other.references where reference.table == table.name && reference.columns.count == 1 {
                try live.execute(
                    "DELETE FROM \(other.name) WHERE \(reference.columns[0]) = $1", [try row.value(reference.targets[0])])
            }
        }
    }

    private func freeNames(_ work: RestoreComparison.TableWork, _ live: borrowing SQLConnection) throws {
        let table = work.table
        let fixed = Set(table.primaryKey + table.references.flatMap(\.columns))
        let texts = table.columns.filter { $0.type == .text && !fixed.contains($0.name) }.map(\.name)
        for column in Set(table.uniques.compactMap { unique in unique.last(where: texts.contains) }) {
            for (number, key) in (work.changed + work.removed).enumerated() {
                try live.execute(
                    "UPDATE \(table.name) SET \(column) = $1 WHERE \(table.keyMatch(from: 2))", [.text("\u{1F}restore \(number)")] + key)
            }
        }
    }

    private func staged(_ key: [SQLValue], _ table: SQLTable, _ staging: BackupStaging) throws -> SQLRow {
        guard let row = try staging.database.readBlocking({ try table.row(key, in: $0) }) else {
            throw BackupError.refused("the restore's working file was changed; try again")
        }
        return row
    }

    /// The values to write: sealed under this installation's key, with what stands, and with a revision that no caller has read.
    private func values(
        _ row: SQLRow, _ work: RestoreComparison.TableWork, _ staging: BackupStaging, revision: Int64?
    ) throws -> [SQLValue] {
        var values = try row.resealed(SealedColumns.of(work.table.name), from: staging.values, to: sealer)
        for (column, value) in work.standing[try work.table.key(of: row)] ?? [:] {
            if let position = row.columns.names.firstIndex(of: column) { values[position] = value }
        }
        if let revision, let position = row.columns.names.firstIndex(of: "revision"), case .integer(let own) = values[position] {
            values[position] = .integer(max(own, revision) + 1)
        }
        return values
    }
}

/// What servers must notice of a restore, and what other rows repeat of it.
private struct ChangedThings {
    private var things: [ChangedEntity: Set<String>] = [:]

    private static let entities: [String: ChangedEntity] = [
        "keys": .key, "issuers": .issuer, "policies": .policy, "endpoints": .endpoint, "secrets": .secret,
    ]

    mutating func note(_ row: SQLRow, _ table: SQLTable) throws {
        if let entity = ChangedThings.entities[table.name] {
            things[entity, default: []].insert(try table.key(of: row)[0].word)
        }
        if table.name == CacheOnlyRows.table { things[.endpoint, default: []].insert(try row.text("endpoint_id")) }
        for reference in table.references where reference.columns.count == 1 {
            guard let entity = ChangedThings.entities[reference.table] else { continue }
            things[entity, default: []].insert(try row.value(reference.columns[0]).word)
        }
    }

    func record(at now: Instant, in connection: borrowing SQLConnection) throws {
        for (entity, ids) in things.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            for id in ids.sorted() where !id.isEmpty {
                if entity == .key { try RestoreRules.settle(key: id, in: connection) }
                try ChangeLog.record(entity, id, at: now, in: connection)
            }
        }
    }
}
