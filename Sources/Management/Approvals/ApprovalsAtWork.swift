import Synchronization

/// The approved requests that this process is carrying out: a long one, such as a restore, isn't taken for one that was interrupted.
final class ApprovalsAtWork: Sendable {
    private let ids = Mutex<Set<ApprovalID>>([])

    func add(_ id: ApprovalID) { ids.withLock { _ = $0.insert(id) } }
    func remove(_ id: ApprovalID) { ids.withLock { _ = $0.remove(id) } }
    func holds(_ id: ApprovalID) -> Bool { ids.withLock { $0.contains(id) } }
}
