import Foundation
import KeyCore
import Primitives
import TestSupport
import Testing

@testable import Management

extension AuditEvent {
    fileprivate static let wrapped = AuditEvent("test.wrap")
    fileprivate static let unwrapped = AuditEvent("test.unwrap")
}

@Suite("The audit routes") struct AuditRouteTests {
    private let fixture: APIFixture
    private let journal: AuditJournal
    private var folder: String { fixture.store.folder + "/audit" }

    init() throws {
        fixture = try APIFixture()
        var configuration = AuditJournalConfiguration(
            folder: fixture.store.folder + "/audit", node: try #require(AuditNode("n1")))
        configuration.deadline = .seconds(20)
        journal = try AuditJournal(configuration, signer: nil)
    }

    private func write(
        _ event: AuditEvent = .wrapped, _ outcome: AuditRecord.Outcome = .allowed, second: Int64 = 0,
        _ fill: (inout AuditRecord) -> Void = { _ in }
    ) async throws {
        var record = AuditRecord(event, outcome, at: Instant(seconds: 1_790_000_000 + second))
        fill(&record)
        try await journal.append(record)
    }

    private func get(_ query: String, as caller: Caller? = .local("root")) async throws -> TestAnswer {
        try await fixture.call("GET", "/api/v1/audit\(query)", as: caller)
    }

    @Test("find by each filter what fits, and nothing else", arguments: [
        ("event=test.wrap", ["a", "b"]), ("event=test.", ["a", "b", "c"]), ("event=est", []), ("outcome=refused", ["b"]),
        ("principal=Mallory%40example.com", ["b"]), ("principal=mallory%40example.com", []), ("actor=user:alice", ["c"]),
        ("request_id=req-a", ["a"]), ("project=p%25", ["a"]), ("project=p", []), ("cause=policy-principal", ["b"]), ("resource=c", ["c"]),
        ("text=MALLORY", ["b"]), ("text=100%25%20sure", ["c"]), ("text=1__%20sure", []), ("text=caf%C3%89", ["c"]), ("text=chain", []),
        ("since=2026-09-21T14:13:21Z&until=2026-09-21T14:13:22Z", ["b"]), ("outcome=refused&event=test.unwrap", []),
        ("remote_address=192.0.2.7", ["b"]), ("node=n1&outcome=allowed&event=test", ["a", "c"]), ("node=n2", []),
        ("text=%27%20OR%20%271%27%3D%271", []), ("principal=%27%3B%20DROP%20TABLE%20audit_records%3B--", []),
    ])
    func filters(query: String, expected: [String]) async throws {
        try await write { ($0.requestID, $0.project, $0.resource) = ("req-a", "p%", "a") }
        try await write(.wrapped, .refused, second: 1) {
            ($0.principal, $0.cause, $0.resource, $0.remoteAddress) = ("Mallory@example.com", "policy-principal", "b", "192.0.2.7")
        }
        try await write(.unwrapped, second: 2) { ($0.actor, $0.target, $0.resource) = ("user:alice", "100% sure café", "c") }
        let answer = try await get("?\(query)")
        let found = (answer["items"].array ?? []).filter { $0["event"]?.string?.hasPrefix("journal.") == false }.compactMap { $0["resource"]?.string }
        #expect(found == expected.reversed(), "newest first")
        #expect(answer["is_complete"] == true)
        if !query.hasPrefix("node") { #expect(answer["total"] == .integer(Int64(expected.count))) }
    }

    @Test("page through everything once, in order and with the total, while more is being written")
    func pages() async throws {
        for second in 0..<95 { try await write(second: Int64(second / 10)) { $0.requestID = "r\(second)" } }
        async let noise: Void = { for number in 0..<300 { try await write(second: 10_000) { $0.requestID = "noise\(number)" } } }()
        var seen: [String] = []
        var cursor = ""
        repeat {
            let answer = try await get("?event=test.&until=2026-09-21T15:00:00Z&limit=10\(cursor)")
            #expect(answer["total"] == 95)
            seen += (answer["items"].array ?? []).compactMap { $0["request_id"]?.string }
            cursor = answer["next_cursor"].string.map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty
        try await noise
        #expect(seen == (0..<95).reversed().map { "r\($0)" })
        let oldest = try await get("?event=test.&limit=2&sort=time")
        #expect(oldest["items"].array?.compactMap { $0["request_id"]?.string } == ["r0", "r1"])
        #expect(try await get("?cursor=\(Base64.urlEncoded(Array("[\"-time\",\"x\",\"y\"]".utf8)))").code == "invalid_field")
    }

    @Test("find what was written just before, each time, though much is being written")
    func fresh() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 { group.addTask { for number in 0..<150 { try await write { $0.requestID = "w\(writer)-\(number)" } } } }
            for number in 0..<15 {
                try await write(second: 5) { $0.requestID = "mine-\(number)" }
                let answer = try await get("?request_id=mine-\(number)")
                #expect(answer["total"] == 1 && answer["is_complete"] == true)
            }
            try await group.waitForAll()
        }
    }

    @Test("export the journal's own lines, whose chain can be checked, oldest first")
    func exportLines() async throws {
        for number in 0..<1203 { try await write(second: Int64(number)) { $0.requestID = "r\(number)" } }
        fixture.store.clock.advance(by: WallClock.system.now - fixture.store.clock.now + .seconds(60))
        let answer = try await get("/export")
        #expect(answer.headers["content-type"] == "application/jsonl")
        let exported = answer.text.split(separator: "\n").sorted()
        let files = try Directory.names(in: folder).filter { $0.hasSuffix(".jsonl") }
        let lines = files.flatMap { String(decoding: FileManager.default.contents(atPath: "\(folder)/\($0)") ?? Data(), as: UTF8.self).split(separator: "\n") }
        #expect(exported == lines.sorted() && lines.count > 1203)
        let some = try await get("/export?request_id=r7&format=jsonl").text.split(separator: "\n")
        #expect(some.count == 1 && some.allSatisfy { $0.contains("\"request\":\"r7\"") })
    }

    @Test("export what was on record when the export began, unless it is told until when")
    func exportEnds() async throws {
        for second in [0, 100] as [Int64] { try await write(second: second) { $0.requestID = "r" } }
        fixture.store.clock.advance(by: .seconds(50))
        #expect(try await get("/export?request_id=r").text.split(separator: "\n").count == 1)
        #expect(try await get("/export?request_id=r&until=2027-01-01T00:00:00Z").text.split(separator: "\n").count == 2)
    }

    @Test("export a table that no spreadsheet takes for formulas", arguments: ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "＝1", "a,\"b\"\nc", "'x"])
    func exportTable(hostile: String) async throws {
        try await write { ($0.principal, $0.requestID, $0.target) = (hostile, "wanted", hostile) }
        fixture.store.clock.advance(by: .seconds(1))
        let answer = try await get("/export?format=csv&request_id=wanted")
        #expect(answer.headers["content-type"] == "text/csv")
        // Python's reader of CSV says what stands in the table.
        let outcome = try await SpawnedTool.python3.run(
            ["-c", "import csv,json,sys; json.dump(list(csv.DictReader(sys.stdin)), sys.stdout)"], input: answer.text)
        let rows = try #require(try JSONValue(parsing: Array(outcome.output.utf8)).array)
        #expect(rows.count == 1)
        let recorded = AuditText.clean(hostile, limit: 320)
        let principal = try #require(rows[0]["principal"]?.string)
        #expect(principal == recorded || principal == "'" + recorded)
        #expect(!"=+-@\t\r＝".contains(principal.first ?? "x"))
        #expect(rows[0]["target"]?.string == principal && rows[0]["event"] == "test.wrap")
    }

