import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("The list of sealed columns") struct SealedColumnsTests {
    private let database: KeyDatabase

    init() throws { database = try KeyDatabase() }

    private func tables() throws -> [SQLTable] { try database.database.readBlocking { try SQLCatalogue.tables(in: $0) } }

    @Test("names every column of bytes, as sealed or as something else")
    func complete() throws {
        for table in try tables() {
            for column in table.columns where column.type == .blob {
                let name = "\(table.name).\(column.name)"
                let isSealed = SealedColumns.of(table.name).contains { $0.column == column.name }
                #expect(
                    isSealed != (SealedColumns.others[name] != nil),
                    """
                    \(name) holds bytes: name it either in SealedColumns.all (sealed by DataSealer at SealedLocation(table: "\(table.name)", \
                    row: the identifiers joined by “/”, column: "\(column.name)"), so that rekey and backups reach it) or in \
                    SealedColumns.others, with why it is not sealed under the data-sealing key
                    """)
            }
        }
    }

    @Test("names nothing that isn't there")
    func real() throws {
        let tables = Dictionary(uniqueKeysWithValues: try tables().map { ($0.name, $0) })
        for column in SealedColumns.all {
            let table = tables[column.table]
            #expect(table?.columns.contains { $0.name == column.column && $0.type == .blob } == true, "\(column)")
            #expect(column.identifiers.allSatisfy { table?.columnNames.contains($0) == true }, "\(column)")
        }
        for name in SealedColumns.others.keys {
            let parts = name.split(separator: ".").map(String.init)
            #expect(tables[parts[0]]?.columnNames.contains(parts[1]) == true, "\(name)")
        }
    }

    @Test("a new data-sealing key opens what the old one sealed, and no longer itself")
    func rekey() async throws {
        let folder = database.folder
        for name in ["a", "b"] { try PrivateFile.create("\(folder)/\(name)", Hex.encodeSecret(try SecretBytes(randomCount: 32))) }
        let (a, b) = (RootKeySource.file(path: "\(folder)/a"), RootKeySource.file(path: "\(folder)/b"))
        let store = SealingKeyStore(database: database.database)
        let old = try store.create(rootKey: a, environment: [:], now: database.clock.wall.now)
        let keys = KeyStore(database: database.database, sealer: old, clock: database.clock.wall)
        let source = FakeKeySource()
        source.generates(Array(repeating: 7, count: 32))
        let key = try await keys.create(name: "k", purpose: .wrap, algorithm: .aes256, source: source)
        let report = try store.rekey(from: a, to: b, environment: [:], replacesDataKey: true, now: database.clock.wall.now)
        #expect(report.resealed == 1)
        #expect(throws: SealingError.wrongRootKey) { try store.open(rootKey: a, environment: [:]) }
        let new = try store.open(rootKey: b, environment: [:])
        let sealed = try #require(try await database.sealedMaterial(key.id, 1))
        let place = SealedLocation(table: "key_versions", row: "\(key.id)/1", column: "material")
        #expect(try new.open(sealed, at: place).exposedCopy() == Array(repeating: 7, count: 32))
        await #expect(throws: StoreError.self) { try await keys.load(key.id) }
    }
}
