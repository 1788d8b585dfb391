package import KeyCore
package import Logging
import Primitives

extension AuditEvent {
    /// A refused request that changes nothing and whose route has no event of its own.
    static let managementRefused = AuditEvent("management.refused")
}

/// The management API without its HTTP server: authenticate → authorise → check → do → record → answer.
///
/// Each change is on record twice: before it is begun, so that none can happen unrecorded, and when its outcome is known, before the
/// answer leaves.
package struct ManagementAPI: Sendable {
    package let routes: [Route]
    private let stores: Stores
    private let audit: any AuditSink
    private let authenticator: any Authenticating
    private let approvals: any ApprovalGate
    private let idempotency: any IdempotencyGate
    private let refusals = RefusalLimiter(perSecond: 20, burst: 200)
    private let publish: @Sendable () async throws -> Void
    private let counters: ManagementCounters?
    private let logger: Logger

    /// An API of these routes.
    /// - Parameters:
    ///   - counters: are told of each answer.
    ///   - publish: makes the data plane see what was committed; returns when it does.
    package init(
        routes: [Route], stores: Stores, audit: any AuditSink, authenticator: any Authenticating, approvals: any ApprovalGate,
        idempotency: any IdempotencyGate, logger: Logger, counters: ManagementCounters? = nil, publish: @escaping @Sendable () async throws -> Void
    ) {
        self.counters = counters
        (self.routes, self.stores, self.audit, self.authenticator) = (routes, stores, audit, authenticator)
        (self.approvals, self.idempotency, self.logger, self.publish) = (approvals, idempotency, logger, publish)
    }

    /// What can be done while the password must be changed: see that, change it, go.
    static let beforePasswordChange: Set<String> = ["getSelf", "changePassword", "signOut"]

    /// Answers one request to `route`.
    package func respond(to request: APIRequest, route: Route, parameters: [String: String]) async -> APIAnswer {
        let answer = await answer(to: request, route: route, parameters: parameters)
        counters?.count(route.operation, answer.status, nanoseconds: MonotonicClock.nanoseconds - request.receivedNanoseconds)
        return answer
    }

    private func answer(to request: APIRequest, route: Route, parameters: [String: String]) async -> APIAnswer {
        var caller = Caller.anonymous
        do {
            if case .open = route.access {} else { caller = try await authenticator.authenticate(request) }
            if caller.mustChangePassword, !ManagementAPI.beforePasswordChange.contains(route.operation) {
                throw Problem(
                    .passwordChangeRequired, "the password must be changed before anything else",
                    remedy: "change it: PUT /api/v1/self/password, or `holdfast password`")
            }
            let visible = try AccessControl.permit(caller, route.access, parameters: parameters)
            let call = try await APICallReader(stores: stores).read(request, route, parameters, caller, visible: visible)
            return try await repeatable(call, route)
        } catch {
            return await refuse(Problem(error), request, route, caller, parameters)
        }
    }

    // MARK: What was permitted

    /// A creation with an `Idempotency-Key` is done once.
    private func repeatable(_ call: APICall, _ route: Route) async throws -> APIAnswer {
        guard route.isCreation, !call.isDryRun, let key = call.headers["idempotency-key"] else { return try await approved(call, route) }
        guard (1...128).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Problem.invalid("header:idempotency-key", expected: "1 to 128 printable characters without space")
        }
        let parts = (call.parameters.sorted { $0.key < $1.key } + call.query.sorted { $0.key < $1.key }).flatMap { [$0.key, $0.value] }
        let fingerprint = Digest.sha256(Array(([route.operation] + parts).joined(separator: "\n").utf8) + [0] + call.body.json)
        if let answer = try await idempotency.begin(key, by: call.caller, fingerprint) { return answer }
        let answer: APIAnswer
        do { answer = try await approved(call, route) } catch let done as Done {
            try? await idempotency.end(key, by: call.caller, with: route.repeated(done.answer))  // what isn't kept counts as done all the same
            throw done
        } catch {
            try? await idempotency.end(key, by: call.caller, with: nil)
            throw error
        }
        do { try await idempotency.end(key, by: call.caller, with: route.repeated(answer)) } catch { throw Done(answer: answer, cause: "\(error)") }
        return answer
    }

    /// What needs the approval of several people waits for it.
    private func approved(_ call: APICall, _ route: Route) async throws -> APIAnswer {
        if route.quorum != nil, !call.isDryRun, let answer = try await approvals.hold(call, of: route) { return answer }
        return try await perform(call, route)
    }

    /// Does it, on record: also what an approval has released.
    package func perform(_ call: APICall, _ route: Route) async throws -> APIAnswer {
        guard let event = route.event, !call.isDryRun else {
            let answer = try await route.handler(call)
            if answer.changesDataPlane, !call.isDryRun { try await publish() }
            return answer
        }
        // What is open to strangers is recorded at its end only, and its refusals like all of strangers': they must not fill the journal.
        if case .open = route.access { return try await carryOutForStranger(call, route, event) }
        let named = AuditDetail(parameters: call.parameters, of: route)
        if route.isChange { try await audit.append(record(event, .begun, call, named)) }
        let answer: APIAnswer
        do {
            answer = try await route.handler(call)
        } catch {
            var problem = Problem(error)
            var record = record(event, problem.code.status < 500 ? .refused : .failed, call, named)
            (record.cause, record.status) = (problem.code.rawValue, problem.code.status)
            try await audit.append(record)
            problem.isOnRecord = true
            throw problem
        }
        try await finish(call, event, answer, isChange: route.isChange)
        if let id = answer.releases { return try await carryOutReleased(id, by: call) }
        return answer
    }

    /// Makes known what was done. It can't be undone from here on: whatever fails now, the caller is told that it was done.
    private func finish(_ call: APICall, _ event: AuditEvent, _ answer: APIAnswer, isChange: Bool) async throws {
        var failure: (any Error)?
        do { if answer.changesDataPlane { try await publish() } } catch { failure = error }
        var record = record(event, .allowed, call, answer.audit)
        record.status = answer.status
        if failure != nil { record.cause = [record.cause, "not-served-yet"].compactMap(\.self).joined(separator: " ") }
        do { try await audit.append(record) } catch {
            guard isChange else { throw error }
            failure = error
        }
        if let failure { throw Done(answer: answer, cause: "\(failure)") }
    }

    /// Carries out what was held back, as who asked for it and with what they may do now.
    private func carryOutReleased(_ id: ApprovalID, by call: APICall) async throws -> APIAnswer {
        let result: Result<APIAnswer, Problem>
        var released: Route?
        do {
            let (held, requester) = try await approvals.release(id)
            guard let route = routes.first(where: { $0.operation == held.route }) else {
                throw Problem(.wrongState, "this version of the server has no operation \(held.route)")
            }
            released = route
            let visible = try AccessControl.permit(requester, route.access, parameters: held.parameters)
            result = .success(try await perform(try held.call(as: requester, of: route, visible: visible, stores: stores), route))
        } catch let done as Done {
            logger.error("an approved request was done, but not confirmed", metadata: ["approval": "\(id)", "cause": "\(done.cause)"])
            result = .success(done.answer)
        } catch {
            let problem = Problem(error)
            if problem.code.status >= 500 {
                logger.error("an approved request failed", metadata: ["approval": "\(id)", "cause": "\(problem.cause ?? problem.detail)"])
            }
            result = .failure(problem)
        }
        let answer = try? result.get()
        return try await approvals.conclude(id, with: result, shown: answer.flatMap { released?.withoutSecrets($0) }, for: call)
    }

    private func carryOutForStranger(_ call: APICall, _ route: Route, _ event: AuditEvent) async throws -> APIAnswer {
        let answer = try await route.handler(call)
        var record = record(event, .allowed, call, answer.audit)
        record.status = answer.status
        try await audit.append(record)
        return answer
    }

    private func record(_ event: AuditEvent, _ outcome: AuditRecord.Outcome, _ call: APICall, _ detail: AuditDetail) -> AuditRecord {
        var record = AuditRecord(event, outcome, at: stores.clock.now)
        (record.requestID, record.actor, record.remoteAddress) = (call.requestID, call.caller.name, call.remoteAddress)
        (record.target, record.cause, record.keyID) = (detail.target, detail.cause, detail.keyID)
        (record.keyVersion, record.endpointID) = (detail.keyVersion, detail.endpointID)
        return record
    }

    // MARK: What was not

    /// The problem's answer; refusals of who asks and what for are on record, the rest is in the log.
    private func refuse(
        _ problem: Problem, _ request: APIRequest, _ route: Route, _ caller: Caller, _ parameters: [String: String]
    ) async -> APIAnswer {
        if problem.code.status >= 500 {
            logger.error(
                "request failed",
                metadata: ["request": "\(request.requestID)", "operation": "\(route.operation)", "cause": "\(problem.cause ?? problem.detail)"])
        }
        if !problem.isOnRecord, [.unauthenticated, .permissionDenied, .passwordChangeRequired].contains(problem.code) {
            await recordRefusal(problem, request, route, caller, parameters)
        }
        return problem.answer(requestID: request.requestID)
    }

    private func recordRefusal(
        _ problem: Problem, _ request: APIRequest, _ route: Route, _ caller: Caller, _ parameters: [String: String]
    ) async {
        var suppressed = 0
        if caller.proof == .none {  // strangers must not fill the journal
            guard case .record(let count) = refusals.admit() else { return }
            suppressed = count
        }
        var record = AuditRecord(route.event ?? .managementRefused, .refused, at: stores.clock.now)
        (record.requestID, record.actor, record.remoteAddress) = (request.requestID, caller.name, request.remoteAddress)
        let named = AuditDetail(parameters: parameters, of: route)
        (record.cause, record.status, record.target) = (problem.code.rawValue, problem.code.status, problem.target ?? route.operation)
        (record.keyID, record.keyVersion, record.endpointID) = (named.keyID, named.keyVersion, named.endpointID)
        if suppressed > 0 { record.suppressed = suppressed }
        do { try await audit.append(record) } catch {
            logger.error("a refusal is not on record", metadata: ["request": "\(request.requestID)", "error": "\(error)"])
        }
    }
}

extension Problem {
    /// The answer with this problem's document.
    package func answer(requestID: String) -> APIAnswer {
        var answer = APIAnswer(code.status, .bytes(json(requestID: requestID), type: "application/problem+json"))
        answer.headers = headers
        if code == .unauthenticated { answer.headers.append(("WWW-Authenticate", "Bearer realm=\"holdfast\"")) }
        return answer
    }
}
