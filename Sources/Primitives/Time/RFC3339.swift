/// Times as text: `2026-11-24T01:54:19.123456Z` (RFC 3339).
package enum RFC3339 {
    /// UTC with microseconds.
    package static func string(_ instant: Instant) -> String {
        var bytes: [UInt8] = []
        append(instant, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends UTC with microseconds.
    package static func append(_ instant: Instant, to bytes: inout [UInt8]) {
        let (days, nanoseconds) = floorDivide(instant.nanoseconds, 86_400_000_000_000)
        let (year, month, day) = civil(fromDays: days)
        let microseconds = nanoseconds / 1000
        let seconds = microseconds / 1_000_000
        digits(year, 4, &bytes)
        bytes.append(0x2D)
        digits(month, 2, &bytes)
        bytes.append(0x2D)
        digits(day, 2, &bytes)
        bytes.append(0x54)
        digits(seconds / 3600, 2, &bytes)
        bytes.append(0x3A)
        digits(seconds / 60 % 60, 2, &bytes)
        bytes.append(0x3A)
        digits(seconds % 60, 2, &bytes)
        bytes.append(0x2E)
        digits(microseconds % 1_000_000, 6, &bytes)
        bytes.append(0x5A)
    }

    /// The instant that a text names; nil unless it is a date, `T`, a time with up to nine decimals, and `Z` or an offset.
    ///
    /// Years beyond the reach of `Instant` (before 1678, after 2261) saturate. A leap second (`:60`) is refused.
    package static func parse(_ text: String) -> Instant? {
        var reader = Reader(bytes: Array(text.utf8))
        guard let year = reader.number(4), reader.skip(0x2D), let month = reader.number(2), reader.skip(0x2D),
            let day = reader.number(2), reader.skip(0x54) || reader.skip(0x74), let hour = reader.number(2), reader.skip(0x3A),
            let minute = reader.number(2), reader.skip(0x3A), let second = reader.number(2),
            (1...12).contains(month), (1...daysIn(month, of: year)).contains(day), hour < 24, minute < 60, second < 60,
            let fraction = reader.fraction(), let offset = reader.offset(), reader.isAtEnd
        else { return nil }
        let seconds = days(fromCivil: year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
        return Instant(nanoseconds: (Duration.seconds(seconds) + .nanoseconds(fraction)).nanoseconds)
    }

    private struct Reader {
        let bytes: [UInt8]
        var index = 0
        var isAtEnd: Bool { index == bytes.count }

        mutating func number(_ count: Int) -> Int64? {
            guard index + count <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[index..<index + count] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            index += count
            return value
        }

        mutating func skip(_ byte: UInt8) -> Bool {
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
            return true
        }

        mutating func fraction() -> Int64? {
            guard skip(0x2E) else { return 0 }
            var value: Int64 = 0
            var count = 0
            while count < 9, let digit = number(1) {
                value = value * 10 + digit
                count += 1
            }
            guard count > 0 else { return nil }
            for _ in count..<9 { value *= 10 }
            return value
        }

        mutating func offset() -> Int64? {
            if skip(0x5A) || skip(0x7A) { return 0 }
            let sign: Int64 = skip(0x2B) ? 1 : skip(0x2D) ? -1 : 0
            guard sign != 0, let hours = number(2), skip(0x3A), let minutes = number(2), hours < 24, minutes < 60 else { return nil }
            return sign * (hours * 3600 + minutes * 60)
        }
    }

    private static func digits(_ value: Int64, _ count: Int, _ bytes: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<count { divisor *= 10 }
        while divisor > 0 {
            bytes.append(0x30 + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func daysIn(_ month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, counted in 400-year eras that begin on 1 March.
    private static func days(fromCivil year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = floorDivide(shifted, 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
