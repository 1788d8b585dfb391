import KeyCore
package import Primitives

/// Requests for approval: who sees them, who decides.
package struct ApprovalRoutes: RouteProvider {
    private let approvals: Approvals
    private let clock: WallClock

    /// Routes over this quorum.
    package init(_ approvals: Approvals, clock: WallClock) { (self.approvals, self.clock) = (approvals, clock) }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/approvals", "listApprovals", "Requests for approval: everybody's with read:approvals, else one's own",
                tag: "Approvals", access: .signedIn,
                query: Page.parameters(sorts: ["created_at"]) + [
                    QueryParameter("state", .oneOf(Approval.State.self), "Only those in this state"),
                    QueryParameter("operation", .oneOf(QuorumOperation.self), "Only those under this rule"),
                ],
                answers: [200: .json(Page.schema(of: ApprovalSchemas.request, name: "ApprovalList"))], handler: list),
            Route(
                .get, "/api/v1/approvals/{approval}", "getApproval", "One request, with what exactly is asked for", tag: "Approvals",
                access: .signedIn, answers: [200: .json(ApprovalSchemas.detail)], handler: get),
            decision("approve", "approveApproval", "Approve a request; the last approval carries it out", .approvalGiven, vote(true)),
            decision("reject", "rejectApproval", "Reject a request, which ends it", .approvalRejected, vote(false)),
            Route(
                .post, "/api/v1/approvals/{approval}/cancel", "cancelApproval", "Take one's own request back", tag: "Approvals",
                access: .signedIn, event: .approvalCancelled, answers: [200: .json(ApprovalSchemas.detail)], handler: cancel),
        ]
    }

    private func decision(
        _ verb: String, _ operation: String, _ summary: String, _ event: AuditEvent,
        _ handler: @escaping @Sendable (APICall) async throws -> APIAnswer
    ) -> Route {
        Route(
            .post, "/api/v1/approvals/{approval}/\(verb)", operation, summary, tag: "Approvals", access: .needs(.decideApprovals),
            event: event, body: .json(ApprovalSchemas.decision), answers: [200: .json(ApprovalSchemas.detail)], handler: handler)
    }

    // MARK: Reading

    private func list(_ call: APICall) async throws -> APIAnswer {
        let page = try Page(call.query, sorts: ["created_at"])
        var filter = ApprovalFilter(
            state: call.query["state"].flatMap(Approval.State.init), operation: call.query["operation"].flatMap(QuorumOperation.init))
        if !call.caller.may(.readApprovals) { filter.requester = call.caller.userID.map { .user($0) } ?? .localSocket }
        let (items, total) = try await approvals.store.list(filter, page)
        return .thing(page.document(
            items, total: total, key: { (.integer($0.createdAt.nanoseconds), $0.id.description) }, ApprovalSchemas.document))
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        try await approvals.document(of: try await find(call), for: call.caller, isLook: true)
    }

    /// The request, if this caller may know of it.
    private func find(_ call: APICall) async throws -> Approval {
        let id: ApprovalID = try call.id("approval")
        let approval = try await approvals.store.find(id)
        guard call.caller.may(.readApprovals) || approval.isRequested(by: call.caller) else {
            throw StoreError.notFound("the approval \(id)")
        }
        return approval
    }

    // MARK: Deciding

    private func cancel(_ call: APICall) async throws -> APIAnswer {
        let (id, caller, now) = (try await find(call).id, call.caller, clock.now)
        let approval = try await deciding { try await approvals.store.change(id) { try $0.cancel(by: caller, at: now) }.0 }
        return try await approvals.document(of: approval, for: caller)
    }

    private func vote(_ approves: Bool) -> @Sendable (APICall) async throws -> APIAnswer {
        { call in
            let id: ApprovalID = try call.id("approval")
            let present = try await approvals.store.find(id)
            let person = try await voter(call, on: present)
            let counted = try await approvals.presentVoters(present)
            let vote = Approval.Vote(
                userID: person, name: call.caller.name, approves: approves, comment: call.body["comment"]?.string, at: clock.now)
            let (approval, step) = try await deciding { try await approvals.store.change(id) { try $0.vote(vote, counting: counted) } }
            var answer = try await approvals.document(of: approval, for: call.caller)
            if step == .released { answer.releases = id }
            return answer
        }
    }

    /// Who votes: a person who is there themselves, and in the group that the rule names.
    private func voter(_ call: APICall, on approval: Approval) async throws -> UserID {
        guard let user = call.caller.userID, call.caller.isPresent else {
            throw Problem(
                .permissionDenied, "only a person who is signed in decides: no API token, and not the local socket",
                remedy: "sign in with your own account")
        }
        if let id = approval.approverGroup {
            guard let group = try await approvals.directory.group(id), call.caller.groups.contains(group.name) else {
                throw Problem(.permissionDenied, "only members of the rule's approver group decide on this")
            }
        }
        return user
    }

    private func deciding<R>(_ step: () async throws -> R) async throws -> R {
        do { return try await step() } catch let refusal as Approval.Refusal {
            throw switch refusal {
            case .notPending(let state): Problem(.wrongState, "the request is \(state.rawValue), and nobody can decide on it any more")
            case .votedAlready: Problem(.wrongState, "you have voted on this request already")
            case .ownRequest: Problem(.permissionDenied, "nobody approves or rejects their own request", remedy: "cancel it instead")
            case .notRequester: Problem(.permissionDenied, "only who asked for it can take it back: the person, or the API token that did", remedy: "reject it instead")
            }
        }
    }
}

extension Caller {
    /// Whether a person is there: signed in, rather than a program with a token.
    var isPresent: Bool {
        switch proof {
        case .session, .certificate: true
        case .none, .token, .localSocket: false
        }
    }
}
