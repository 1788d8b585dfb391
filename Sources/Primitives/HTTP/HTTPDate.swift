import Synchronization

/// The `Date` header (RFC 9110, 5.6.7), made once a second.
package enum HTTPDate {
    private static let latest = Mutex<(seconds: Int64, text: String)>((Int64.min, ""))

    /// As `Tue, 24 Nov 2026 01:54:19 GMT`.
    package static func string(_ instant: Instant) -> String {
        latest.withLock { latest in
            if latest.seconds != instant.seconds { latest = (instant.seconds, format(instant)) }
            return latest.text
        }
    }

    private static func format(_ instant: Instant) -> String {
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]  // 1970-01-01 was a Thursday
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let text = RFC3339.string(instant)
        let fields = text.split { "-T:.".contains($0) }
        let weekday = days[Int(((instant.seconds / 86400) % 7 + 7) % 7)]
        let month = months[(Int(fields[1]) ?? 1) - 1]
        return "\(weekday), \(fields[2]) \(month) \(fields[0]) \(fields[3]):\(fields[4]):\(fields[5]) GMT"
    }
}
