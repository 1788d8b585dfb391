package import KeyCore
package import Logging
import NIOHTTP1
package import Primitives

/// The front door for Google Cloud EKM: finds out which key and method are meant and who asks, lets the method's handler answer, and
/// has every refusal and failure on record before it is answered. (What is allowed, `KeyService` records.)
package struct EKMDoor: Sendable {
    private let snapshot: @Sendable () -> RoutingSnapshot
    private let tokens: TokenVerifier
    private let audit: any AuditSink
    private let refusals: RefusalLimiter
    private let wrap: WrapHandler
    private let unwrap: UnwrapHandler
    private let logger: Logger
    private let logLimiter = RefusalLimiter(perSecond: 20, burst: 100)
    /// What was asked and how it ended.
    package let counters = DoorCounters(door: .ekm, methods: EKMMethod.allCases.map(\.rawValue))

    /// A door over these parts; `snapshot` gives the present configuration.
    package init(
        snapshot: @escaping @Sendable () -> RoutingSnapshot, tokens: TokenVerifier, keys: KeyService, audit: any AuditSink,
        refusals: RefusalLimiter, logger: Logger
    ) {
        (self.snapshot, self.tokens, self.audit, self.refusals) = (snapshot, tokens, audit, refusals)
        self.logger = logger
        wrap = WrapHandler(keys: keys)
        unwrap = UnwrapHandler(keys: keys)
    }

    /// The answer to a request whose path is `path`.
    package func respond(to http: HTTPRequest, path: RequestPath) async -> HTTPResponse {
        let target = EKMPath(path.text)
        let method = target?.method
        var noted = EKMAudit.record(method, http, endpoint: nil)
        do {
            guard let target, let method else { throw EKMError(status: 404, code: 5, "no such method", cause: "unknown-method") }
            let call = try await identify(http, target, method, &noted)
            let response = switch method {
            case .wrap: try await wrap.respond(to: call, noting: &noted)
            case .unwrap: try await unwrap.respond(to: call, noting: &noted)
            default: throw EKMError(status: 501, code: 12, "this method is not supported", cause: "unimplemented")
            }
            counters.count(method.position, .allowed, isHealthCheck: noted.isHealthCheck, since: http.receivedNanoseconds)
            return response
        } catch {
            tell(error, http, method)
            if let rejection = error as? Rejection { noted.obligations = rejection.obligations.names }
            return await refuse(EKMError(error, method: method ?? .wrap), method, noted, since: http.receivedNanoseconds)
        }
    }

    // MARK: Who asks for what

    private func identify(
        _ http: HTTPRequest, _ target: EKMPath, _ method: EKMMethod, _ noted: inout AuditRecord
    ) async throws -> EKMCall {
        guard http.method == .POST else { throw EKMError(status: 405, code: 12, "expected POST", cause: "http-method") }
        try checkContentType(http)
        let snapshot = snapshot()
        let endpoint = snapshot.endpoint(at: target.keyPath, door: .ekm)
        noted.endpointID = endpoint?.id
        noted.endpointName = endpoint?.name
        noted.keyID = endpoint?.keyID
        guard endpoint?.isReadable != false else {
            throw EKMError(status: 503, code: 14, "the endpoint is not available", cause: "endpoint-unreadable")
        }
        let token = try await tokens.verify(
            try bearerToken(http), expecting: endpoint?.expectation ?? snapshot.anyEndpoint(of: .ekm))
        noted.principal = token.principal
        guard let endpoint else { throw EKMError(status: 404, code: 5, "no such key", cause: "unknown-endpoint") }
        switch endpoint.state {
        case .active: return EKMCall(http: http, method: method, endpoint: endpoint, token: token)
        case .paused: throw EKMError(status: 503, code: 14, "the endpoint is paused", cause: "endpoint-paused")
        case .disabled: throw EKMError(status: 403, code: 7, "the endpoint is disabled", cause: "endpoint-disabled")
        case .archived: throw EKMError(status: 403, code: 7, "the endpoint is archived", cause: "endpoint-archived")
        }
    }

    private func checkContentType(_ http: HTTPRequest) throws(EKMError) {
        guard let type = http.headers.first(name: "content-type") else { return }
        guard type == "application/json" || MediaType.isJSON(type) else {
            throw EKMError(status: 400, code: 3, "expected Content-Type application/json", cause: "content-type")
        }
    }

    /// The token of `Authorization: Bearer …` (RFC 6750, 2.1); exactly one such header.
    private func bearerToken(_ http: HTTPRequest) throws(EKMError) -> [UInt8] {
        let values = http.headers["authorization"]
        guard values.count == 1, let value = values.first?.utf8, value.count > 7,
            value.prefix(7).elementsEqual("bearer ".utf8, by: { $0 | 0x20 == $1 })
        else { throw EKMError(status: 401, code: 16, "expected one header Authorization: Bearer <token>", cause: "token-absent") }
        var token = Array(value)
        token.removeFirst(7)
        return token
    }

    // MARK: Refusals and failures

    /// The operator's detail goes to the log under the request's id; the caller sees a row of the error table. A fault of ours is an
    /// error there, at most twenty times a second; a refusal is for debugging, because the audit has it.
    private func tell(_ error: any Error, _ http: HTTPRequest, _ method: EKMMethod?) {
        let answer = EKMError(error, method: method ?? .wrap)
        let level: Logger.Level = answer.status >= 500 ? .error : .debug
        guard logger.logLevel <= level, case .record(let suppressed) = logLimiter.admit() else { return }
        logger.log(level: level, "request not served", metadata: [
            "request": "\(http.requestID)", "status": "\(answer.status)", "cause": "\(answer.cause)",
            "detail": "\(error is KeyServiceError ? String(describing: error) : String(describing: type(of: error)))",
            "suppressed": "\(suppressed)",
        ])
    }

    private func refuse(_ error: EKMError, _ method: EKMMethod?, _ noted: AuditRecord, since start: UInt64) async -> HTTPResponse {
        counters.count(method?.position, error.isRefusal ? .refused : .failed, isHealthCheck: noted.isHealthCheck, since: start)
        guard error.cause != "audit-unavailable" else { return error.response }
        var record = noted
        record.outcome = error.isRefusal ? .refused : .failed
        record.cause = error.cause
        record.status = error.status
        record.latencyMicroseconds = Int64((MonotonicClock.nanoseconds - start) / 1000)
        // A stranger must not be able to fill the disk, be it one with a token (anybody can have Google sign one): beyond a rate, their
        // refusals are counted, not written.
        if noted.principal == nil || ["policy-principal", "unknown-endpoint"].contains(error.cause) {
            guard case .record(let suppressed) = refusals.admit() else { return error.response }
            record.suppressed = suppressed > 0 ? suppressed : nil
        }
        do {
            try await audit.append(record)
            return error.response
        } catch {
            return EKMError(KeyServiceError.auditUnavailable, method: method ?? .wrap).response
        }
    }
}
