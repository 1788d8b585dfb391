package import KeyCore
package import Primitives

/// The quorum: holds calls back, and says when and as whom they may be carried out.
///
/// Who asks over the local socket is held like anybody else; who decides must be a person: signed in with a session or a client
/// certificate, never with an API token, which a script may hold, nor over the local socket, which has no name.
package struct Approvals: ApprovalGate {
    let store: ApprovalStore
    let rules: QuorumRuleStore
    let directory: any ApprovalDirectory
    private let audit: any AuditSink
    private let clock: WallClock
    private let atWork = ApprovalsAtWork()

    /// The quorum over these stores.
    package init(_ stores: Stores, directory: any ApprovalDirectory, audit: any AuditSink) {
        store = ApprovalStore(database: stores.database, sealer: stores.sealer)
        rules = QuorumRuleStore(database: stores.database)
        (self.directory, self.audit, clock) = (directory, audit, stores.clock)
    }

    package func hold(_ call: APICall, of route: Route) async throws -> APIAnswer? {
        guard let operation = route.quorum else { return nil }
        let rule = try await rules.find(operation)
        guard rule.isEnabled, try await QuorumScope(directory: directory).includes(call, of: route, under: operation) else { return nil }
        if route.allowsDryRun { _ = try await route.handler(call.rehearsed) }  // what can't work is said now, not after all have agreed
        let now = clock.now
        var approval = Approval(
            id: try .random(), operation: operation, requesterID: call.caller.userID, requester: call.caller.name, route: route.operation,
            path: route.filledPath(call.parameters), required: rule.required, approverGroup: rule.approverGroup, createdAt: now,
            expiresAt: now + rule.lifetime)
        if case .token(let id) = call.caller.proof { approval.tokenID = id }
        try await audit.append(record(.approvalRequested, .begun, approval, call))
        try await store.create(approval, HeldCall(call, route: route))
        var answer = APIAnswer(202, .json(ApprovalSchemas.document(approval)))
        answer.headers = [("Location", "/api/v1/approvals/\(approval.id)")]
        do { try await audit.append(record(.approvalRequested, .allowed, approval, call)) } catch {
            throw Done(answer: answer, cause: "\(error)")
        }
        return answer
    }

    package func release(_ id: ApprovalID) async throws -> (call: HeldCall, requester: Caller) {
        atWork.add(id)  // until `conclude`
        do { return try await ready(id) } catch {
            atWork.remove(id)
            throw error
        }
    }

    private func ready(_ id: ApprovalID) async throws -> (call: HeldCall, requester: Caller) {
        let approval = try await store.find(id)
        let held = try await store.held(id)
        let counted = try await presentVoters(approval).count
        guard counted >= approval.required else {
            throw Problem(.permissionDenied, "only \(counted) of \(approval.required) approvals are of people who may still decide on it")
        }
        guard let user = approval.requesterID else {
            return (held, held.requester(.local(String(approval.requester.drop { $0 != ":" }.dropFirst()))))
        }
        guard let caller = try await directory.caller(for: user), !caller.mustChangePassword else {
            throw Problem(.permissionDenied, "who asked for it has no working account any more")
        }
        if let token = approval.tokenID, try await !directory.isValid(token: token, of: user) {
            throw Problem(.permissionDenied, "the API token with which it was asked for was revoked, or has expired")
        }
        return (held, held.requester(caller, token: approval.tokenID))
    }

    /// Those who have approved and may still decide on it: neither disabled nor demoted since, nor with a password that somebody has reset.
    func presentVoters(_ approval: Approval) async throws -> Set<UserID> {
        var present: Set<UserID> = []
        for vote in approval.votes where vote.approves {
            guard let caller = try await directory.caller(for: vote.userID), !caller.mustChangePassword, caller.may(.decideApprovals) else { continue }
            if let id = approval.approverGroup {
                guard let group = try await directory.group(id), caller.groups.contains(group.name) else { continue }
            }
            present.insert(vote.userID)
        }
        return present
    }

    package func conclude(
        _ id: ApprovalID, with result: Result<APIAnswer, Problem>, shown: JSONValue?, for call: APICall
    ) async throws -> APIAnswer {
        defer { atWork.remove(id) }
        let approval: Approval
        switch result {
        case .success(let answer):
            approval = try await store.conclude(id, status: answer.status, code: nil, document: answer.keptDocument, shown: shown)
        case .failure(let problem):
            let document = try? JSONValue(parsing: problem.json(requestID: call.requestID))
            approval = try await store.conclude(id, status: problem.code.status, code: problem.code.rawValue, document: document, shown: document)
        }
        let event: AuditEvent = approval.state == .executed ? .approvalExecuted : .approvalFailed
        var record = record(event, approval.state == .executed ? .allowed : .failed, approval, call)
        record.actor = approval.requester
        try await audit.append(record)
        return try await document(of: approval, for: call.caller)
    }

    /// Ends what was not approved in time, and what was interrupted while it was carried out.
    package func sweep() async throws {
        let now = clock.now
        for id in try await store.due(.pending, .expiresAt, before: now) {
            let (approval, expired) = try await store.change(id) { $0.expire(at: now) }
            if expired { try await audit.append(record(.approvalExpired, .refused, approval, nil)) }
        }
        for id in try await store.due(.approved, .decidedAt, before: now - .seconds(600)) where !atWork.holds(id) {
            let approval = try await store.conclude(id, status: 500, code: "interrupted", document: nil, shown: nil)
            try await audit.append(record(.approvalFailed, .failed, approval, nil))
        }
        try await store.forget(secretsBefore: now - .seconds(86_400), endedBefore: now - .seconds(90 * 86_400))
    }

    /// One request as `caller` may see it: what came of it is only for who asked, and what is secret in that only once.
    /// - Parameter isLook: whether it was asked for by itself.
    func document(of approval: Approval, for caller: Caller, isLook: Bool = false) async throws -> APIAnswer {
        var result: JSONValue?
        if approval.belongs(to: caller) {
            // The secret is taken only with a document that says that it is over: what came of it may be stored while this looks.
            result = isLook && approval.hasEnded ? try await store.takeOutcome(approval.id) : try await store.outcome(approval.id)
        }
        return .thing(
            ApprovalSchemas.detail(approval, try await store.held(approval.id), result: result), revision: approval.revision,
            audit: AuditDetail(target: approval.id.description))
    }

    private func record(
        _ event: AuditEvent, _ outcome: AuditRecord.Outcome, _ approval: Approval, _ call: APICall?
    ) -> AuditRecord {
        var record = AuditRecord(event, outcome, at: clock.now)
        (record.requestID, record.remoteAddress, record.actor) = (call?.requestID, call?.remoteAddress, call?.caller.name ?? "schedule")
        (record.target, record.cause) = (approval.id.description, "\(approval.operation.rawValue) \(approval.path)")
        record.status = approval.outcomeStatus
        return record
    }
}

extension APICall {
    /// The same, changing nothing.
    var rehearsed: APICall {
        APICall(
            requestID: requestID, caller: caller, parameters: parameters, query: query, body: body, upload: upload, headers: headers,
            expectedRevision: expectedRevision, isDryRun: true, visible: visible, remoteAddress: remoteAddress, tls: tls,
            stores: stores.rehearsing)
    }
}

extension Route {
    /// The path with its parameters filled in.
    func filledPath(_ values: [String: String]) -> String {
        path.split(separator: "/").map { segment in
            segment.hasPrefix("{") ? values[String(segment.dropFirst().dropLast())] ?? String(segment) : String(segment)
        }.reduce(into: "") { $0 += "/\($1)" }
    }
}

extension APIAnswer {
    /// What of the answer is kept for who asked.
    var keptDocument: JSONValue? {
        switch body {
        case .json(let document): document
        case .none, .bytes, .stream: nil
        }
    }
}
