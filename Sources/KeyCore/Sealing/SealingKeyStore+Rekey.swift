package import Primitives

/// What a change of keys did.
package struct RekeyReport: Sendable, Equatable {
    /// How many values were sealed anew under a new data-sealing key; nil if that stayed.
    package let resealed: Int64?
}

extension SealingKeyStore {
    /// Seals the data-sealing key under another root key, and with `replacesDataKey` makes a new one under which every sealed value is sealed
    /// anew: all in one transaction, so that either everything opens with the old root key or everything with the new one.
    ///
    /// No server may be running: it would go on with the old key.
    /// - Parameters:
    ///   - old: the present root key.
    ///   - new: the root key from now on.
    ///   - progress: is told the number of values from time to time.
    package func rekey(
        from old: RootKeySource, to new: RootKeySource, environment: [String: String], replacesDataKey: Bool, now: Instant,
        progress: (Int64) -> Void = { _ in }
    ) throws -> RekeyReport {
        let present = try openKey(rootKey: old, environment: environment)
        let key = replacesDataKey ? SharedSecret(try SecretBytes(randomCount: 32)) : present
        let row = try sealedRow(key, rootKey: new, environment: environment, now: now)
        let (from, to) = (DataSealer(key: present), DataSealer(key: key))
        return try writeBlocking { connection in
            try connection.execute("DELETE FROM sealing_keys WHERE id = $1", ["data"])
            try SealingKeyStore.insert(row, connection)
            return RekeyReport(resealed: replacesDataKey ? try SealingKeyStore.reseal(from, to, progress, connection) : nil)
        }
    }

    private static func reseal(
        _ from: DataSealer, _ to: DataSealer, _ progress: (Int64) -> Void, _ connection: borrowing SQLConnection
    ) throws -> Int64 {
        var count: Int64 = 0
        for table in try SQLCatalogue.tables(in: connection) {
            if SealedColumns.dropped.contains(table.name) { try connection.execute("DELETE FROM \(table.name)") }
            let sealed = SealedColumns.of(table.name)
            guard !sealed.isEmpty else { continue }
            try table.forEachRow(in: connection) { row in
                try table.update(try table.key(of: row), to: try row.resealed(sealed, from: from, to: to), in: connection)
                count += 1
                if count.isMultiple(of: 1000) { progress(count) }
            }
        }
        progress(count)
        return count
    }
}
