import KeyCore
@testable import Management
@testable import Primitives
import Synchronization
import TestSupport
import Testing

/// A key service as others see it, with one thing wrong.
private final class FakeService: Sendable {
    enum Fault: CaseIterable {
        case none, unreachable, status, stranger, otherURL, noKeys, noCORS, answersOptions, reflectsOrigin, bareErrors
        /// The step that fails.
        var step: String? {
            switch self {
            case .none: nil
            case .unreachable: "status.connect"
            case .status: "status.answer"
            case .stranger: "status.server_type"
            case .otherURL: "status.kacls_url"
            case .noKeys: "certs.keys"
            case .noCORS: "status.cors"
            case .answersOptions: "preflight.methods"
            case .reflectsOrigin: "foreign-origin.refused"
            case .bareErrors: "error.structured"
            }
        }
    }

    static let url = "https://cse.example.com/v0/kacls/hq"
    static let keys: JSONValue = {
        guard let jwk = try? PrivateKey.generate(.rsa(bits: 2048)).publicKey.jwk() else { return .null }
        return ["keys": [.object(jwk.members.map { (name: $0.name, value: .string($0.value)) } + [(name: "kid", value: "one")])]]
    }()
    let fault: Fault
    init(_ fault: Fault) { self.fault = fault }

    func answer(_ request: HTTPClientRequest) throws -> HTTPClientResponse {
        if fault == .unreachable { throw HTTPClientError.connect("connection refused") }
        let origin = request.headers.first { $0.name == "Origin" }?.value
        let isShared = fault != .noCORS && (origin == KACLSOptions.defaultOrigins[0] || fault == .reflectsOrigin)
        var headers = isShared ? origin.map { [HTTPClientHeader("access-control-allow-origin", $0)] } ?? [] : []
        switch (request.method, request.url.split(separator: "/").last) {
        case ("OPTIONS", _):
            if fault == .answersOptions { return reply(405, headers, .null) }
            headers += [HTTPClientHeader("access-control-allow-methods", "GET, POST, OPTIONS"), HTTPClientHeader("access-control-allow-headers", "content-type")]
            return reply(204, headers, .null)
        case (_, "status"):
            return reply(fault == .status ? 503 : 200, headers, [
                "server_type": fault == .stranger ? "nginx" : "KACLS", "kacls_url": .string(fault == .otherURL ? "https://other.example" : Self.url),
            ])
        case (_, "certs"): return reply(200, headers, fault == .noKeys ? ["keys": []] : Self.keys)
        default: return reply(400, headers, fault == .bareErrors ? "Bad request" : ["code": 400, "message": "m", "details": "d"])
        }
    }

    private func reply(_ status: Int, _ headers: [HTTPClientHeader], _ body: JSONValue) -> HTTPClientResponse {
        HTTPClientResponse(status: status, headers: headers, body: body.json, timing: HTTPClientTiming(
            resolved: .zero, connected: .zero, secured: .zero, firstByte: .zero, total: .zero, reusedConnection: false))
    }
}

@Suite("The connection test of an endpoint") struct EndpointProbeTests {
    @Test("names the step that fails, and finds nothing wrong where nothing is", arguments: FakeService.Fault.allCases)
    fileprivate func steps(fault: FakeService.Fault) async throws {
        let service = FakeService(fault)
        var probe = EndpointProbe(send: { try service.answer($0) })
        await probe.probeKACLS(FakeService.url, origins: KACLSOptions.defaultOrigins)
        let failed = probe.document["steps"]?.array?.filter { $0["ok"] == false }.compactMap { $0["step"]?.string } ?? []
        #expect(failed.first == fault.step)
        #expect(probe.isFine == (fault == .none))
        #expect(EndpointProbe.report.faults(in: probe.document).isEmpty)
    }

    @Test("asks about each issuer's keys, and is on record with its outcome")
    func issuers() async throws {
        var resources = ResourceServices()
        let service = FakeService(.none)
        resources.send = { try service.answer($0) }
        resources.issuerKeys = { _ in [IssuerKeys(issuer: "idp", count: 2, failure: nil), IssuerKeys(issuer: "Google CSE drive", count: 0, failure: "no answer")] }
        let api = try APIFixture(resources: resources)
        let base = try await api.endpointDraft("hq")
        let options: JSONValue = ["identity_providers": [["issuer": base["issuer_ids"]?.array?.first ?? .null, "audiences": ["web"]]], "urls": [.string(FakeService.url)]]
        let body = JSONValue.object((base.object ?? []).filter { $0.name != "issuer_ids" }).adding(["door": "kacls", "kacls": options, "path": "v0/kacls/hq"])
        let id = try await api.make("/api/v1/endpoints", body)
        let answer = try await api.call("POST", "/api/v1/endpoints/\(id)/test")
        #expect(answer["ok"] == false)
        let failed = answer["steps"].array?.filter { $0["ok"] == false } ?? []
        #expect(failed.compactMap { $0["detail"]?.string } == ["Google CSE drive: no keys, so its tokens are answered 503: no answer"])
        #expect(api.audit.records.last?.cause == "failed")
        #expect(api.audit.records.last?.endpointID?.description == id)
    }
}
