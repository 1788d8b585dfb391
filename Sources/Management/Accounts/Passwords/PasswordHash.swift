package import Primitives

/// How much work a password hash is (RFC 7914).
package struct PasswordCost: Sendable, Equatable {
    /// N = 2^logN; memory is 128 · N · r bytes.
    package var logN: Int
    package var r: Int
    package var p: Int

    /// A cost as given.
    package init(logN: Int, r: Int, p: Int) { (self.logN, self.r, self.p) = (logN, r, p) }

    /// 32 MiB, three times over: what OWASP's "Password Storage Cheat Sheet" (2024) sets equal to N = 2^17, p = 1.
    package static let standard = PasswordCost(logN: 15, r: 8, p: 3)

    /// Whether a hash of this cost takes more work than one of another.
    package func isMore(than other: PasswordCost) -> Bool { (r * p) << logN > (other.r * other.p) << other.logN }

    fileprivate var isSound: Bool { (4...18).contains(logN) && (1...16).contains(r) && (1...8).contains(p) }
}

/// A password's scrypt hash with all that is needed to compare: `scrypt:15:8:3:<salt>:<hash>`, base64url.
package struct PasswordHash: Sendable, Equatable {
    package let cost: PasswordCost
    let salt: [UInt8]
    let hash: [UInt8]

    /// The hash of a password under a fresh salt. Takes time and memory on the calling thread: only `PasswordBench` calls it.
    package init(of password: borrowing SecretBytes, cost: PasswordCost) throws {
        self.cost = cost
        salt = try RandomBytes.generate(16)
        hash = try PasswordHash.derive(password, salt, cost)
    }

    /// As stored; nil if that is no such text.
    package init?(stored text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "scrypt", let logN = Int(parts[1]), let r = Int(parts[2]), let p = Int(parts[3]),
            let salt = try? Base64.decodeURLCanonical(Array(parts[4].utf8)[...]),
            let hash = try? Base64.decodeURLCanonical(Array(parts[5].utf8)[...]), hash.count == 32
        else { return nil }
        cost = PasswordCost(logN: logN, r: r, p: p)
        guard cost.isSound else { return nil }
        (self.salt, self.hash) = (salt, hash)
    }

    /// A hash of this cost that no password has.
    package static func ofNothing(cost: PasswordCost) -> PasswordHash { PasswordHash(cost: cost) }

    private init(cost: PasswordCost) {
        self.cost = cost
        (salt, hash) = ([UInt8](repeating: 0, count: 16), [])
    }

    /// What is stored.
    package var stored: String {
        "scrypt:\(cost.logN):\(cost.r):\(cost.p):\(Base64.urlEncoded(salt)):\(Base64.urlEncoded(hash))"
    }

    /// Whether it is the hash of that password: always one derivation. Only `PasswordBench` calls it.
    package func matches(_ password: borrowing SecretBytes) throws -> Bool {
        ConstantTime.isEqual(hash, try PasswordHash.derive(password, salt, cost))
    }

    private static func derive(_ password: borrowing SecretBytes, _ salt: [UInt8], _ cost: PasswordCost) throws -> [UInt8] {
        try Scrypt.derive(
            password, salt: salt, n: 1 << UInt64(cost.logN), r: UInt32(cost.r), p: UInt32(cost.p), count: 32,
            maxMemoryBytes: 1 << 30
        ).exposedCopy()
    }
}
