import Management
import Primitives
import Testing

@Suite("A cron schedule") struct CronTests {
    @Test("is due at", arguments: [
        ("30 2 * * *", "2026-11-26T13:00:00Z", "2026-11-27T02:30:00Z"),
        ("30 2 * * *", "2026-11-26T02:29:59Z", "2026-11-26T02:30:00Z"),
        ("30 2 * * *", "2026-11-26T02:30:00Z", "2026-11-27T02:30:00Z"),
        ("*/15 * * * *", "2026-12-31T23:50:00Z", "2027-01-01T00:00:00Z"),
        ("0 0 29 2 *", "2026-11-26T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 12 * * 1-5", "2026-11-27T12:00:00Z", "2026-11-30T12:00:00Z"),
        ("0 12 * * 7", "2026-11-26T00:00:00Z", "2026-11-29T12:00:00Z"),
        ("0 0 1,15 * 3", "2026-11-26T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("10-40/10 5 * 1 *", "2026-11-26T00:00:00Z", "2027-01-01T05:10:00Z"),
        ("daily 3", "2026-11-26T04:00:00Z", "2026-11-27T03:00:00Z"), ("weekly 3", "2026-11-26T04:00:00Z", "2026-11-29T03:00:00Z"),
    ])
    func next(text: String, now: String, due: String) throws {
        let cron = try #require(Cron(text))
        #expect(cron.next(after: try #require(RFC3339.parse(now))) == RFC3339.parse(due))
    }

    @Test("is refused as", arguments: [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *",
        "1/2 * * * *", "a * * * *", "1, * * * *", "-1 * * * *", "daily", "daily 24", "daily -1", "hourly 3", "1  2 * * *", "١ * * * *",
    ])
    func refused(text: String) { #expect(Cron(text) == nil) }

    @Test("that no day fits is never due")
    func never() throws { #expect(try #require(Cron("0 0 30 2 *")).next(after: Instant(seconds: 1_790_000_000)) == nil) }

    @Test("after a long time the latest moment counts")
    func catchUp() throws {
        let (start, end) = (try #require(RFC3339.parse("2020-01-01T00:00:00Z")), try #require(RFC3339.parse("2026-11-26T13:00:00Z")))
        #expect(Cron("30 2 * * *")?.latest(after: start, through: end) == RFC3339.parse("2026-11-26T02:30:00Z"))
        #expect(Cron("30 2 * * *")?.latest(after: end, through: end) == nil)
        #expect(Cron("0 0 29 2 *")?.latest(after: start, through: end) == RFC3339.parse("2024-02-29T00:00:00Z"))
    }
}
