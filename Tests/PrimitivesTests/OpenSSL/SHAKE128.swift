/// SHAKE-128 (FIPS 202), written out: the accumulated XAES test reads a long stream piece by piece, which OpenSSL 3.0 can't.
struct SHAKE128 {
    private static let rate = 168
    private var state = [UInt64](repeating: 0, count: 25)
    private var position = 0
    private var isSqueezing = false

    mutating func absorb(_ bytes: [UInt8]) {
        for byte in bytes {
            mix(byte)
            position += 1
            if position == SHAKE128.rate { permute() }
        }
    }

    mutating func squeeze(_ count: Int) -> [UInt8] {
        if !isSqueezing {
            mix(0x1F)
            position = SHAKE128.rate - 1
            mix(0x80)
            permute()
            isSqueezing = true
        }
        var output: [UInt8] = []
        output.reserveCapacity(count)
        while output.count < count {
            if position == SHAKE128.rate { permute() }
            output.append(UInt8(truncatingIfNeeded: state[position / 8] >> UInt64(position % 8 * 8)))
            position += 1
        }
        return output
    }

    private mutating func mix(_ byte: UInt8) { state[position / 8] ^= UInt64(byte) << UInt64(position % 8 * 8) }

    private mutating func permute() {
        state.withUnsafeMutableBufferPointer { keccak($0.baseAddress!) }
        position = 0
    }
}

/// Keccak-f[1600] (FIPS 202, 3.2 and 3.3).
private func keccak(_ a: UnsafeMutablePointer<UInt64>) {
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 5) { c in
        for round in roundConstants {
            for x in 0..<5 { c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] }
            for x in 0..<5 {
                let d = c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1)
                for y in stride(from: 0, to: 25, by: 5) { a[x + y] ^= d }
            }
            var moved = a[1]
            for (lane, count) in zip(lanes, rotations) {
                let next = a[lane]
                a[lane] = rotate(moved, count)
                moved = next
            }
            for y in stride(from: 0, to: 25, by: 5) {
                for x in 0..<5 { c[x] = a[y + x] }
                for x in 0..<5 { a[y + x] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]) }
            }
            a[0] ^= round
        }
    }
}

private func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }

private let lanes = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1]
private let rotations: [UInt64] = [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44]
private let roundConstants: [UInt64] = [
    0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808A, 0x8000_0000_8000_8000, 0x0000_0000_0000_808B,
    0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009, 0x0000_0000_0000_008A, 0x0000_0000_0000_0088,
    0x0000_0000_8000_8009, 0x0000_0000_8000_000A, 0x0000_0000_8000_808B, 0x8000_0000_0000_008B, 0x8000_0000_0000_8089,
    0x8000_0000_0000_8003, 0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800A, 0x8000_0000_8000_000A,
    0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
]
