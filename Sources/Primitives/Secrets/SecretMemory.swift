import COpenSSL
import Glibc
import Synchronization

/// The process's memory for secrets: locked (never swapped), excluded from core dumps and from forked children,
/// fenced by inaccessible guard pages, and zeroised slot by slot on release.
///
/// Memory is taken from the kernel in *chunks* (guard page, data pages, guard page); a chunk holds slots of one power-of-two
/// size, so that a thousand 32-byte keys need eight locked pages and not a thousand. Slots above `largestSlot` get a chunk
/// of their own which goes back to the kernel on release.
package enum SecretMemory {
    /// What the pool holds and whether the kernel agreed to lock it.
    package struct Status: Sendable, Equatable {
        /// Bytes under `mlock`.
        package var lockedBytes = 0
        /// Bytes that should be under `mlock` and are not, because `RLIMIT_MEMLOCK` was too small.
        package var unlockedBytes = 0
        /// Slots handed out and not yet released.
        package var liveSlots = 0
    }

    static let smallestSlot = 32
    static let largestSlot = 128 << 10
    private static let smallChunkBytes = 64 << 10

    private struct Pool {
        /// Chunks of their own that the kernel wouldn't lock: `munlock` doesn't tell on release.
        var unlockedChunks: Set<UInt> = []
        var status = Status()
    }

    /// Free slots by the base-two logarithm of their size. Each thread has its shelves (two may share them), so that threads don't
    /// wait for each other; one that has run out takes from the others before it asks the kernel.
    private final class Shelves: Sendable {
        private let free = Mutex<[[UInt]]>(Array(repeating: [], count: 18))

        func take(_ shelf: Int) -> UInt? { free.withLock { $0[shelf].popLast() } }
        func put(_ slot: UInt, on shelf: Int) { free.withLock { $0[shelf].append(slot) } }
    }

    private static let pool = Mutex(Pool())
    private static let shelves = (0..<16).map { _ in Shelves() }
    private static let liveSlots = Atomic<Int>(0)

    /// The present state of the pool.
    package static var status: Status {
        var status = pool.withLock { $0.status }
        status.liveSlots = liveSlots.load(ordering: .relaxed)
        return status
    }

    /// A zeroed slot of at least `count` bytes.
    static func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let slotBytes = slotBytes(for: count)
        liveSlots.add(1, ordering: .relaxed)
        guard slotBytes <= largestSlot else { return pool.withLock { mapOwnChunk(slotBytes, &$0) } }
        let shelf = slotBytes.trailingZeroBitCount
        let own = ownShelves
        for offset in 0..<shelves.count {
            if let slot = shelves[(own + offset) % shelves.count].take(shelf) { return UnsafeMutableRawPointer(bitPattern: slot)! }
        }
        let chunkBytes = max(smallChunkBytes, slotBytes * 2)
        let (chunk, _) = pool.withLock { mapChunk(chunkBytes, &$0.status) }
        for offset in stride(from: chunkBytes - slotBytes, to: 0, by: -slotBytes) {
            shelves[own].put(UInt(bitPattern: chunk + offset), on: shelf)
        }
        return chunk
    }

    /// Zeroises a slot and takes it back. `count` is what `allocate` was given.
    static func release(_ slot: UnsafeMutableRawPointer, count: Int) {
        let slotBytes = slotBytes(for: count)
        OPENSSL_cleanse(slot, slotBytes)
        liveSlots.subtract(1, ordering: .relaxed)
        if slotBytes <= largestSlot {
            shelves[ownShelves].put(UInt(bitPattern: slot), on: slotBytes.trailingZeroBitCount)
        } else {
            pool.withLock { unmapOwnChunk(slot, slotBytes, &$0) }
        }
    }

    /// The calling thread's shelves, by a hash of its descriptor's address.
    private static var ownShelves: Int {
        Int(truncatingIfNeeded: (UInt64(pthread_self()) &* 0x9E37_79B9_7F4A_7C15) >> 60)
    }

    private static func slotBytes(for count: Int) -> Int {
        guard count > smallestSlot else { return smallestSlot }
        guard count > largestSlot else { return 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount) }
        return (count + pageBytes - 1) / pageBytes * pageBytes
    }

    private static let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))

    private static func mapOwnChunk(_ bytes: Int, _ pool: inout Pool) -> UnsafeMutableRawPointer {
        let (chunk, isLocked) = mapChunk(bytes, &pool.status)
        if !isLocked { pool.unlockedChunks.insert(UInt(bitPattern: chunk)) }
        return chunk
    }

    private static func unmapOwnChunk(_ chunk: UnsafeMutableRawPointer, _ bytes: Int, _ pool: inout Pool) {
        if pool.unlockedChunks.remove(UInt(bitPattern: chunk)) == nil {
            pool.status.lockedBytes -= bytes
        } else {
            pool.status.unlockedBytes -= bytes
        }
        munmap(chunk - pageBytes, bytes + 2 * pageBytes)  // unlocks too
    }

    private static func mapChunk(_ bytes: Int, _ status: inout Status) -> (UnsafeMutableRawPointer, isLocked: Bool) {
        let total = bytes + 2 * pageBytes
        let base = mmap(nil, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let base, base != MAP_FAILED else {
            preconditionFailure("out of memory: mmap of \(total) bytes for secrets failed, errno \(errno)")
        }
        let data = base + pageBytes
        guard mprotect(data, bytes, PROT_READ | PROT_WRITE) == 0 else {
            preconditionFailure("out of memory: mprotect of \(bytes) bytes for secrets failed, errno \(errno)")
        }
        _ = madvise(data, bytes, MADV_DONTDUMP)
        _ = madvise(data, bytes, MADV_DONTFORK)
        let isLocked = mlock(data, bytes) == 0
        if isLocked { status.lockedBytes += bytes } else { status.unlockedBytes += bytes }
        return (data, isLocked)
    }
}
