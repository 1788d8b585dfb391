import Primitives
import Synchronization
import Testing

@testable import KeyCore

@Suite("Audit journal") struct AuditJournalTests {
    let folder = AuditFolder()

    @Test("writes one line for each record, numbered and linked by SHA-256 from the node's name on")
    func format() async throws {
        let journal = try folder.journal()
        try await journal.append(.test("a"))
        try await journal.append(.test("b"))
        await journal.close()
        let lines = try folder.lines(firstSegment)
        #expect(try folder.events() == ["journal.segment", "test.unwrap", "test.unwrap", "journal.checkpoint"])
        var previous = Hex.string(Digest.sha256(Array("holdfast audit journal 1: n1".utf8)))
        for (index, line) in lines.enumerated() {
            #expect(line.hasPrefix("{\"seq\":\(index + 1),\"time\":\""))
            let split = try #require(line.firstRange(of: ",\"chain\":\""))
            let chain = Hex.string(Digest.sha256(Array((previous + line[..<split.lowerBound]).utf8)))
            #expect(line[split.lowerBound...] == ",\"chain\":\"\(chain)\"}")
            previous = chain
        }
        #expect(lines[1].contains("\"request\":\"a\""))
        #expect(try folder.verify().isIntact)
    }

    @Test("resumes a caller only after its record was synchronised to disk")
    func durableFirst() async throws {
        let files = FaultyFiles()
        let journal = try folder.journal(files)
        for index in 0..<5 {
            files.set { $0.syncDelay = .milliseconds(20) }
            let before = files.syncs
            let start = MonotonicClock.nanoseconds
            try await journal.append(.test("r\(index)"))
            #expect(MonotonicClock.nanoseconds - start >= 20_000_000)
            #expect(files.syncs > before)
            #expect(try folder.lines(firstSegment).last?.contains("\"request\":\"r\(index)\"") == true)
        }
    }

