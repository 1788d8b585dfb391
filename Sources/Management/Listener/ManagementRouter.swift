import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Primitives

/// The connection that a request came on.
struct ManagementConnection: RequestContextSource {
    let peer: ManagementPeer
    let logger: Logger
}

/// What Hummingbird keeps of a request beside the request itself.
struct ManagementContext: RequestContext {
    typealias Source = ManagementConnection

    var coreContext: CoreRequestContextStorage
    let peer: ManagementPeer
    var requestID = ""

    init(source: ManagementConnection) {
        coreContext = .init(source: source)
        peer = source.peer
    }
}

/// The routes in Hummingbird's router, with what all of them share: a clean path, the request's id, security headers.
struct ManagementRouter: Sendable {
    private let responder: RouterResponder<ManagementContext>
    private let requestIDs: RequestIDs
    private let clock: WallClock

    init(_ api: ManagementAPI, clock: WallClock, requestIDs: RequestIDs) {
        (self.requestIDs, self.clock) = (requestIDs, clock)
        let router = Router(context: ManagementContext.self)
        for route in api.routes {
            let path = RouterPath(route.path)
            router.on(path, method: HTTPRequest.Method(rawValue: route.method.rawValue) ?? .get) { request, context in
                let answer = await api.respond(
                    to: ManagementRouter.request(request, context, clock), route: route,
                    parameters: ManagementRouter.parameters(route, context))
                return ManagementRouter.response(answer)
            }
        }
        ManagementRouter.refuseOtherMethods(api.routes, router)
        responder = router.buildResponder()
    }

    /// The answer to one request, with the fields that every answer has. HEAD is answered as GET would be, without the body.
    func respond(to request: Request, on connection: ManagementConnection) async -> Response {
        var context = ManagementContext(source: connection)
        context.requestID = requestIDs.next()
        let isHead = request.method == .head
        var response = await answer(isHead ? request.asGet : request, context)
        addCommonFields(to: &response, context.requestID)
        if isHead {
            let length = response.headers[.contentLength]
            response.body = ResponseBody()
            response.headers[.contentLength] = length
        }
        return response
    }

    /// The answer to what is no HTTP request at all.
    func answerToMalformed() -> MalformedAnswer {
        let problem = Problem(
            .malformedRequest, "this is no HTTP/1.1 request, or its header is longer than 32 KiB or 100 fields, or it has no Host field")
        let id = requestIDs.next()
        var response = ManagementRouter.response(problem.answer(requestID: id))
        addCommonFields(to: &response, id)
        return MalformedAnswer(head: response.head, body: ByteBuffer(bytes: problem.json(requestID: id)))
    }

    private func answer(_ request: Request, _ context: ManagementContext) async -> Response {
        guard RequestPath(target: request.head.path ?? "") != nil else {
            let problem = Problem(.malformedRequest, "the path is not in its normal form: no //, no . or .., nothing encoded without need")
            return ManagementRouter.response(problem.answer(requestID: context.requestID))
        }
        do {
            let response = try await responder.respond(to: request, context: context)
            guard response.headers[.contentType] == nil, response.status.code >= 400 else { return response }
            throw HTTPError(response.status)  // Hummingbird's own, without a document
        } catch {
            return ManagementRouter.response(ManagementRouter.problem(error).answer(requestID: context.requestID))
        }
    }

    private func addCommonFields(to response: inout Response, _ requestID: String) {
        response.headers[.init("X-Request-Id")!] = requestID
        response.headers[.date] = HTTPDate.string(clock.now)
        for (name, value) in ManagementRouter.securityHeaders where response.headers[name] == nil { response.headers[name] = value }
    }

    // MARK: Shapes

    private static func request(_ request: Request, _ context: ManagementContext, _ clock: WallClock) -> APIRequest {
        var headers: [String: String] = [:]
        for field in request.headers {
            headers[field.name.canonicalName, default: ""] += headers[field.name.canonicalName] == nil ? field.value : ", \(field.value)"
        }
        if let authority = request.head.authority { headers["host"] = authority }
        return APIRequest(
            method: request.method.rawValue, target: request.head.path ?? "/", headers: headers, body: request.body,
            remoteAddress: context.peer.address, tls: context.peer.tls, localUser: context.peer.localUser, requestID: context.requestID,
            receivedAt: clock.now, receivedNanoseconds: MonotonicClock.nanoseconds)
    }

    private static func parameters(_ route: Route, _ context: ManagementContext) -> [String: String] {
        var parameters: [String: String] = [:]
        for name in route.parameterNames { parameters[name] = context.parameters.get(name) }
        return parameters
    }

    private static func response(_ answer: APIAnswer) -> Response {
        var headers = HTTPFields()
        for (name, value) in answer.headers { if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) } }
        let body: ResponseBody
        switch answer.body {
        case .none: body = ResponseBody()
        case .json(let document):
            headers[.contentType] = "application/json"
            body = ResponseBody(byteBuffer: ByteBuffer(bytes: document.json))
        case .bytes(let bytes, let type):
            headers[.contentType] = type
            body = ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        case .stream(let stream, let type, let filename):
            headers[.contentType] = type
            if let filename { headers[.contentDisposition] = "attachment; filename=\"\(filename)\"" }
            body = stream
        }
        return Response(status: .init(code: answer.status), headers: headers, body: body)
    }

    /// A path's other methods are answered 405, with those that it has.
    private static func refuseOtherMethods(_ routes: [Route], _ router: Router<ManagementContext>) {
        let methods: [HTTPRequest.Method] = [.get, .post, .put, .patch, .delete, .options, .trace]
        for (path, routes) in Dictionary(grouping: routes, by: \.path) {
            let allowed = routes.map(\.method.rawValue).sorted()
            for method in methods where !allowed.contains(method.rawValue) {
                router.on(RouterPath(path), method: method) { _, context in
                    var problem = Problem(
                        .methodNotAllowed, "this path has no \(method.rawValue)", remedy: "it has \(allowed.joined(separator: ", "))")
                    problem.headers = [("Allow", allowed.joined(separator: ", "))]
                    return response(problem.answer(requestID: context.requestID))
                }
            }
        }
    }

    private static func problem(_ error: any Error) -> Problem {
        switch (error as? any HTTPResponseError)?.status.code {
        case 404: Problem(.notFound, "there is nothing at this path", remedy: "see /api/v1/openapi.json for what there is")
        case 413: Problem(.bodyTooLarge, "the body is too large")
        case let code? where code < 500: Problem(.malformedRequest, "the request is malformed")
        default: Problem(error)
        }
    }

    private static let securityHeaders: [(HTTPField.Name, String)] = [
        (.cacheControl, "no-store"),
        (.init("X-Content-Type-Options")!, "nosniff"),
        (.init("Content-Security-Policy")!, "default-src 'none'; frame-ancestors 'none'"),
        (.init("Strict-Transport-Security")!, "max-age=31536000"),
        (.init("Referrer-Policy")!, "no-referrer"),
        (.init("Cross-Origin-Resource-Policy")!, "same-origin"),
    ]
}

extension Request {
    /// The same, asking for the whole answer.
    fileprivate var asGet: Request {
        var head = head
        head.method = .get
        return Request(head: head, body: body)
    }
}
