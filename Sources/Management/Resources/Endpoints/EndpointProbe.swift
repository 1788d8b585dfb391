import KeyCore
import Primitives

/// Calls an endpoint by its own URLs, from this machine, in the way that the vendor's console, browsers and servers do, and explains each step.
struct EndpointProbe {
    /// One step and how it went.
    private struct Step {
        let url: String?
        let name: String
        let isFine: Bool
        let detail: String
    }

    private let send: @Sendable (HTTPClientRequest) async throws -> HTTPClientResponse
    private var steps: [Step] = []

    /// How many URLs are called: each may take until its time-outs.
    static let maxURLs = 4

    /// Nothing is called yet.
    init(send: @escaping @Sendable (HTTPClientRequest) async throws -> HTTPClientResponse) { self.send = send }

    /// Whether every step went well.
    var isFine: Bool { steps.allSatisfy(\.isFine) }

    static let report = Schema.object(name: "EndpointTestReport", [
        .required("ok", .boolean, "Whether every step went well"),
        .required("steps", .array(.object(name: "EndpointTestStep", [
            .required("url", .nullable(.text(1...4096)), "What was called; null where nothing was"), .required("step", .text(1...64)),
            .required("ok", .boolean), .required("detail", .text(0...1024)),
        ]), count: 0...512)),
    ])

    var document: JSONValue {
        [
            "ok": .bool(isFine),
            "steps": .array(steps.prefix(512).map { step in
                ["url": .optional(step.url), "step": .string(step.name), "ok": .bool(step.isFine), "detail": .string(step.detail)]
            }),
        ]
    }

    // MARK: What can be probed

    /// Client-side encryption: what the Admin console's test asks (`status`), what other key services and Google ask (`certs`), and what a
    /// browser needs before it shows our answers to a page (CORS), refusals too.
    mutating func probeKACLS(_ base: String, origins: [String]) async {
        let origin = origins.first ?? KACLSOptions.defaultOrigins[0]
        guard let status = await answer("status", HTTPClientRequest(url: "\(base)/status", headers: [HTTPClientHeader("Origin", origin)])) else { return }
        expect("status.answer", base, status.status == 200, "expected 200, found \(status.status): \(EndpointProbe.message(status))", or: "200")
        guard status.status == 200 else { return }
        let document = (try? JSONValue(parsing: status.body)) ?? .null
        let type = document["server_type"]?.string
        expect("status.server_type", base, type == "KACLS", "expected KACLS, found \(type ?? "no such JSON member"): another program answers there", or: "KACLS")
        let own = document["kacls_url"]?.string
        expect(
            "status.kacls_url", base, own.flatMap(KACLSURL.init) == KACLSURL(base),
            "it calls itself \(own ?? "nothing"): tokens for \(base) are still accepted, other key services look for its keys at the former", or: base)
        expectShared("status.cors", base, status, with: origin)
        await probeCertificates(base)
        await probeCrossOrigin(base, origin)
    }

    private mutating func probeCertificates(_ base: String) async {
        guard let certs = await answer("certs", HTTPClientRequest(url: "\(base)/certs")) else { return }
        let report = certs.status == 200 ? try? JWKSReport(of: certs.body, algorithms: [.rs256]) : nil
        expect(
            "certs.keys", base, report?.isUsable == true, "expected a set with an RS256 key, found \(certs.status) without one",
            or: "\(report?.keys.count ?? 0) keys with which others verify our tokens")
    }