    @Test("confirms all that wait with one synchronisation, and keeps 20 000 records of 64 tasks in order")
    func groupCommit() async throws {
        let files = FaultyFiles()
        files.set { $0.syncDelay = .microseconds(200) }
        let journal = try folder.journal(files)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<64 {
                group.addTask { for index in 0..<(20_000 / 64 + 1) { try await journal.append(.test("\(task)-\(index)")) } }
            }
            try await group.waitForAll()
        }
        #expect(files.syncs < 10_000)
        await journal.close()
        let report = try folder.verify()
        #expect(report.isIntact)
        let records = try folder.events().count { $0 == "test.unwrap" }
        #expect(records == 64 * (20_000 / 64 + 1))
    }

    @Test("refuses more waiting records than its limit at once, and the others are written")
    func overload() async throws {
        let files = FaultyFiles()
        let journal = try folder.journal(files) { $0.queueLimit = 10 }
        files.set { $0.syncDelay = .milliseconds(100) }
        let outcomes = await withTaskGroup(of: AuditError?.self) { group in
            for index in 0..<50 {
                group.addTask {
                    do throws(AuditError) { try await journal.append(.test("\(index)")) } catch { return error }
                    return nil
                }
            }
            return await group.reduce(into: [AuditError?]()) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == .overloaded } >= 20)
        #expect(outcomes.allSatisfy { $0 == nil || $0 == .overloaded })
        let written = try folder.events().count { $0 == "test.unwrap" }
        #expect(written == outcomes.count { $0 == nil })
        #expect(written >= 10)
    }

    @Test("has one writer for each node, and lets other nodes write beside it")
    func oneWriter() async throws {
        let journal = try folder.journal()
        #expect(throws: AuditError.locked(AuditNode("n1")!)) { try folder.journal() }
        let cli = try folder.journal { $0.node = AuditNode("cli")! }
        try await cli.append(.test("from the command line"))
        try await journal.append(.test("from the server"))
        await cli.close()
        await journal.close()
        let report = try folder.verify()
        #expect(report.isIntact)
        #expect(report.nodes.map(\.node.description) == ["cli", "n1"])
        #expect(try folder.names() == ["journal-cli-0000000001.jsonl", firstSegment])
        await (try folder.journal()).close()
    }

    @Test("takes nothing after it was closed, and closing twice is harmless")
    func closed() async throws {
        let journal = try folder.journal()
        await journal.close()
        await journal.close()
        await #expect(throws: AuditError.closed) { try await journal.append(.test()) }
        #expect(!(try folder.events().contains("test.unwrap")))
    }

    @Test("ends its threads and gives up its lock when nobody has it any more")
    func dropped() async throws {
        do { try await (try folder.journal()).append(.test()) }
        let limit = MonotonicClock.nanoseconds + 5_000_000_000
        var next: AuditJournal?
        while next == nil, MonotonicClock.nanoseconds < limit {
            next = try? folder.journal()
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(next != nil)
        #expect(try folder.events() == ["journal.segment", "test.unwrap", "journal.checkpoint"])
    }

    @Test("has a checkpoint after so many records, and one at its end, each handed out as a head")
    func checkpoints() async throws {
        let heads = Heads()
        let journal = try folder.journal(heads: heads) {
            $0.checkpointRecords = 4
            $0.checkpointInterval = .seconds(3600)
        }
        for index in 0..<3 { try await journal.append(.test("\(index)")) }
        #expect(try folder.events().last == "journal.checkpoint")
        try await journal.append(.test("late"))
        #expect(try folder.events().last == "test.unwrap")
        await journal.close()
        #expect(try folder.events().suffix(2) == ["test.unwrap", "journal.checkpoint"])
        #expect(heads.all.map(\.seq) == [5, 7])
        let report = try folder.verify(anchors: heads.all)
        #expect(report.isIntact)
        #expect(report.nodes.first?.checkpoints == 2)
        #expect(report.nodes.first?.head == heads.all.last)
        #expect(report.nodes.first?.coveredThrough == 6)
    }

    @Test("has a checkpoint some time after records came, and none when nothing happens")
    func checkpointByTime() async throws {
        let heads = Heads()
        let journal = try folder.journal(heads: heads) { $0.checkpointInterval = .milliseconds(50) }
        #expect(try await eventually { heads.all.count == 1 }, "the opening is covered")
        try await journal.append(.test())
        #expect(try await eventually { heads.all.count == 2 })
        #expect(try folder.events().suffix(2) == ["test.unwrap", "journal.checkpoint"])
        try await Task.sleep(for: .milliseconds(200))
        #expect(heads.all.count == 2)
    }

    @Test("goes on without its signer, says so, and signs when it can again")
    func unsigned() async throws {
        let works = Atomic(false)
        let signer = CheckpointSigner(name: "test") { works.load(ordering: .relaxed) ? CheckpointSigner.test.sign($0) : nil }
        let journal = try folder.journal(signer: signer) { $0.checkpointRecords = 2 }
        for index in 0..<4 { try await journal.append(.test("\(index)")) }
        let health = journal.health
        guard case .red(.unsigned, _) = health else {
            Issue.record("\(health)")
            return
        }
        works.store(true, ordering: .relaxed)
        try await journal.append(.test("again"))
        try await journal.append(.test("again"))
        #expect(journal.health == .green)
        await journal.close()
        let report = try folder.verify()
        #expect(report.isIntact)
        #expect(report.nodes[0].checkpoints > 0)
    }

    @Test("begins a new segment when one is full, linked to it, and each ends in a checkpoint")
    func rotation() async throws {
        let journal = try folder.journal { $0.segmentBytes = 2000 }
        for index in 0..<30 { try await journal.append(.test("\(index)")) }
        await journal.close()
        let names = try folder.names()
        #expect(names.count > 3)
        for name in names {
            #expect(try folder.read(name).count <= 2000 + 700)
            #expect(try folder.lines(name).first?.contains("journal.segment") == true)
            #expect(try folder.lines(name).last?.contains("journal.checkpoint") == true)
        }
        #expect(try folder.verify().isIntact)
    }

    @Test("begins a new segment with each day")
    func daily() async throws {
        let now = Mutex(Instant(seconds: 86_400 * 20_000 - 1))
        let journal = try folder.journal { $0.clock = WallClock { now.withLock { $0 } } }
        try await journal.append(.test("before midnight"))
        try await journal.append(.test("before midnight"))
        #expect(try folder.names().count == 1)
        now.withLock { $0 = Instant(seconds: 86_400 * 20_000) }
        try await journal.append(.test("after midnight"))
        #expect(try folder.names().count == 2)
        #expect(try folder.lines(secondSegment)[0].contains("\"cause\":\"day\""))
        await journal.close()
        #expect(try folder.verify().isIntact)
    }
}
