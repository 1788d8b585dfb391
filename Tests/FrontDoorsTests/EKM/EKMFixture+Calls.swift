import FrontDoors
import KeyCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Primitives

/// An answer, and what its JSON says.
struct EKMReply: Sendable {
    let status: Int
    let headers: [(name: String, value: String)]
    let body: [UInt8]

    init(_ response: HTTPResponse) { (status, headers, body) = (response.status, response.headers, response.body) }

    var json: JSONValue? { try? JSONValue(parsing: body) }
    subscript(name: String) -> String? { json?[name]?.string }
    var code: Int64? { json?["code"]?.integer }
    var message: String? { json?["message"]?.string }
    /// The fields that the BadRequest detail names.
    var fields: [String] {
        (json?["details"]?.array ?? []).flatMap { $0["fieldViolations"]?.array ?? [] }.compactMap { $0["field"]?.string }
    }
    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
    /// The bytes of a base64 member.
    func bytes(_ name: String) -> [UInt8]? { self[name].flatMap { try? Base64.decodeLenient(ArraySlice($0.utf8)) } }
}

extension EKMFixture {
    /// A request of the fixture's client to `path`, straight to the door.
    func call(
        _ target: String, _ body: String, token: String?, method: HTTPMethod = .POST, headers: HTTPHeaders = [:], scheme: String = "Bearer",
        requestID: String = "0123456789abcdef0123456789abcdef"
    ) async throws -> EKMReply {
        var all: HTTPHeaders = ["Content-Type": "application/json"]
        if let token { all.add(name: "Authorization", value: "\(scheme) \(token)") }
        for (name, value) in headers { all.replaceOrAdd(name: name, value: value) }
        let request = HTTPRequest(
            method: method, target: "/" + target, headers: all, body: Array(body.utf8), remoteAddress: "35.199.192.7",
            requestID: requestID, receivedAt: clock.now, receivedNanoseconds: MonotonicClock.nanoseconds,
            tls: TLSHandshake(
                applicationProtocol: "h2", serverName: "ekm.example.com", version: "TLSv1.3", isResumed: false, clientCertificateDER: nil))
        return EKMReply(await DataPlane(ekm: door, isReady: { true }).respond(to: request))
    }

    /// A call with a valid token.
    func call(_ method: String, _ body: String, path: String? = nil) async throws -> EKMReply {
        try await call("\(path ?? self.path):\(method)", body, token: try token.signed(by: try EKMTestIssuer.google.get()))
    }

    func wrap(_ plaintext: [UInt8] = Array("dek".utf8), aad: [UInt8]? = nil, more: String = "", path: String? = nil) async throws -> EKMReply {
        try await call("wrap", Self.body("plaintext", Base64.string(plaintext), aad, more), path: path)
    }

    func unwrap(_ blob: [UInt8], aad: [UInt8]? = nil, more: String = "", path: String? = nil) async throws -> EKMReply {
        try await call("unwrap", Self.body("wrappedBlob", Base64.string(blob), aad, more), path: path)
    }

    /// A blob of `plaintext`.
    func blob(_ plaintext: [UInt8] = Array("dek".utf8), aad: [UInt8]? = nil, path: String? = nil) async throws -> [UInt8] {
        try #require(try await wrap(plaintext, aad: aad, path: path).bytes("wrappedBlob"))
    }

    static func body(_ name: String, _ value: String, _ aad: [UInt8]? = nil, _ more: String = "") -> String {
        let aad = aad.map { #","additionalAuthenticatedData":"\#(Base64.string($0))""# } ?? ""
        return #"{"\#(name)":"\#(value)"\#(aad)\#(more)}"#
    }

    /// The status of a wrap with this token.
    func status(_ token: EKMTestToken, by issuer: EKMTestIssuer? = nil) async throws -> Int {
        try await call("\(path):wrap", #"{"plaintext":"ZGVr"}"#, token: try token.signed(by: try issuer ?? EKMTestIssuer.google.get())).status
    }
}

/// `additionalContext` with a reason.
func reason(_ json: String) -> String { #","additionalContext":{"accessReasonContext":{"reason":\#(json)}}"# }
