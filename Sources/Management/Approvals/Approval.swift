import KeyCore
package import Primitives

/// Names a request for approval.
package struct ApprovalID: UniqueID {
    package let bytes: UUIDBytes
    package init(bytes: UUIDBytes) { self.bytes = bytes }
}

/// A request that waits, or waited, for the approval of several people: a state machine that does nothing itself.
///
/// `pending` becomes `approved` with the last vote that it needs, and only then; whoever brings it there carries it out, once, and it
/// becomes `executed` or `failed`. `rejected`, `cancelled` and `expired` are ends too: nothing leads out of them.
package struct Approval: Sendable, Equatable {
    /// How far it is.
    package enum State: String, Sendable, CaseIterable { case pending, approved, executed, failed, rejected, cancelled, expired }

    /// One person's word.
    package struct Vote: Sendable, Equatable {
        package let userID: UserID
        package let name: String
        package let approves: Bool
        package let comment: String?
        package let at: Instant
    }

    /// What a vote led to.
    package enum Step: Sendable, Equatable {
        /// It needs so many more.
        case waits(missing: Int)
        /// That was the last one: carry it out now.
        case released
    }

    /// Why a step isn't possible.
    package enum Refusal: Error, Equatable {
        case notPending(State)
        case ownRequest
        case votedAlready
        case notRequester
    }

    package let id: ApprovalID
    package let operation: QuorumOperation
    /// Nil for the local socket.
    package let requesterID: UserID?
    /// As it stands in the audit.
    package let requester: String
    /// The route's operation id.
    package let route: String
    /// The path with its parameters filled in.
    package let path: String
    /// How many must approve.
    package let required: Int
    /// Who may, beside having `decide:approvals`: members of this group; nil for all.
    package let approverGroup: String?
    package let createdAt: Instant
    package let expiresAt: Instant
    /// The API token with which it was asked for; nil if a person did.
    package internal(set) var tokenID: String?
    package internal(set) var state = State.pending
    package internal(set) var votes: [Vote] = []
    package internal(set) var decidedAt: Instant?
    package internal(set) var outcomeStatus: Int?
    package internal(set) var outcomeCode: String?
    package internal(set) var revision: Int64 = 1

    /// Whether nothing leads out of its state.
    package var hasEnded: Bool { state != .pending && state != .approved }

    /// How many have approved.
    package var approvals: Int { votes.count { $0.approves } }

    /// Whether this caller asked for it.
    package func isRequested(by caller: Caller) -> Bool {
        requesterID == nil ? caller.proof == .localSocket : requesterID == caller.userID
    }

    /// Whether this caller may take it back and gets what comes of it: the person who asked, or the very API token that did.
    package func belongs(to caller: Caller) -> Bool {
        guard case .token(let id) = caller.proof else { return isRequested(by: caller) }
        return isRequested(by: caller) && id == tokenID
    }

    /// One person says yes or no; the first no ends it.
    /// - Parameter present: those of the earlier voters who may still decide; only their approvals count. Nil: all.
    mutating func vote(_ vote: Vote, counting present: Set<UserID>? = nil) throws(Refusal) -> Step {
        try checkPending(at: vote.at)
        guard vote.userID != requesterID else { throw .ownRequest }
        guard !votes.contains(where: { $0.userID == vote.userID }) else { throw .votedAlready }
        votes.append(vote)
        revision += 1
        guard vote.approves else {
            end(.rejected, at: vote.at)
            return .waits(missing: 0)
        }
        let counted = votes.count { $0.approves && ($0.userID == vote.userID || present?.contains($0.userID) ?? true) }
        guard counted >= required else { return .waits(missing: required - counted) }
        end(.approved, at: vote.at)
        return .released
    }

    /// The requester takes it back.
    mutating func cancel(by caller: Caller, at now: Instant) throws(Refusal) {
        guard belongs(to: caller) else { throw .notRequester }
        try checkPending(at: now)
        end(.cancelled, at: now)
        revision += 1
    }

    /// Its time is over.
    /// - Returns: whether that changed anything.
    mutating func expire(at now: Instant) -> Bool {
        guard state == .pending, now >= expiresAt else { return false }
        end(.expired, at: now)
        revision += 1
        return true
    }

    /// It was carried out, or could not be.
    mutating func conclude(status: Int, code: String?) {
        guard state == .approved else { return }
        state = status < 400 ? .executed : .failed
        (outcomeStatus, outcomeCode) = (status, code)
        revision += 1
    }

    private func checkPending(at now: Instant) throws(Refusal) {
        guard state == .pending else { throw .notPending(state) }
        guard now < expiresAt else { throw .notPending(.expired) }
    }

    private mutating func end(_ state: State, at now: Instant) { (self.state, decidedAt) = (state, now) }
}
