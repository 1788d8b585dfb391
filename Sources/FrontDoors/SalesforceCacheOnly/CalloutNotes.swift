import KeyCore
import Synchronization

/// What is known of a callout while it is served, and whether its outcome is decided: by whatever comes first, an answer or the deadline.
final class CalloutNotes: Sendable {
    private let state: Mutex<(record: AuditRecord, isDecided: Bool)>

    /// What any callout's record says.
    init(_ record: AuditRecord) { state = Mutex((record, false)) }

    /// The record; its outcome is still to be set.
    var record: AuditRecord { state.withLock { $0.record } }

    /// Adds to the record.
    func note(_ change: (inout AuditRecord) -> Void) { state.withLock { change(&$0.record) } }

    /// Whether the outcome is the caller's to record: of several who ask, the first one's.
    func decide() -> Bool {
        state.withLock { state in
            defer { state.isDecided = true }
            return !state.isDecided
        }
    }
}
