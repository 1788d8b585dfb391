package import Primitives
import Synchronization

/// A clock that stands still until a test moves it.
package final class TestClock: Sendable {
    private let time: Mutex<Instant>

    /// A clock that shows `start`.
    package init(_ start: Instant = Instant(seconds: 1_790_000_000)) { time = Mutex(start) }

    /// What it shows.
    package var now: Instant { time.withLock { $0 } }

    /// Moves it.
    package func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }

    /// The clock for the code under test.
    package var wall: WallClock { WallClock { self.now } }
}

/// Random numbers that are the same in each run (SplitMix64; Steele, Lea, Flood 2014).
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// The sequence of `seed`.
    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
