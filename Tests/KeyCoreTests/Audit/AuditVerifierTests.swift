import Glibc
import Primitives
import Testing

@testable import KeyCore

@Suite("Audit verifier") struct AuditVerifierTests {
    let folder = AuditFolder()
    let heads = Heads()

    /// A journal of `count` records in one segment: line 1 opens it, the last line is a checkpoint.
    func fill(_ count: Int, _ adjust: (inout AuditJournalConfiguration) -> Void = { _ in }) async throws {
        let journal = try folder.journal(heads: heads, adjust)
        for index in 0..<count { try await journal.append(.test("\(index)")) }
        await journal.close()
    }

    func finding(_ lines: [String], anchored: Bool = true) throws -> AuditFinding? {
        folder.write(lines, to: firstSegment)
        return try folder.verify(anchors: anchored ? heads.all : []).nodes[0].finding
    }

    @Test("finds a change of any single byte of a journal")
    func everyByte() async throws {
        try await fill(2)
        let bytes = try folder.read(firstSegment)
        #expect(try folder.verify().isIntact)
        for index in bytes.indices {
            for mask in [UInt8(1), 0x20, 0x80] {
                var changed = bytes
                changed[index] ^= mask
                folder.write(changed, to: firstSegment)
                let isLast = index == bytes.count - 1
                if isLast, mask != 1 { continue }  // the torn line is waited for
                #expect(!(try folder.verify().isIntact), "byte \(index) ^ \(mask)")
            }
        }
    }

    @Test("names the line that was changed, and counts what is in order before it")
    func change() async throws {
        try await fill(4)
        var lines = try folder.lines(firstSegment)
        lines[2] = lines[2].replacing("allowed", with: "refused")
        #expect(try finding(lines) == AuditFinding(kind: .changed, file: firstSegment, line: 3))
        let node = try folder.verify().nodes[0]
        #expect(node.records == 2 && node.head?.seq == 2)
        #expect(node.finding?.description == "\(firstSegment), line 3: this record, or the one before it, was changed")
    }

