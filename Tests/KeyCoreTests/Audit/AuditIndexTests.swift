import Primitives
import TestSupport
import Testing

@testable import KeyCore

@Suite("The audit index") struct AuditIndexTests {
    private let folder = AuditFolder()
    private let store: KeyDatabase

    init() throws { store = try KeyDatabase() }

    private func indexer() throws -> AuditIndexer {
        try AuditIndexer(folder: folder.path, database: store.database, clock: store.clock.wall)
    }

    private func lines() async throws -> [String] {
        try await AuditSearch(database: store.database).records(AuditQuery(), newestFirst: false, limit: 100_000).map(\.line)
    }

    @Test("holds each record of the journal once, as it stands there, whatever was stopped in between")
    func exactlyOnce() async throws {
        let journal = try folder.journal { $0.segmentBytes = 1 << 16 }
        for round in 0..<5 {
            for number in 0..<400 { try await journal.append(.test("\(round)-\(number)")) }
            // Each time another indexer, as after a restart.
            #expect(try await indexer().catchUp())
        }
        await journal.close()
        let index = try indexer()
        #expect(await index.catchUp())
        let journalLines = try folder.names().sorted().flatMap { try folder.lines($0) }
        #expect(try await lines().sorted() == journalLines.sorted())
        #expect(journalLines.count > 2000)
        #expect(index.status.nodes.map(\.seq) == [UInt64(journalLines.count)])
    }

    @Test("finds what was on record before it was asked to catch up, while records are being written")
    func catchesUp() async throws {
        let journal = try folder.journal()
        let index = try indexer()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask { for number in 0..<200 { try await journal.append(.test("noise-\(writer)-\(number)")) } }
            }
            for number in 0..<20 {
                try await journal.append(.test("wanted-\(number)"))
                #expect(await index.catchUp())
                var query = AuditQuery()
                query.values[.request] = "wanted-\(number)"
                #expect(try await AuditSearch(database: store.database).records(query, limit: 10).count == 1)
            }
            try await group.waitForAll()
        }
        await journal.close()
    }

    @Test("copies a journal again from its beginning if another record stands where it had got to")
    func rewritten() async throws {
        let journal = try folder.journal()
        for number in 0..<10 { try await journal.append(.test("first-\(number)")) }
        await journal.close()
        #expect(try await indexer().catchUp())
        for name in try folder.names() { folder.write([UInt8](), to: name) }
        let second = try folder.journal()
        for number in 0..<20 { try await second.append(.test("second-\(number)")) }
        await second.close()
        #expect(try await indexer().catchUp())
        let found = try await lines()
        #expect(found.filter { $0.contains("second-") }.count == 20)
        #expect(found.filter { $0.contains("first-") }.isEmpty)
    }

    @Test("goes on by itself when the database works again, and loses nothing")
    func failure() async throws {
        let journal = try folder.journal()
        for number in 0..<10 { try await journal.append(.test("\(number)")) }
        let index = try indexer()
        try await store.database.execute("ALTER TABLE audit_records RENAME TO hidden")
        #expect(await index.catchUp() == false)
        #expect(index.status.failure != nil)
        try await store.database.execute("ALTER TABLE hidden RENAME TO audit_records")
        #expect(await index.catchUp())
        #expect(index.status.failure == nil)
        #expect(try await lines().filter { $0.contains("test.unwrap") }.count == 10)
        await journal.close()
    }
}
