@testable import KeyCore
import Primitives
import Testing

@Suite("Time windows") struct TimeWindowTests {
    private func contains(_ zone: String, _ days: UInt8, _ from: String, _ to: String, _ time: String) throws -> Bool {
        let window = try TimeWindow(zone: zone, days: days, from: TimeWindow.minutes(from)!, to: TimeWindow.minutes(to)!)
        return window.contains(try #require(RFC3339.parse(time)))
    }

    @Test("the first minute is inside, the last is not; days count in the zone", arguments: [
        ("2026-01-05T08:00:00Z", true), ("2026-01-05T07:59:59.999Z", false), ("2026-01-05T17:59:59.999Z", true), ("2026-01-05T18:00:00Z", false),
        ("2026-01-09T12:00:00Z", true), ("2026-01-10T12:00:00Z", false), ("2026-01-11T12:00:00Z", false), ("1969-12-29T12:00:00Z", true),
        ("1969-12-28T12:00:00Z", false),
    ])
    func workday(time: String, inside: Bool) throws {
        #expect(try contains("UTC", 0b001_1111, "08:00", "18:00", time) == inside)
    }

    @Test("a window across midnight belongs to the day on which it begins", arguments: [
        ("2026-01-09T21:59:59Z", false), ("2026-01-09T22:00:00Z", true), ("2026-01-10T00:00:00Z", true), ("2026-01-10T05:59:59Z", true),
        ("2026-01-10T06:00:00Z", false), ("2026-01-10T22:30:00Z", false), ("2026-01-09T01:00:00Z", false),
    ])
    func midnight(time: String, inside: Bool) throws {
        let friday: UInt8 = 1 << 4
        #expect(try contains("UTC", friday, "22:00", "06:00", time) == inside)
    }

    @Test("a Sunday's window reaches into Monday")
    func weekBoundary() throws {
        let sunday: UInt8 = 1 << 6
        #expect(try contains("UTC", sunday, "22:00", "06:00", "2026-01-12T03:00:00Z"))
        #expect(try !contains("UTC", sunday, "22:00", "06:00", "2026-01-11T03:00:00Z"))
    }

    @Test("the zone's own clock counts, on both sides of daylight saving's borders", arguments: [
        ("Europe/Berlin", "02:30", "03:30", "2026-03-29T00:59:59Z", false),  // 01:59:59, then the clock jumps to 03:00
        ("Europe/Berlin", "02:30", "03:30", "2026-03-29T01:00:00Z", true), ("Europe/Berlin", "02:30", "03:30", "2026-03-29T01:30:00Z", false),
        ("Europe/Berlin", "02:00", "02:30", "2026-10-25T00:15:00Z", true),  // 02:15 summer time, and an hour later 02:15 again
        ("Europe/Berlin", "02:00", "02:30", "2026-10-25T00:45:00Z", false), ("Europe/Berlin", "02:00", "02:30", "2026-10-25T01:15:00Z", true),
        ("America/New_York", "00:00", "01:00", "2026-07-04T04:30:00Z", true), ("America/New_York", "00:00", "01:00", "2026-01-04T04:30:00Z", false),
        ("Asia/Kolkata", "05:30", "05:31", "2026-01-01T00:00:30Z", true), ("UTC", "00:00", "24:00", "2026-01-01T23:59:59Z", true),
    ])
    func zones(zone: String, from: String, to: String, time: String, inside: Bool) throws {
        #expect(try contains(zone, 0x7F, from, to, time) == inside)
    }

    @Test("the day is that of the zone's calendar, not of UTC")
    func dayInZone() throws {
        let thursday: UInt8 = 1 << 3
        #expect(try contains("Asia/Tokyo", thursday, "00:00", "08:00", "2025-12-31T20:00:00Z"))  // Thursday, 1 January there
        #expect(try !contains("UTC", thursday, "00:00", "24:00", "2025-12-31T20:00:00Z"))
    }

    @Test("refused in a document", arguments: [
        (#"{zone: Mars/Olympus, from: "08:00", to: "09:00"}"#, "rules[0].times[0]"), (#"{zone: CET, from: "08:00", to: "09:00"}"#, "rules[0].times[0]"),
        (#"{zone: "", from: "08:00", to: "09:00"}"#, "rules[0].times[0]"), (#"{from: "08:00", to: "09:00"}"#, "rules[0].times[0]"),
        (#"{zone: UTC, from: "8:00", to: "09:00"}"#, "rules[0].times[0].from"), (#"{zone: UTC, from: "24:00", to: "09:00"}"#, "rules[0].times[0].from"),
        (#"{zone: UTC, from: "08:60", to: "09:00"}"#, "rules[0].times[0].from"), (#"{zone: UTC, from: "08:00", to: "24:01"}"#, "rules[0].times[0].to"),
        (#"{zone: UTC, from: "08:00", to: "00:00"}"#, "rules[0].times[0].to"), (#"{zone: UTC, from: "08:00", to: "08:00"}"#, "rules[0].times[0]"),
        (#"{zone: UTC, days: [], from: "08:00", to: "09:00"}"#, "rules[0].times[0].days"),
        (#"{zone: UTC, days: [monday], from: "08:00", to: "09:00"}"#, "rules[0].times[0].days[0]"),
        (#"{zone: UTC, days: [mon-tue-wed], from: "08:00", to: "09:00"}"#, "rules[0].times[0].days[0]"),
        (#"{zone: UTC, from: "08:00", to: "09:00", until: 2030}"#, "rules[0].times[0].until"),
    ])
    func refused(window: String, field: String) {
        let text = "version: 1\nname: p\nrules:\n  - {\(PolicyFixture.allow("a", "times: [\(window)]"))}"
        #expect(AccessPolicy.problems(in: text, source: "p").map(\.field) == [field])
    }

    @Test("ranges of days may wrap around the week")
    func dayRanges() throws {
        let policy = try PolicyFixture.policy(PolicyFixture.allow("a", #"times: [{zone: UTC, days: [sat-mon, wed], from: "00:00", to: "24:00"}]"#))
        let inside = (5...11).map { day in policy.cause(PolicyFixture.request(at: "2026-01-\(day < 10 ? "0" : "")\(day)T12:00:00Z")) == nil }
        #expect(inside == [true, false, true, false, false, true, true])  // Monday to Sunday
    }
}