    @Test("finds removed, exchanged, repeated and inserted records")
    func order() async throws {
        try await fill(4)
        let lines = try folder.lines(firstSegment)
        for index in 1..<lines.count - 1 {
            var removed = lines
            removed.remove(at: index)
            let found = AuditFinding(
                kind: .gap(expected: UInt64(index + 1), found: UInt64(index + 2)), file: firstSegment, line: index + 1)
            #expect(try finding(removed) == found)
            var swapped = lines
            swapped.swapAt(index, index + 1)
            let exchanged = AuditFinding(
                kind: .reordered(expected: UInt64(index + 1), found: UInt64(index + 2)), file: firstSegment, line: index + 1)
            #expect(try finding(swapped) == exchanged)
        }
        #expect(
            try finding(Array(lines[...2]) + Array(lines[2...]))
                == AuditFinding(kind: .reordered(expected: 4, found: 3), file: firstSegment, line: 4))
        #expect(try finding([lines[0], "{}"] + lines[1...]) == AuditFinding(kind: .malformed, file: firstSegment, line: 2))
        #expect(
            try finding(Array(lines.dropFirst())) == AuditFinding(kind: .missingBeginning(found: 2), file: firstSegment, line: 1))
    }

    @Test("finds by its anchor that the end was removed, down to the last line and the last file")
    func truncation() async throws {
        try await fill(4)
        let lines = try folder.lines(firstSegment)
        for kept in 1..<lines.count {
            let found = AuditFinding(kind: .truncated(expected: 6, found: UInt64(kept)), file: firstSegment, line: nil)
            #expect(try finding(Array(lines[..<kept])) == found)
        }
        #expect(try finding(Array(lines[..<3]), anchored: false) == nil, "without an anchor nobody can know")
        unlink(folder.file(firstSegment))
        let report = try folder.verify(anchors: heads.all)
        #expect(report.nodes[0].finding?.kind == .truncated(expected: 6, found: 0))
    }

    @Test("finds that the last line was cut in the middle")
    func torn() async throws {
        try await fill(2)
        folder.write(try folder.read(firstSegment).dropLast(9), to: firstSegment)
        #expect(try folder.verify().nodes[0].finding == AuditFinding(kind: .torn, file: firstSegment, line: 4))
    }

    @Test("finds a journal that was written anew with a right chain: by its checkpoints, or by its anchor")
    func rewritten() async throws {
        try await fill(3)
        let forged = try folder.lines(firstSegment).map { $0.replacing("allowed", with: "refused") }
        var chain = AuditChain(node: AuditNode("n1")!)
        var bytes: [UInt8] = []
        for line in forged {
            let start = line.firstIndex(of: ",")!
            let end = line.firstRange(of: ",\"chain\"")!.lowerBound
            chain.append(Array("{\(line[line.index(after: start)..<end])}".utf8), to: &bytes)
        }
        folder.write(bytes, to: firstSegment)
        #expect(try folder.verify().nodes[0].finding == AuditFinding(kind: .forgedCheckpoint, file: firstSegment, line: 5))
        let withoutCheckpoint = Array(String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropLast().map(String.init))
        #expect(try finding(withoutCheckpoint)?.kind == .truncated(expected: 5, found: 4))
        chain = AuditChain(seq: 4, link: AuditLine(Array(withoutCheckpoint[3].utf8))!.link)
        var more: [UInt8] = withoutCheckpoint.flatMap { line in Array(line.utf8) + [0x0A] }
        for _ in 0..<3 { chain.append(AuditRecord.test().json(), to: &more) }
        folder.write(more, to: firstSegment)
        #expect(
            try folder.verify(anchors: heads.all).nodes[0].finding
                == AuditFinding(kind: .rewritten, file: firstSegment, line: 5))
    }

    @Test("rejects a checkpoint whose signature is not the signer's, is missing, or is for another point")
    func checkpoint() async throws {
        let forger = CheckpointSigner(name: "test") { $0 }
        for signer in [forger, nil] {
            let folder = AuditFolder()
            let journal = try folder.journal(signer: signer)
            try await journal.append(.test())
            await journal.close()
            #expect(try folder.verify().nodes[0].finding?.kind == .forgedCheckpoint)
            #expect(try AuditVerifier(folder: folder.path, checkpoints: nil).verify().isIntact)
        }
        let head = AuditHead(node: AuditNode("n1")!, seq: 3, chain: "aa")
        let fields = try JSONValue(parsing: Checkpoint.body(after: head, at: Instant(seconds: 0), signer: .test)!)
        #expect(Checkpoint.isGenuine(fields, after: head, .test))
        for other in [
            AuditHead(node: AuditNode("n2")!, seq: 3, chain: "aa"), AuditHead(node: head.node, seq: 4, chain: "aa"),
            AuditHead(node: head.node, seq: 3, chain: "ab"),
        ] {
            #expect(!Checkpoint.isGenuine(fields, after: other, .test))
            #expect(Checkpoint.message(other) != Checkpoint.message(head))
        }
    }

    @Test("finds segments that are missing, and accepts a missing beginning only if told")
    func segments() async throws {
        try await fill(40) { $0.segmentBytes = 2000 }
        let names = try folder.names()
        #expect(names.count >= 4)
        let middle = try folder.read(names[1])
        unlink(folder.file(names[1]))
        guard case .gap = try folder.verify().nodes[0].finding?.kind else {
            Issue.record("a missing segment was not found")
            return
        }
        folder.write(middle, to: names[1])
        #expect(try folder.verify().isIntact)
        unlink(folder.file(names[0]))
        guard case .missingBeginning = try folder.verify().nodes[0].finding?.kind else {
            Issue.record("a missing beginning was not found")
            return
        }
        #expect(try folder.verify(anchors: heads.all, allowsMissingBeginning: true).isIntact)
    }

    @Test("finds a journal that was passed off as another node's")
    func renamed() async throws {
        try await fill(2)
        rename(folder.file(firstSegment), folder.file("journal-n2-0000000001.jsonl"))
        let report = try folder.verify()
        #expect(report.nodes.map(\.node.description) == ["n2"])
        #expect(report.nodes[0].finding?.kind == .changed)
    }

    @Test("verifies a journal while it is being written")
    func live() async throws {
        let journal = try folder.journal()
        let writing = Task { for index in 0..<2000 { try await journal.append(.test("\(index)")) } }
        for _ in 0..<5 {
            let report = try folder.verify()
            #expect(report.isIntact, "\(String(describing: report.nodes.first?.finding))")
        }
        try await writing.value
        await journal.close()
        #expect(try folder.verify().nodes[0].records >= 2002)
    }
}

