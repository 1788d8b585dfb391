import Foundation
import Primitives

/// Hours of certain days by the wall clock of a zone, daylight saving included. A window that crosses midnight belongs to
/// the day on which it begins.
struct TimeWindow: Sendable {
    /// As in the IANA time zone database.
    let zoneName: String
    /// Days of the week, bit 0 for Monday.
    let days: UInt8
    /// Minutes after midnight, 0 to 1439: the first that is inside.
    let from: Int
    /// Minutes after midnight, 1 to 1440: the first that is outside; less than `from` if the window crosses midnight.
    let to: Int
    private let zone: TimeZone

    static let dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    /// A window.
    /// - Throws: `Complaint` if the zone is unknown, no day is named, or `from` equals `to`.
    init(zone name: String, days: UInt8, from: Int, to: Int) throws(Complaint) {
        guard name == "UTC" || name.contains("/"), let zone = TimeZone(identifier: name) else {
            throw Complaint("expected UTC or a zone of the IANA database such as Europe/Berlin, found “\(name.prefix(64))”")
        }
        guard from != to else { throw Complaint("expected two different times; write 00:00 and 24:00 for a whole day") }
        (self.zoneName, self.days, self.from, self.to, self.zone) = (name, days, from, to, zone)
    }

    /// Whether the zone's clocks and calendar then show a time inside.
    func contains(_ instant: Instant) -> Bool {
        let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant.seconds)))
        let local = instant.seconds + Int64(offset)
        let second = ((local % 86400) + 86400) % 86400
        let day = Int(((local - second) / 86400 + 3) % 7 + 7) % 7  // 1970-01-01 was a Thursday
        let minute = Int(second / 60)
        if from < to { return minute >= from && minute < to && has(day) }
        return minute >= from && has(day) || minute < to && has((day + 6) % 7)
    }

    private func has(_ day: Int) -> Bool { days & 1 << UInt8(day) != 0 }

    /// As `mon,tue 22:00–06:00 Europe/Berlin`.
    var description: String {
        let names = TimeWindow.dayNames.enumerated().filter { has($0.offset) }.map(\.element)
        return "\(names.joined(separator: ",")) \(TimeWindow.clock(from))–\(TimeWindow.clock(to)) \(zoneName)"
    }

    /// The minutes after midnight that `07:30` means; `24:00` is 1440; nil for anything else.
    static func minutes(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 5, bytes[2] == 0x3A, [0, 1, 3, 4].allSatisfy({ bytes[$0] >= 0x30 && bytes[$0] <= 0x39 }) else { return nil }
        func pair(_ index: Int) -> Int { Int(bytes[index] - 0x30) * 10 + Int(bytes[index + 1] - 0x30) }
        let minutes = pair(0) * 60 + pair(3)
        return pair(3) < 60 && minutes <= 1440 ? minutes : nil
    }

    private static func clock(_ minutes: Int) -> String {
        func pair(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(pair(minutes / 60)):\(pair(minutes % 60))"
    }
}
