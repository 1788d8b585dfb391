package import KeyCore
package import Logging
import NIOHTTP1
package import Primitives

/// The front door for Google Workspace client-side encryption: finds out which endpoint and method are meant, lets the method's handler
/// answer, has every refusal and failure on record before it is answered, and lets the right browsers read all of it.
package struct KACLSDoor: Sendable {
    /// The largest body: an RSA key wrapped elsewhere with its tokens has about 40 KiB.
    static let maxBodyBytes = 64 << 10

    private let snapshot: @Sendable () -> RoutingSnapshot
    private let audit: any AuditSink
    private let refusals: RefusalLimiter
    private let logger: Logger
    private let logLimiter = RefusalLimiter(perSecond: 20, burst: 100)
    private let methods: KACLSMethods
    private let rates = KACLSRates()
    /// What was asked and how it ended.
    package let counters = DoorCounters(door: .kacls, methods: KACLSMethod.allCases.map(\.rawValue))

    /// A door over these parts; `snapshot` gives the present configuration.
    /// - Parameter rsaDeadline: how long an operation with a private key may take, waiting included.
    package init(
        snapshot: @escaping @Sendable () -> RoutingSnapshot, tokens: TokenVerifier, keys: KeyService, ring: SigningKeyRing,
        workers: WorkerPool, peers: KACLSPeerClient, audit: any AuditSink, refusals: RefusalLimiter, version: String, logger: Logger,
        rsaDeadline: Duration = .seconds(2)
    ) {
        (self.snapshot, self.audit, self.refusals, self.logger) = (snapshot, audit, refusals, logger)
        methods = KACLSMethods(
            tokens: KACLSTokens(verifier: tokens), keys: keys, ring: ring, rsa: KACLSWorkers(pool: workers, deadline: rsaDeadline),
            peers: peers, audit: audit, version: version)
    }

    /// The answer, if the target is one of ours; nil if another door's.
    package func respond(to http: HTTPRequest) async -> HTTPResponse? {
        guard let (path, endpoint) = place(of: http.target) else { return nil }
        let crossOrigin = KACLSCrossOrigin(endpoint?.kacls)
        if http.method == .OPTIONS { return crossOrigin.preflight(http) }
        return crossOrigin.sharing(await answer(http, path, endpoint), with: http)
    }

    /// What the listener refuses by itself before a request is whole: with the headers that let a browser show it.
    package func refusal(status: Int, message: String, to http: HTTPRequest) -> HTTPResponse? {
        guard let (_, endpoint) = place(of: http.target) else { return nil }
        let error = KACLSError(status, message, cause: "listener")
        return KACLSCrossOrigin(endpoint?.kacls).sharing(error.response(requestID: http.requestID), with: http)
    }

    /// Where a target leads, if that is a place of ours.
    private func place(of target: String) -> (path: KACLSPath, endpoint: Endpoint?)? {
        guard let path = KACLSPath(target: target) else { return nil }
        let endpoint = snapshot().endpoint(at: path.base, door: .kacls)
        return endpoint != nil || path.isBelowPrefix ? (path, endpoint) : nil
    }

    private func answer(_ http: HTTPRequest, _ path: KACLSPath, _ endpoint: Endpoint?) async -> HTTPResponse {
        let method = KACLSMethod(segment: path.segment)
        var noted = KACLSAudit.record(method, http, endpoint: endpoint)
        do {
            try check(path.fault)
            guard endpoint?.isReadable != false else {
                throw KACLSError(503, "the endpoint is not available", cause: "endpoint-unreadable")
            }
            guard let endpoint, let kacls = endpoint.kacls else { throw KACLSError(404, "no such endpoint", cause: "unknown-endpoint") }
            guard let method, method.isPublic || kacls.offers(method) else {
                throw KACLSError(404, "no such method here", cause: "unknown-method")
            }
            try check(endpoint.state)
            guard http.method == (method.isPublic ? .GET : .POST) else {
                throw KACLSError(405, "expected \(method.isPublic ? "GET" : "POST")", cause: "http-method")
            }
            let response = if method.isPublic {
                try await methods.answer(method, endpoint, kacls)
            } else {
                try await answer(http, method, endpoint, kacls, noting: &noted)
            }
            counters.count(method.position, .allowed, since: http.receivedNanoseconds)
            return response
        } catch {
            tell(error, http, method)
            if let rejection = error as? Rejection { noted.obligations = rejection.obligations.names }
            let failure = KACLSError(error)
            counters.count(method?.position, failure.isRefusal ? .refused : .failed, since: http.receivedNanoseconds)
            let isKnown = (error as? Rejection).map { $0.cause != .principal } ?? false
            return await refuse(failure, isKnown: isKnown, noted, http)
        }
    }

    private func answer(
        _ http: HTTPRequest, _ method: KACLSMethod, _ endpoint: Endpoint, _ kacls: KACLSEndpoint, noting noted: inout AuditRecord
    ) async throws -> HTTPResponse {
        let call = try read(http, method, endpoint, kacls)
        noted.reason = call.reason
        return try await methods.answer(call, noting: &noted)
    }

    private func check(_ fault: KACLSPath.Fault?) throws(KACLSError) {
        switch fault {
        case nil: return
        case .form: throw KACLSError(400, "malformed path", cause: "path")
        case .query: throw KACLSError(400, "expected a path without a query", cause: "query")
        }
    }

    private func check(_ state: EndpointState) throws(KACLSError) {
        switch state {
        case .active: return
        case .paused: throw KACLSError(503, "the endpoint is paused", cause: "endpoint-paused")
        case .disabled: throw KACLSError(403, "the endpoint is disabled", cause: "endpoint-disabled")
        case .archived: throw KACLSError(403, "the endpoint is archived", cause: "endpoint-archived")
        }
    }

    private func read(_ http: HTTPRequest, _ method: KACLSMethod, _ endpoint: Endpoint, _ kacls: KACLSEndpoint) throws -> KACLSCall {
        guard http.body.count <= KACLSDoor.maxBodyBytes else {
            throw KACLSError(413, "body larger than \(KACLSDoor.maxBodyBytes) bytes", cause: "too-large")
        }
        if let type = http.headers.first(name: "content-type"), !MediaType.isJSON(type) {
            throw KACLSError(415, "expected Content-Type application/json", cause: "content-type")
        }
        let request = try KACLSRequest(http.body)
        return KACLSCall(
            http: http, method: method, endpoint: endpoint, kacls: kacls, request: request, reason: try reason(request, kacls.options),
            admit: { [rates] () throws(KACLSError) in try rates.admit(endpoint.id, kacls.options) })
    }

    /// The caller's own words, opaque: cut or refused when too long.
    private func reason(_ request: KACLSRequest, _ options: KACLSOptions) throws -> String? {
        guard let text = try request.optionalText(.reason, atMost: KACLSDoor.maxBodyBytes), !text.isEmpty else { return nil }
        guard text.utf8.count > options.maxReasonBytes else { return text }
        guard !options.refusesLongReasons else {
            throw KACLSDecodingFailure(field: "reason", problem: "expected at most \(options.maxReasonBytes) bytes")
        }
        return AuditText.clean(text, limit: options.maxReasonBytes)
    }

    // MARK: Refusals and failures

    /// The operator's detail goes to the log under the request's id; the caller sees a row of the error table.
    private func tell(_ error: any Error, _ http: HTTPRequest, _ method: KACLSMethod?) {
        let answer = KACLSError(error)
        let level: Logger.Level = answer.code >= 500 ? .error : .debug
        guard logger.logLevel <= level, case .record(let suppressed) = logLimiter.admit() else { return }
        logger.log(level: level, "request not served", metadata: [
            "request": "\(http.requestID)", "method": "\(method?.rawValue ?? "other")", "status": "\(answer.code)", "cause": "\(answer.cause)",
            "detail": "\(error is KeyServiceError ? String(describing: error) : String(describing: type(of: error)))",
            "suppressed": "\(suppressed)",
        ])
    }

    /// - Parameter isKnown: the policy knows the caller, and refused something else.
    private func refuse(_ error: KACLSError, isKnown: Bool, _ noted: AuditRecord, _ http: HTTPRequest) async -> HTTPResponse {
        let response = error.response(requestID: http.requestID)
        guard error.cause != "audit-unavailable" else { return response }
        var record = noted
        record.outcome = error.isRefusal ? .refused : .failed
        record.cause = error.cause
        record.status = error.code
        record.latencyMicroseconds = Int64((MonotonicClock.nanoseconds - http.receivedNanoseconds) / 1000)
        // A stranger must not be able to fill the disk: beyond a rate, their refusals are counted, not written. Anybody can register our URL
        // with Google and have tokens made for it, so tokens make nobody known: only the policy does.
        if !isKnown {
            guard case .record(let suppressed) = refusals.admit() else { return response }
            record.suppressed = suppressed > 0 ? suppressed : nil
        }
        do {
            try await audit.append(record)
            return response
        } catch {
            return KACLSError(KeyServiceError.auditUnavailable).response(requestID: http.requestID)
        }
    }
}
