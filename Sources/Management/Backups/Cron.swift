package import Primitives

/// When something is due: the five fields of cron (minute, hour, day of month, month, day of week with Sunday as 0 or 7), in UTC.
///
/// A field is `*`, `5`, `1-5`, `*/15`, `10-40/10`, or several of these with commas. As in cron, if both days are restricted, either will do.
package struct Cron: Sendable, Equatable {
    private let minutes: Set<Int>, hours: Set<Int>, days: Set<Int>, months: Set<Int>, weekdays: Set<Int>
    private let isAnyDay: Bool, isAnyWeekday: Bool

    /// Reads the fields, or `daily HOUR`, or `weekly HOUR` (on Sundays); nil if they are something else.
    package init?(_ text: String) {
        var fields = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        if fields.count == 2, fields[0] == "daily" { fields = ["0", fields[1], "*", "*", "*"] }
        if fields.count == 2, fields[0] == "weekly" { fields = ["0", fields[1], "*", "*", "0"] }
        guard fields.count == 5, let minutes = Cron.values(fields[0], 0...59), let hours = Cron.values(fields[1], 0...23),
            let days = Cron.values(fields[2], 1...31), let months = Cron.values(fields[3], 1...12),
            let weekdays = Cron.values(fields[4], 0...7)
        else { return nil }
        (self.minutes, self.hours, self.days, self.months) = (minutes, hours, days, months)
        self.weekdays = Set(weekdays.map { $0 % 7 })
        (isAnyDay, isAnyWeekday) = (fields[2].hasPrefix("*"), fields[4].hasPrefix("*"))
    }

    private static func values(_ field: String, _ range: ClosedRange<Int>) -> Set<Int>? {
        var values: Set<Int> = []
        for part in field.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = part.split(separator: "/", omittingEmptySubsequences: false)
            guard (1...2).contains(halves.count), let span = Cron.span(halves[0], range) else { return nil }
            var step = 1
            if halves.count == 2 {
                guard span.count > 1, let number = number(halves[1]), number > 0 else { return nil }
                step = number
            }
            values.formUnion(stride(from: span.lowerBound, through: span.upperBound, by: step))
        }
        return values
    }

    private static func span(_ text: Substring, _ range: ClosedRange<Int>) -> ClosedRange<Int>? {
        if text == "*" { return range }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(number)
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last,
            range.contains(first), range.contains(last)
        else { return nil }
        return first...last
    }

    private static func number(_ text: Substring) -> Int? {
        guard (1...2).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }

    /// The first moment after `instant`; nil if there is none within eight years (30 February).
    package func next(after instant: Instant) -> Instant? {
        let first = instant.seconds / 60 + 1  // minutes since 1970
        var day = first / 1440
        var minute = Int(first % 1440)
        for _ in 0..<(8 * 366) {
            if matches(day: day), let found = firstMinute(from: minute) { return Instant(seconds: (day * 1440 + Int64(found)) * 60) }
            (day, minute) = (day + 1, 0)
        }
        return nil
    }

    /// The last moment that is due after `start` and not after `end`; nil if there is none.
    package func latest(after start: Instant, through end: Instant) -> Instant? {
        guard var found = next(after: start), found <= end else { return nil }
        // After a long time without a server the moments of the last days are enough.
        if let late = next(after: max(start, end - .seconds(9 * 86400))), late <= end { found = late }
        while let next = next(after: found), next <= end { found = next }
        return found
    }

    private func firstMinute(from start: Int) -> Int? {
        (start..<1440).first { hours.contains($0 / 60) && minutes.contains($0 % 60) }
    }

    private func matches(day: Int64) -> Bool {
        let (month, dayOfMonth) = Cron.date(day)
        guard months.contains(month) else { return false }
        let isDay = days.contains(dayOfMonth), isWeekday = weekdays.contains(Int((day + 4) % 7))  // 1970-01-01 was a Thursday
        return isAnyDay || isAnyWeekday ? isDay && isWeekday : isDay || isWeekday
    }

    /// Month and day of a day since 1970.
    ///
    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    private static func date(_ day: Int64) -> (month: Int, day: Int) {
        let dayOfEra = (day + 719_468) % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        return (Int(part < 10 ? part + 3 : part - 9), Int(dayOfYear - (153 * part + 2) / 5 + 1))
    }
}
