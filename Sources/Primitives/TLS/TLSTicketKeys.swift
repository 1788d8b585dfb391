import COpenSSL
import Synchronization

/// The keys that protect session tickets: one seals, its predecessors still open until they have aged out (RFC 5077, 4 and 5.5).
///
/// A ticket key can open every session resumed with it, so it lives on locked memory and is forgotten after three periods.
package final class TLSTicketKeys: Sendable {
    private struct Entry {
        let name: [UInt8]
        let secret: SharedSecret  // AES-256 key ‖ HMAC-SHA-256 key
        let born: UInt64
    }

    private let entries = Mutex<[Entry]>([])
    private let periodNanoseconds: UInt64

    /// Keys that change every `period`.
    package init(period: Duration = .seconds(6 * 3600)) { periodNanoseconds = UInt64(min(max(1, period.nanoseconds), 1 << 60)) }

    /// Begins a new key now; tickets under the present one stay good.
    package func rotate() throws(OpenSSLError) {
        let entry = try makeEntry(at: MonotonicClock.nanoseconds)
        entries.withLock { $0.insert(entry, at: 0) }
    }

    /// The name and secret that seal at present.
    func current() throws(OpenSSLError) -> (name: [UInt8], secret: SharedSecret) {
        let now = MonotonicClock.nanoseconds
        let fresh = entries.withLock { entries -> Entry? in
            forget(&entries, now)
            return entries.first.flatMap { now < $0.born + periodNanoseconds ? $0 : nil }
        }
        if let fresh { return (fresh.name, fresh.secret) }
        let entry = try makeEntry(at: now)
        entries.withLock { $0.insert(entry, at: 0) }
        return (entry.name, entry.secret)
    }

    /// The secret of that name, if it is not too old, and whether a newer one seals by now.
    func find(_ name: UnsafeBufferPointer<UInt8>) -> (secret: SharedSecret, isStale: Bool)? {
        let now = MonotonicClock.nanoseconds
        return entries.withLock { entries in
            forget(&entries, now)
            guard let index = entries.firstIndex(where: { $0.name.elementsEqual(name) }) else { return nil }
            return (entries[index].secret, index > 0)
        }
    }

    /// Two threads may have read the clock before either took the lock, so `now` can lie before a birth.
    private func forget(_ entries: inout [Entry], _ now: UInt64) {
        entries.removeAll { now > $0.born && now - $0.born >= 3 * periodNanoseconds }
    }

    private func makeEntry(at time: UInt64) throws(OpenSSLError) -> Entry {
        var name = [UInt8](repeating: 0, count: 16)
        try OpenSSLError.check(RAND_bytes(&name, 16), "RAND_bytes")
        return Entry(name: name, secret: SharedSecret(try SecretBytes(randomCount: 64)), born: time)
    }
}

/// OpenSSL's ticket callback: 1 to go on, 2 to go on and renew the ticket, 0 to do without it, -1 on failure.
func ticketKeyCallback(
    ssl: OpaquePointer?, name: UnsafeMutablePointer<UInt8>?, iv: UnsafeMutablePointer<UInt8>?, cipher: OpaquePointer?,
    mac: OpaquePointer?, isSealing: CInt
) -> CInt {
    guard let ssl, let name, let iv, let keys = TLSServerNegotiation.of(ssl)?.context.ticketKeys else { return -1 }
    guard isSealing == 1 else {
        guard let (secret, isStale) = keys.find(UnsafeBufferPointer(start: name, count: 16)) else { return 0 }
        return prepare(secret, iv, cipher, mac, isSealing: false) ? (isStale ? 2 : 1) : -1
    }
    guard let current = try? keys.current(), RAND_bytes(iv, 16) == 1 else { return -1 }
    name.update(from: current.name, count: 16)
    return prepare(current.secret, iv, cipher, mac, isSealing: true) ? 1 : -1
}

private func prepare(
    _ secret: SharedSecret, _ iv: UnsafePointer<UInt8>, _ cipher: OpaquePointer?, _ mac: OpaquePointer?, isSealing: Bool
) -> Bool {
    secret.bytes.withPointer { key in
        guard EVP_CipherInit_ex2(cipher, EVP_aes_256_cbc(), key, iv, isSealing ? 1 : 0, nil) == 1 else { return false }
        return shim_EVP_MAC_CTX_set_hmac_sha256(mac, key + 32, 32) == 1
    }
}