    private mutating func probeCrossOrigin(_ base: String, _ origin: String) async {
        func preflight(_ origin: String) -> HTTPClientRequest {
            HTTPClientRequest(method: "OPTIONS", url: "\(base)/wrap", headers: [
                HTTPClientHeader("Origin", origin), HTTPClientHeader("Access-Control-Request-Method", "POST"),
                HTTPClientHeader("Access-Control-Request-Headers", "content-type"),
            ])
        }
        guard let allowed = await answer("preflight", preflight(origin)) else { return }
        let (methods, headers) = (allowed.header("access-control-allow-methods") ?? "", allowed.header("access-control-allow-headers") ?? "")
        expect(
            "preflight.methods", base, [200, 204].contains(allowed.status) && methods.contains("POST") && headers.lowercased().contains("content-type"),
            "expected 204 that allows POST with content-type, found \(allowed.status): something before this server answers OPTIONS itself", or: methods)
        expectShared("preflight.origin", base, allowed, with: origin)
        let foreign = "https://foreign.example"
        guard let refused = await answer("foreign-origin", preflight(foreign)) else { return }
        let shown = refused.header("access-control-allow-origin")
        expect("foreign-origin.refused", base, shown == nil, "expected no Access-Control-Allow-Origin for \(foreign), found \(shown ?? "none")", or: "no page of \(foreign) reads our answers")
        let empty = HTTPClientRequest(
            method: "POST", url: "\(base)/wrap", headers: [HTTPClientHeader("Origin", origin), HTTPClientHeader("Content-Type", "application/json")],
            body: Array("{}".utf8))
        guard let error = await answer("error", empty) else { return }
        let code = (try? JSONValue(parsing: error.body))?["code"]?.integer
        expect(
            "error.structured", base, error.status == 400 && code == 400,
            "expected a structured error 400 for an empty wrap, found \(error.status): \(EndpointProbe.message(error))", or: "400 with code, message, details")
        expectShared("error.cors", base, error, with: origin)
    }

    /// Other doors: whether a request without any proof arrives, and is refused as it must be.
    mutating func probeReach(_ base: String, of door: FrontDoorKind) async {
        let request = switch door {
        case .salesforce: HTTPClientRequest(url: "\(base)/probe")
        case .ekm, .kacls:
            HTTPClientRequest(
                method: "POST", url: door == .ekm ? "\(base):wrap" : base, headers: [HTTPClientHeader("Content-Type", "application/json")],
                body: Array("{}".utf8))
        }
        guard let reply = await answer("reach", request) else { return }
        let fitting = door == .salesforce ? [401] : [401, 403, 404]
        expect(
            "reach.refused", base, fitting.contains(reply.status),
            "expected that a request without a proof of who calls is refused with \(fitting[0]), found \(reply.status)",
            or: "\(reply.status): a request without a proof of who calls is refused")
    }

    /// Whether callers are asked for the client certificates that are pinned.
    mutating func look(forRequestOfCertificates fault: String?) {
        if let fault { add("client-certificate.asked", nil, false, fault) }
    }

    /// Whether the tokens of those who are believed can be verified.
    mutating func look(at issuers: [IssuerKeys]) {
        for issuer in issuers {
            add("tokens", nil, issuer.count > 0, issuer.count > 0
                ? "\(issuer.issuer): \(issuer.count) keys at hand" : "\(issuer.issuer): no keys, so its tokens are answered 503: \(issuer.failure ?? "not fetched yet")")
        }
    }

    // MARK: Parts

    private mutating func answer(_ name: String, _ request: HTTPClientRequest) async -> HTTPClientResponse? {
        var request = request
        (request.connectTimeout, request.totalTimeout, request.maxResponseBytes) = (.seconds(3), .seconds(10), 256 << 10)
        do {
            return try await send(request)
        } catch let error as HTTPClientError {
            add("\(name).\(IssuerProbe.step(of: error))", request.url, false, "\(error)")
        } catch {
            add("\(name).send", request.url, false, "it can't be called")
        }
        return nil
    }

    private mutating func expectShared(_ name: String, _ base: String, _ reply: HTTPClientResponse, with origin: String) {
        let found = reply.header("access-control-allow-origin")
        expect(
            name, base, found == origin, "expected Access-Control-Allow-Origin \(origin), found \(found ?? "none"): browsers hide this answer from Google's pages",
            or: "pages of \(origin) read it")
    }

    private mutating func expect(_ name: String, _ url: String, _ isFine: Bool, _ failure: String, or success: String) {
        add(name, url, isFine, isFine ? success : failure)
    }

    private mutating func add(_ name: String, _ url: String?, _ isFine: Bool, _ detail: String) {
        steps.append(Step(url: url, name: name, isFine: isFine, detail: AuditText.clean(detail, limit: 1000)))
    }

    /// The message of a structured error.
    private static func message(_ reply: HTTPClientResponse) -> String {
        (try? JSONValue(parsing: reply.body))?["message"]?.string ?? "no structured error"
    }
}
