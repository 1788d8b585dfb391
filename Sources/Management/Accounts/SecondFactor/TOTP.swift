import Foundation
package import Primitives

/// Time-based one-time passwords (RFC 6238): SHA-1, six digits, 30 seconds, as every authenticator program knows them.
package enum TOTP {
    static let stepSeconds: Int64 = 30

    /// The step in which a moment lies.
    package static func step(at now: Instant) -> Int64 { now.seconds / stepSeconds }

    /// The code of a step (RFC 4226, 5.3).
    package static func code(_ secret: borrowing SecretBytes, step: Int64) throws -> String {
        let counter = (0..<8).map { UInt8(truncatingIfNeeded: step >> (56 - 8 * $0)) }
        let tag = try HMAC.authenticate(counter, key: secret, with: .sha1)
        let offset = Int(tag[19] & 15)
        let number = tag[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        let digits = String(number % 1_000_000)
        return String(repeating: "0", count: 6 - digits.count) + digits
    }

    /// The step whose code was typed, among the present one and its neighbours; nil if it is none, or one not after `last`, which was used
    /// already. White space doesn't count: with or without it, a code is the same code (N34).
    package static func match(_ typed: String, secret: borrowing SecretBytes, now: Instant, after last: Int64) throws -> Int64? {
        let digits = Array(typed.unicodeScalars.filter { !$0.properties.isWhitespace }.map { String($0) }.joined().utf8)
        guard digits.count == 6, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        var found: Int64?
        for step in (step(at: now) - 1)...(step(at: now) + 1) where step > last {
            if ConstantTime.isEqual(digits, Array(try code(secret, step: step).utf8)) { found = found ?? step }
        }
        return found
    }

    /// What authenticator programs read from a QR code ("Key URI Format").
    static func uri(_ secret: borrowing SecretBytes, user: String) -> String {
        let label = "Holdfast:\(user)".addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return "otpauth://totp/\(label)?secret=\(Base32.string(secret))&issuer=Holdfast&algorithm=SHA1&digits=6&period=30"
    }
}
