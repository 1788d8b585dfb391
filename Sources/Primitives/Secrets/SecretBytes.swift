import COpenSSL

/// Key material: one owner, on locked memory (`SecretMemory`), zeroised when its owner ends.
///
/// It has no description, is not `Codable` and has no `==`; `isEqual(to:)` compares in constant time.
package struct SecretBytes: ~Copyable, @unchecked Sendable {  // unique owner, never shared: safe to send
    /// The size in bytes; may be 0.
    package let count: Int
    private let slot: UnsafeMutableRawPointer

    /// `count` zero bytes which `fill` then writes; released again if it throws.
    init<E: Error>(count: Int, fill: (UnsafeMutableBufferPointer<UInt8>) throws(E) -> Void) throws(E) {
        let slot = SecretMemory.allocate(count)
        do {
            try fill(UnsafeMutableBufferPointer(start: slot.assumingMemoryBound(to: UInt8.self), count: count))
        } catch {
            SecretMemory.release(slot, count: count)
            throw error
        }
        self.slot = slot
        self.count = count
    }

    deinit { SecretMemory.release(slot, count: count) }

    /// `count` bytes of OpenSSL's private random generator.
    /// - Throws: `OpenSSLError` if the generator can't be seeded.
    package init(randomCount count: Int) throws(OpenSSLError) {
        try self.init(count: count) { buffer throws(OpenSSLError) in
            try OpenSSLError.check(RAND_priv_bytes_ex(nil, buffer.baseAddress, buffer.count, 0), "RAND_priv_bytes")
        }
    }

    /// A copy of bytes that a wire or file format forced into ordinary memory. Wipe the original where you own it; no other copy
    /// stays behind.
    package init(copying bytes: some Sequence<UInt8>) {
        if let count = bytes.withContiguousStorageIfAvailable({ $0.count }) {
            self.init(count: count) { buffer in
                _ = bytes.withContiguousStorageIfAvailable { buffer.initialize(from: $0) }
            }
        } else {
            var collected = Array(bytes)
            self.init(count: collected.count) { buffer in _ = buffer.initialize(from: collected) }
            collected.wipe()
        }
    }

    /// Lends the bytes; the span can't outlive the closure.
    package borrowing func withSpan<R: ~Copyable, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try body(UnsafeBufferPointer(start: slot.assumingMemoryBound(to: UInt8.self), count: count).span)
    }

    /// Lends the bytes to C, within Primitives.
    borrowing func withPointer<R: ~Copyable, E: Error>(_ body: (UnsafePointer<UInt8>) throws(E) -> R) throws(E) -> R {
        try body(UnsafePointer(slot.assumingMemoryBound(to: UInt8.self)))
    }

    /// A second owner of the same bytes.
    package borrowing func copy() -> SecretBytes {
        let source = UnsafeRawBufferPointer(start: slot, count: count)
        return SecretBytes(count: count) { buffer in UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source) }
    }

    /// The bytes `range` as a secret of their own.
    package borrowing func slice(_ range: Range<Int>) -> SecretBytes {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice out of bounds")
        let source = UnsafeRawBufferPointer(start: slot + range.lowerBound, count: range.count)
        return SecretBytes(count: range.count) { buffer in UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source) }
    }

    /// Whether both hold the same bytes; the time depends on the sizes only.
    package borrowing func isEqual(to other: borrowing SecretBytes) -> Bool {
        count == other.count && CRYPTO_memcmp(slot, other.slot, count) == 0
    }

    /// The bytes in ordinary memory: only on the last line before an encoding that can't do without.
    package borrowing func exposedCopy() -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: slot, count: count))
    }
}

/// A secret that several owners share, for caches; zeroised with its last reference.
package final class SharedSecret: Sendable {
    /// The secret.
    package let bytes: SecretBytes

    /// Takes ownership.
    package init(_ bytes: consuming SecretBytes) { self.bytes = bytes }
}

/// Comparison of values that an attacker could otherwise guess byte by byte.
package enum ConstantTime {
    /// Whether both hold the same bytes; the time depends on the sizes only.
    package static func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
    }
}

extension Array where Element == UInt8 {
    /// Overwrites the bytes with zeros in a way that the optimiser keeps; for secrets that a wire format forced into an array.
    package mutating func wipe() {
        withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
        removeAll()
    }
}