@Suite("Audit reader") struct AuditReaderTests {
    let folder = AuditFolder()

    @Test("gives the last records of all segments that pass a filter, oldest first")
    func last() async throws {
        let journal = try folder.journal { $0.segmentBytes = 3000 }
        for index in 0..<40 { try await journal.append(.test("r\(index)")) }
        await journal.close()
        let reader = AuditReader(folder: folder.path)
        var filter = AuditFilter()
        filter.eventPrefix = "test."
        #expect(try reader.last(25, where: filter).map { $0["request"] } == (15..<40).map { "r\($0)" })
        #expect(try reader.last(1000, where: filter).count == 40)
        filter.members = ["request": "r7", "outcome": "allowed"]
        #expect(try reader.last(5, where: filter).map { $0["request"] } == ["r7"])
        filter.members = ["request": "r7", "outcome": "refused"]
        #expect(try reader.last(5, where: filter).isEmpty)
        var times = AuditFilter()
        times.includesJournal = false
        times.until = Instant(seconds: 1_790_000_000)
        #expect(try reader.last(5, where: times).isEmpty)
        times.until = Instant(seconds: 1_790_000_001)
        times.since = Instant(seconds: 1_790_000_000)
        #expect(try reader.last(5, where: times).count == 5)
        #expect(try reader.last(1).first?.event == "journal.checkpoint")
    }

    @Test("follows several nodes over rotations, each record once and in order, from any number on")
    func follow() async throws {
        let journal = try folder.journal { $0.segmentBytes = 2000 }
        let cli = try folder.journal { $0.node = AuditNode("cli")! }
        var follower = AuditFollower(folder: folder.path)
        var fromEnd = try AuditFollower(endOf: folder.path)
        var seen: [String: [UInt64]] = [:]
        var late = 0
        for index in 0..<30 {
            try await journal.append(.test("\(index)"))
            if index.isMultiple(of: 7) { try await cli.append(.test("cli")) }
            if index.isMultiple(of: 4) { for entry in try follower.poll(limit: 3) { seen["\(entry.node)", default: []].append(entry.seq) } }
            late += try fromEnd.poll().count { $0.event == "test.unwrap" }
        }
        await journal.close()
        await cli.close()
        while case let entries = try follower.poll(limit: 3), !entries.isEmpty {
            for entry in entries { seen["\(entry.node)", default: []].append(entry.seq) }
        }
        let last = try #require(seen["n1"]?.last)
        #expect(seen["n1"] == Array(1...last) && last > 32)
        #expect(seen["cli"] == Array(1...7))
        #expect(late == 35)
        var resumed = AuditFollower(folder: folder.path, after: [AuditNode("n1")!: last - 5, AuditNode("cli")!: 7])
        #expect(try resumed.poll().map(\.seq) == Array(last - 4...last))
    }

    @Test("a tail gives what comes while it is followed")
    func tail() async throws {
        let journal = try folder.journal()
        let follower = try AuditFollower(endOf: folder.path)
        var iterator = AuditTail(follower, every: .milliseconds(5)).makeAsyncIterator()
        try await journal.append(.test("one"))
        #expect(try await iterator.next()?["request"] == "one")
        try await journal.append(.test("two"))
        #expect(try await iterator.next()?["request"] == "two")
    }
}
