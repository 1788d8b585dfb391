import KeyCore
import Primitives

/// Counts failures to sign in, per user that exists and per network, on disk, so that neither a restart nor another spelling of the name
/// forgets them.
///
/// An attempt is counted before its password is looked at, and taken back when it succeeds: parallel guesses gain nothing.
struct SignInAttempts: Sendable {
    /// How many failures are free, and for how long they are remembered; each further one doubles the wait.
    struct Rule: Sendable {
        let free: Int64
        let memory: Duration
        let longestWait = Duration.seconds(900)

        static let user = Rule(free: 10, memory: .seconds(24 * 3600))
        static let network = Rule(free: 30, memory: .seconds(3600))

        func wait(after failures: Int64) -> Duration {
            guard failures >= free else { return .zero }
            return min(.seconds(1 << min(failures - free, 20)), longestWait)
        }
    }

    /// From where somebody signs in: an address, or IPv6's /64; nil on the local socket.
    static func network(_ address: String) -> String? {
        guard let address = IPAddress(address) else { return nil }
        return address.isVersion4 ? "address:\(address)" : "address:\(address.network64)"
    }

    static func subject(_ user: UserID) -> String { "user:\(user)" }

    /// Counts an attempt.
    /// - Returns: nil if it may go on; otherwise until when this subject has to wait, and it isn't counted.
    static func begin(_ subject: String, _ rule: Rule, at now: Instant, in connection: borrowing SQLConnection) throws -> Instant? {
        let row = try connection.query(
            "SELECT failures, last_at, blocked_until FROM sign_in_failures WHERE subject = $1", [.text(subject)]
        ).first
        var failures: Int64 = 0
        if let row {
            let blockedUntil = Instant(nanoseconds: try row.integer("blocked_until"))
            if blockedUntil > now { return blockedUntil }
            if now - Instant(nanoseconds: try row.integer("last_at")) < rule.memory { failures = try row.integer("failures") }
        }
        failures += 1
        try write(subject, failures, at: now, blockedUntil: failures >= rule.free ? now + rule.wait(after: failures) : Instant(nanoseconds: 0), in: connection)
        return nil
    }

    /// Takes back the attempt that turned out to be none.
    static func takeBack(_ subject: String, at now: Instant, in connection: borrowing SQLConnection) throws {
        try connection.execute(
            "UPDATE sign_in_failures SET failures = failures - 1, blocked_until = 0 WHERE subject = $1 AND failures > 0", [.text(subject)])
    }

    /// Forgets a user's failures.
    static func forget(_ user: UserID, in connection: borrowing SQLConnection) throws {
        try connection.execute("DELETE FROM sign_in_failures WHERE subject = $1", [.text(subject(user))])
    }

    /// Until when a user has to wait; nil if not at all.
    static func blockedUntil(_ user: UserID, at now: Instant, in connection: borrowing SQLConnection) throws -> Instant? {
        let row = try connection.query(
            "SELECT blocked_until FROM sign_in_failures WHERE subject = $1 AND blocked_until > $2",
            [.text(subject(user)), .integer(now.nanoseconds)]
        ).first
        return try row.map { Instant(nanoseconds: try $0.integer("blocked_until")) }
    }

    private static func write(
        _ subject: String, _ failures: Int64, at now: Instant, blockedUntil: Instant, in connection: borrowing SQLConnection
    ) throws {
        try connection.execute(
            "DELETE FROM sign_in_failures WHERE last_at < $1", [.integer((now - Rule.user.memory).nanoseconds)])
        try connection.execute(
            """
            INSERT INTO sign_in_failures (subject, failures, last_at, blocked_until) VALUES ($1, $2, $3, $4)
            ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at,
                blocked_until = excluded.blocked_until
            """,
            [.text(subject), .integer(failures), .integer(now.nanoseconds), .integer(blockedUntil.nanoseconds)])
    }
}
