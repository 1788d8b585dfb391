import Primitives
import Synchronization

/// What happened when, on one monotonic clock: enough to say whether some order of single steps explains every answer.
final class History: Sendable {
    /// One call, from before it was sent to after its answer came.
    struct Entry: Sendable {
        let key: Int
        let act: Act
        let start: UInt64
        let end: UInt64
    }

    /// What a call did, as its answer says.
    enum Act: Sendable, Equatable {
        /// Version 1 is suspended, or active again.
        case suspended, resumed
        /// A new version.
        case rotated(Int64)
        /// The data plane unwrapped a blob of version 1, or said that it is suspended.
        case unwrapped, refused
        /// The data plane wrapped under this version.
        case wrapped(Int64)
    }

    private let list = Mutex<[Entry]>([])
    var entries: [Entry] { list.withLock { $0 } }

    /// Runs a call and notes what its result says; nil notes nothing.
    @discardableResult
    func note(_ key: Int, _ call: () async throws -> Act?) async throws -> Act? {
        let start = MonotonicClock.nanoseconds
        let act = try await call()
        let end = MonotonicClock.nanoseconds
        if let act { list.withLock { $0.append(Entry(key: key, act: act, start: start, end: end)) } }
        return act
    }

    /// Uses of version 1 that no order explains: an unwrap that succeeded though it lies wholly between a suspension's answer and the
    /// next resumption's beginning, or a refusal wholly within a time in which it was active.
    func impossibleUses(of key: Int) -> [Entry] {
        let own = entries.filter { $0.key == key }
        let changes = own.filter { $0.act == .suspended || $0.act == .resumed }.sorted { $0.start < $1.start }  // one after the other
        var (suspended, active): ([Range<UInt64>], [Range<UInt64>]) = ([], [0..<(changes.first?.start ?? .max)])
        for (index, change) in changes.enumerated() {
            let next = index + 1 < changes.count ? changes[index + 1].start : .max
            if change.act == .suspended { suspended.append(change.end..<next) } else { active.append(change.end..<next) }
        }
        return own.filter { entry in
            let within = { (times: [Range<UInt64>]) in times.contains { $0.contains(entry.start) && $0.contains(entry.end) } }
            return (entry.act == .unwrapped && within(suspended)) || (entry.act == .refused && within(active))
        }
    }

    /// Wraps under a version that was not the newest at any moment of the call.
    func impossibleWraps(of key: Int) -> [Entry] {
        let own = entries.filter { $0.key == key }
        let rotations = own.filter { if case .rotated = $0.act { true } else { false } }
        return own.filter { entry in
            guard case .wrapped(let version) = entry.act else { return false }
            return rotations.contains { other in
                guard case .rotated(let made) = other.act else { return false }
                return made > version ? other.end < entry.start : made == version && other.start > entry.end
            }
        }
    }
}
