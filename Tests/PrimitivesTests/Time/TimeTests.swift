import Testing

@testable import Primitives

@Suite("Times") struct TimeTests {
    @Test("writes and reads", arguments: [
        ("1970-01-01T00:00:00.000000Z", 0), ("1969-12-31T23:59:59.999999Z", -1_000), ("1969-12-31T00:00:00.000000Z", -86_400_000_000_000),
        ("2000-02-29T12:00:00.000000Z", 951_825_600_000_000_000), ("2024-02-29T23:59:59.000000Z", 1_709_251_199_000_000_000),
        ("2026-11-24T01:54:19.123456Z", 1_795_485_259_123_456_000), ("1900-03-01T00:00:00.000000Z", -2_203_891_200_000_000_000),
        ("2038-01-19T03:14:08.000000Z", 2_147_483_648_000_000_000), ("2262-04-11T23:47:16.854775Z", 9_223_372_036_854_775_000),
        ("1677-09-21T00:12:43.145225Z", -9_223_372_036_854_775_000), ("2100-12-31T23:59:59.000000Z", 4_133_980_799_000_000_000),
    ] as [(String, Int64)])
    func vectors(text: String, nanoseconds: Int64) {
        #expect(RFC3339.string(Instant(nanoseconds: nanoseconds)) == text)
        #expect(RFC3339.parse(text) == Instant(nanoseconds: nanoseconds))
    }

    @Test("every day of eight centuries follows the one before")
    func days() {
        let lengths: [Int64] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var expected: Int64 = -9_131 * 86_400  // 1945-01-01
        for year in Int64(1945)...2261 {
            let isLeap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0
            for month in 1...12 {
                let count = lengths[month - 1] + (month == 2 && isLeap ? 1 : 0)
                for day in 1...count {
                    if day == 1 || day >= 28 {
                        let text = "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)T00:00:00.000000Z"
                        if RFC3339.parse(text) != Instant(seconds: expected) || RFC3339.string(Instant(seconds: expected)) != text {
                            Issue.record("\(text)")
                        }
                    }
                    expected += 86_400
                }
            }
        }
    }

    @Test("random instants come back, to the microsecond")
    func roundTrip() {
        var random = SeededGenerator(seed: 3339)
        for _ in 0..<5_000 {
            let microseconds = Int64.random(in: -9_223_372_036_854_775...9_223_372_036_854_775, using: &random)
            let instant = Instant(nanoseconds: microseconds * 1000)
            #expect(RFC3339.parse(RFC3339.string(instant)) == instant)
            #expect(RFC3339.string(Instant(nanoseconds: microseconds * 1000 + 999)) == RFC3339.string(instant), "cut, not rounded")
        }
    }

    @Test("reads offsets, fractions and lower case", arguments: [
        ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520000Z"), ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57.000000Z"),  // RFC 3339, 5.8
        ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870000Z"), ("2026-01-01t00:00:00z", "2026-01-01T00:00:00.000000Z"),
        ("2026-01-01T00:00:00+23:59", "2025-12-31T00:01:00.000000Z"), ("2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00.000000Z"),
        ("2026-01-01T00:00:00.000000001Z", "2026-01-01T00:00:00.000000Z"), ("2026-01-01T00:00:00.999999999Z", "2026-01-01T00:00:00.999999Z"),
    ])
    func forms(text: String, expected: String) { #expect(RFC3339.parse(text).map(RFC3339.string) == expected) }

    @Test("years out of reach saturate", arguments: [
        ("9999-12-31T23:59:59Z", Int64.max), ("2262-04-11T23:47:16.854775808Z", .max), ("2262-04-12T00:00:00Z", .max),
        ("0000-01-01T00:00:00Z", .min), ("1677-09-21T00:00:00Z", .min),
    ])
    func saturation(text: String, nanoseconds: Int64) { #expect(RFC3339.parse(text)?.nanoseconds == nanoseconds) }

    @Test("refuses", arguments: [
        "", "2026", "2026-01-01", "2026-01-01T00:00", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-1-01T00:00:00Z", "26-01-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2016-12-31T23:59:60Z",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.0000000001Z", "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00+01", "2026-01-01T00:00:00ZZ", "2026-01-01T00:00:00Z ", " 2026-01-01T00:00:00Z",
        "+2026-01-01T00:00:00Z", "-026-01-01T00:00:00Z", "2026-+1-01T00:00:00Z", "2026-01-01T00:00:00\u{2212}01:00", "٢٠٢٦-01-01T00:00:00Z",
    ])
    func refusals(text: String) { #expect(RFC3339.parse(text) == nil) }

    @Test("a token's seconds beyond the reach saturate", arguments: [
        (Int64.max, Int64.max), (.min, .min), (9_223_372_037, .max), (-9_223_372_037, .min), (9_223_372_036, 9_223_372_036_000_000_000), (-1, -1_000_000_000),
    ])
    func seconds(seconds: Int64, nanoseconds: Int64) { #expect(Instant(seconds: seconds).nanoseconds == nanoseconds) }

    @Test("whole seconds are rounded down", arguments: [
        (0, 0), (999_999_999, 0), (1_000_000_000, 1), (-1, -1), (-1_000_000_000, -1), (-1_000_000_001, -2), (.max, 9_223_372_036), (.min, -9_223_372_037),
    ] as [(Int64, Int64)])
    func wholeSeconds(nanoseconds: Int64, seconds: Int64) { #expect(Instant(nanoseconds: nanoseconds).seconds == seconds) }

    @Test("sums saturate, differences are exact")
    func arithmetic() {
        let late = Instant(nanoseconds: .max), early = Instant(nanoseconds: .min), zero = Instant(nanoseconds: 0)
        #expect(late + .nanoseconds(1) == late)
        #expect(late + .seconds(Int64.max) == late)
        #expect(early - .seconds(Int64.max) == early)
        #expect(early + .nanoseconds(-1) == early)
        #expect(zero + .seconds(Int64.min) == early)
        #expect(zero - .seconds(Int64.min) == late)
        #expect(late + .nanoseconds(-1) == Instant(nanoseconds: .max - 1))
        #expect(zero + .milliseconds(1500) == Instant(nanoseconds: 1_500_000_000))
        #expect(late - early == .nanoseconds(Int64.max) + .nanoseconds(Int64.max) + .nanoseconds(1))
        #expect(early - late == .zero - (late - early))
        #expect(Instant(seconds: 5) - Instant(seconds: 7) == .seconds(-2))
        #expect(early < zero && zero < late)
    }

    @Test("a duration in nanoseconds saturates")
    func durations() {
        #expect(Duration.seconds(3).nanoseconds == 3_000_000_000)
        #expect(Duration.nanoseconds(-5).nanoseconds == -5)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min).nanoseconds == .min)
        #expect((Duration.nanoseconds(Int64.max) + .nanoseconds(1)).nanoseconds == .max)
        #expect((Duration.nanoseconds(Int64.min) - .nanoseconds(1)).nanoseconds == .min)
        #expect(Duration.nanoseconds(Int64.min).nanoseconds == .min)
    }

    @Test("clocks: a set one stands, the system's is in this century, the monotonic one never goes back")
    func clocks() {
        let fixed = WallClock { Instant(seconds: 42) }
        #expect(fixed.now == Instant(seconds: 42))
        #expect(WallClock.system.now > Instant(seconds: 1_700_000_000))
        #expect(WallClock.system.now < Instant(seconds: 4_000_000_000))
        var last = MonotonicClock.nanoseconds
        for _ in 0..<1000 {
            let now = MonotonicClock.nanoseconds
            #expect(now >= last)
            last = now
        }
    }
}
