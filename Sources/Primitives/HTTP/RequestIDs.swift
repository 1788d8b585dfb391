import Synchronization

/// Names requests: 64 random bits of the process, then a counter, in hexadecimal. Unique and cheap; no secret.
package final class RequestIDs: Sendable {
    private let prefix: String
    private let counter: Atomic<UInt64>

    /// A new series.
    package init() throws(OpenSSLError) {
        let random = try UUIDBytes.random().array
        prefix = Hex.string(random[0..<8])
        counter = Atomic(random[12..<16].reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// The next name: 32 digits.
    package func next() -> String {
        let number = counter.add(1, ordering: .relaxed).newValue
        let digits = String(number, radix: 16)
        return prefix + String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
