package import KeyCore
package import Logging
import NIOHTTP1
package import Primitives

/// The front door for Salesforce's Cache-Only Key Service: finds out which org asks for which key, encrypts the key to the org's certificate,
/// and has every refusal and failure on record before it is answered. (What is allowed, `KeyService` records.)
///
/// Salesforce destroys a key whose callout fails, so whatever can go wrong here goes wrong on the side of an answer: the key comes from our own
/// database, and 503 is said only when that, or the journal, is away.
package struct SalesforceDoor: Sendable {
    private let snapshot: @Sendable () -> RoutingSnapshot
    private let authenticator: CalloutAuthenticator
    private let keys: KeyService
    private let nonces: NonceMemory
    private let audit: any AuditSink
    private let refusals: RefusalLimiter
    /// Failures of ours don't stand behind strangers' refusals; but strangers can call for them as well.
    private let failures = RefusalLimiter(perSecond: 50, burst: 500)
    private let logger: Logger
    private let deadline: Duration
    private let draw: @Sendable () throws -> CompactJWE.Randomness
    private let certificateKeys = CertificateKeys()
    private let logLimiter = RefusalLimiter(perSecond: 20, burst: 100)
    /// How often a key was fetched, and how that ended; what is no GET is `other`.
    package let counters = DoorCounters(door: .salesforce, methods: [Operation.fetchKey.rawValue])

    /// A door over these parts; `snapshot` gives the present configuration.
    /// - Parameters:
    ///   - deadline: after which 503 is answered; Salesforce gives up after three seconds.
    ///   - draw: the randomness of one answer; another one than the system's only to reproduce a vector.
    package init(
        snapshot: @escaping @Sendable () -> RoutingSnapshot, tokens: TokenVerifier, keys: KeyService,
        nonces: NonceMemory, audit: any AuditSink, refusals: RefusalLimiter, clock: WallClock, logger: Logger,
        failures: FailureLimiter = FailureLimiter(), deadline: Duration = .seconds(2),
        draw: @escaping @Sendable () throws -> CompactJWE.Randomness = { try CompactJWE.Randomness.draw() }
    ) {
        (self.snapshot, self.keys, self.nonces, self.audit) = (snapshot, keys, nonces, audit)
        (self.refusals, self.logger, self.deadline, self.draw) = (refusals, logger, deadline, draw)
        authenticator = CalloutAuthenticator(
            signedTokens: PinnedTokenVerifier(clock: clock), accessTokens: tokens, failures: failures)
    }

    /// The target, if it belongs to one of this door's endpoints.
    package func target(_ target: String) -> CalloutTarget? {
        let snapshot = snapshot()
        guard snapshot.hasEndpoints(of: .salesforce), let target = CalloutTarget(target),
            snapshot.endpoint(at: target.endpointPath, door: .salesforce) != nil
        else { return nil }
        return target
    }

    /// The answer to a request for `target`.
    package func respond(to http: HTTPRequest, target: CalloutTarget) async -> HTTPResponse {
        let answer = await timely(http, target)
        let outcome: AuditRecord.Outcome = answer.status == 200 ? .allowed : answer.status < 500 ? .refused : .failed
        counters.count(http.method == .GET ? 0 : nil, outcome, since: http.receivedNanoseconds)
        return answer
    }

    private func timely(_ http: HTTPRequest, _ target: CalloutTarget) async -> HTTPResponse {
        let endpoint = snapshot().endpoint(at: target.endpointPath, door: .salesforce)
        let noted = CalloutNotes(CalloutAudit.record(http, endpoint))
        let answer = await withDeadline(deadline) { await serve(http, target, endpoint, noted) }
        if let answer { return answer }
        // Nothing later is recorded. If something is being written already, this tells what the answer was. And what hangs may be the
        // journal: the answer doesn't wait for the record.
        _ = noted.decide()
        tell(CalloutError.unavailable("deadline"), http)
        Task { _ = await refuse(.unavailable("deadline"), noted.record, http) }
        return CalloutError.unavailable("deadline").response
    }

    private func serve(_ http: HTTPRequest, _ target: CalloutTarget, _ endpoint: Endpoint?, _ noted: CalloutNotes) async -> HTTPResponse {
        do {
            guard endpoint?.isReadable != false else { throw CalloutError.unavailable("endpoint-unreadable") }
            guard let endpoint, let settings = endpoint.salesforce else { throw CalloutError.notFound("unknown-endpoint") }
            return try await serve(http, target, endpoint, settings, noted)
        } catch {
            let answer = CalloutError(error)
            guard noted.decide() || answer.cause == "audit-unavailable" else { return answer.response }
            tell(error, http)
            return await refuse(answer, noted.record, http)
        }
    }

    private func serve(
        _ http: HTTPRequest, _ target: CalloutTarget, _ endpoint: Endpoint, _ settings: CacheOnlySettings, _ noted: CalloutNotes
    ) async throws -> HTTPResponse {
        guard http.method == .GET else { throw CalloutError.method }
        noted.note { record in
            record.resource = try? target.identifier()
            record.callerRequestID = try? target.nonce()
        }
        let caller = try await authenticator.authenticate(http, at: endpoint, settings.options)
        noted.note { record in
            record.principal = caller.principal
            record.proofs = caller.certificate.map { ["mtls:\($0)"] } ?? []
        }
        switch endpoint.state {
        case .active: break
        case .paused: throw CalloutError.unavailable("endpoint-paused")
        case .disabled: throw CalloutError.notFound("endpoint-disabled")
        case .archived: throw CalloutError.notFound("endpoint-archived")
        }
        let identifier = try target.identifier()
        let nonce = try target.nonce()
        guard nonce != nil || !settings.options.requiresNonce else { throw CalloutError.badRequest("request-id-absent") }
        let key = try served(identifier, settings, http)
        noted.note { $0.keyID = key.keyID }
        let grant = try endpoint.policy.authorize(AccessRequest(
            .fetchKey, of: key.keyID, by: caller.principal, resource: identifier, from: http.address, at: http.receivedAt))
        noted.note { $0.obligations = grant.obligations.names }
        if let nonce { try await remember(nonce, endpoint, settings.options, http) }
        return try await answer(CalloutAnswer(identifier: identifier, nonce: nonce), key, settings, grant, noted, http)
    }

    private func served(_ identifier: String, _ settings: CacheOnlySettings, _ http: HTTPRequest) throws(CalloutError) -> CacheOnlyKey {
        guard let key = settings.key(identifier) else { throw .notFound("identifier-unknown") }
        guard key.isServed(at: http.receivedAt) else { throw .notFound(key.isEnabled ? "identifier-time" : "identifier-disabled") }
        return key
    }

    /// Refuses a repeated nonce. Salesforce itself refuses an answer to another callout than the one it made, so this is a second line: where
    /// the database can't say, this process's own memory is enough, and the org keeps its key.
    private func remember(_ nonce: String, _ endpoint: Endpoint, _ options: CacheOnlyOptions, _ http: HTTPRequest) async throws(CalloutError) {
        switch await nonces.remember(nonce, at: endpoint.id, for: options.nonceMemory(issuers: endpoint.issuers)) {
        case .new: return
        case .repeated: throw .badRequest("request-id-repeated")
        case .uncertain: logger.error("a requestId could not be stored; this process remembers it", metadata: ["request": "\(http.requestID)"])
        }
    }

    private func answer(
        _ answer: CalloutAnswer, _ key: CacheOnlyKey, _ settings: CacheOnlySettings, _ grant: Grant, _ noted: CalloutNotes, _ http: HTTPRequest
    ) async throws -> HTTPResponse {
        guard let certificate = settings.options.certificate(key.certificate) else { throw CalloutError.unavailable("certificate") }
        let certificateKey = try certificateKeys.key(of: certificate)
        let body = try await keys.fetch(key.version, under: grant, recording: noted.record, since: http.receivedNanoseconds) { material in
            let body = try answer.body(for: material, to: certificateKey, with: try draw())
            // The record follows: none says that a key left after another answer has.
            guard noted.decide() else { throw CalloutError.unavailable("deadline") }
            return body
        }
        return HTTPResponse(status: 200, headers: CalloutAnswer.headers, body: body)
    }

    // MARK: Refusals and failures

    /// The operator's detail goes to the log under the request's id. A fault of ours is an error there, at most twenty times a second; a
    /// refusal is for debugging, because the audit has it.
    private func tell(_ error: any Error, _ http: HTTPRequest) {
        let answer = CalloutError(error)
        let level: Logger.Level = answer.status >= 500 ? .error : .debug
        guard logger.logLevel <= level, case .record(let suppressed) = logLimiter.admit() else { return }
        logger.log(level: level, "callout not served", metadata: [
            "request": "\(http.requestID)", "status": "\(answer.status)", "cause": "\(answer.cause)",
            "detail": "\(error is KeyServiceError ? String(describing: error) : String(describing: type(of: error)))",
            "suppressed": "\(suppressed)",
        ])
    }

    private func refuse(_ error: CalloutError, _ noted: AuditRecord, _ http: HTTPRequest) async -> HTTPResponse {
        guard error.cause != "audit-unavailable" else { return error.response }
        var record = noted
        record.outcome = error.isRefusal ? .refused : .failed
        record.cause = error.cause
        record.status = error.status
        record.latencyMicroseconds = Int64((MonotonicClock.nanoseconds - http.receivedNanoseconds) / 1000)
        // A stranger must not be able to fill the disk.
        if noted.principal == nil {
            guard case .record(let suppressed) = (error.isRefusal ? refusals : failures).admit() else { return error.response }
            record.suppressed = suppressed > 0 ? suppressed : nil
        }
        do {
            try await audit.append(record)
            return error.response
        } catch {
            return CalloutError.unavailable("audit-unavailable").response
        }
    }
}

/// The events of this front door.
enum CalloutAudit {
    static let fetch = AuditEvent("salesforce.fetchKey")

    /// A record with what is known of any callout; its outcome is still to be set.
    static func record(_ http: HTTPRequest, _ endpoint: Endpoint?) -> AuditRecord {
        var record = AuditRecord(fetch, .failed, at: http.receivedAt)
        record.requestID = http.requestID
        record.remoteAddress = http.remoteAddress
        record.endpointID = endpoint?.id
        record.endpointName = endpoint?.name
        record.project = endpoint?.salesforce?.options.organization
        return record
    }
}