    @Test("verify the journal, and say where it was changed")
    func verification() async throws {
        for _ in 0..<5 { try await write() }
        let intact = try await fixture.call("POST", "/api/v1/audit/verify")
        #expect(intact["is_intact"] == true && intact["nodes"].array?.first?["records"] == 6)
        let file = try #require(try Directory.names(in: folder).first { $0.hasSuffix(".jsonl") })
        let text = String(decoding: FileManager.default.contents(atPath: "\(folder)/\(file)") ?? Data(), as: UTF8.self)
        try text.replacing("\"allowed\"", with: "\"refused\"", maxReplacements: 1).write(toFile: "\(folder)/\(file)", atomically: true, encoding: .utf8)
        let changed = try await fixture.call("POST", "/api/v1/audit/verify")
        #expect(changed["is_intact"] == false)
        #expect(changed["nodes"].array?.first?["finding"]?["meaning"]?.string?.contains("was changed") == true)
        #expect(fixture.audit.records.map(\.cause).suffix(1) == ["fault-found"])
    }

    @Test("count by hour, event, outcome, cause and principal")
    func statistics() async throws {
        for hour in 0..<3 {
            for number in 0...hour { try await write(second: Int64(hour * 3600 + number)) { $0.principal = "p\(hour)" } }
        }
        try await write(.unwrapped, .refused, second: 7000) { ($0.principal, $0.cause) = ("p2", "policy-time") }
        let answer = try await get("/statistics?since=2026-09-21T14:00:00Z&until=2026-09-22T00:00:00Z&event=test.&top=2")
        #expect(answer["total"] == 7)
        #expect(answer["principals"] == [["value": "p2", "count": 4], ["value": "p1", "count": 2]])
        #expect(answer["events"] == [["value": "test.wrap", "count": 6], ["value": "test.unwrap", "count": 1]])
        #expect(answer["causes"] == [["value": "policy-time", "count": 1]])
        #expect(answer["bars"].array?.map { $0["count"] } == [1, 2, 3, 1])
        #expect(try await get("/statistics?since=2026-09-21T14:00:00Z&until=2026-09-22T00:00:00Z&event=test.&interval=day")["bars"].array?.count == 2)
    }

    @Test("need read:audit, export:audit and verify:audit, each its own, and put exports on record")
    func access() async throws {
        let reader = try Caller.person("reader", [.readAudit])
        #expect(try await get("", as: reader).status == 200)
        #expect(try await get("/statistics", as: reader).status == 200)
        #expect(try await get("/export", as: reader).status == 403)
        #expect(try await fixture.call("POST", "/api/v1/audit/verify", as: reader).status == 403)
        #expect(try await get("/export", as: try .person("exporter", [.exportAudit])).status == 200)
        #expect(fixture.audit.records.filter { $0.event == .auditExported }.map(\.outcome) == [.refused, .allowed])
        #expect(try await get("", as: nil).status == 401)
    }
}
