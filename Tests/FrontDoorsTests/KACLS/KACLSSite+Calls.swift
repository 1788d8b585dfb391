import Foundation
import FrontDoors
import KeyCore
import TestSupport
import Testing

@testable import Primitives

/// An answer from the wire, and what its JSON says.
struct KACLSReply: Sendable {
    let status: Int
    let headers: [HTTPClientHeader]
    let body: [UInt8]

    var json: JSONValue? { try? JSONValue(parsing: body) }
    subscript(name: String) -> String? { json?[name]?.string }
    /// The stable word in `details`.
    var cause: String? { self["details"]?.split(separator: "=").last.map(String.init) }
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
    /// The bytes of a base64 member.
    func bytes(_ name: String) -> [UInt8]? { self[name].flatMap { try? Base64.decodeLenient(ArraySlice($0.utf8)) } }
}

extension KACLSSite {
    static let resource = "//googleapis.com/drive/files/0AbCdEf"
    /// The tests' own, and the sites': those must not wait for one another.
    static let outward = HTTPClient(threads: 4, maximumWaiting: 4096)
    static let client = HTTPClient(threads: 8, maximumWaiting: 4096)

    // MARK: Tokens

    /// What Google says: Ann may write the resource here.
    func authorization(
        _ role: String = "writer", issuer: GoogleCSEIssuer = .drive, resource: String = KACLSSite.resource, email: String = "ann@example.com"
    ) throws -> KACLSTestToken {
        let now = folder.clock.now.seconds
        return KACLSTestToken(
            claims: [
                ("iss", .string(issuer.value)), ("aud", "cse-authorization"), ("email", .string(email)), ("email_type", "google"),
                ("kacls_url", .string(url)), ("perimeter_id", ""), ("resource_name", .string(resource)), ("role", .string(role)),
                ("iat", .integer(now)), ("exp", .integer(now + 3600)),
            ], key: try KACLSTestKeys.shared.get().google)
    }

    /// What the identity provider says: this is Ann.
    func authentication(_ email: String = "ann@example.com") throws -> KACLSTestToken {
        let now = folder.clock.now.seconds
        return KACLSTestToken(
            claims: [
                ("iss", "https://idp.example.com"), ("aud", "web-client"), ("sub", "1048576"), ("email", .string(email)),
                ("email_verified", true), ("iat", .integer(now)), ("exp", .integer(now + 3600)),
            ], key: try KACLSTestKeys.shared.get().idp)
    }

    /// What the administrators' provider says.
    func administrator(_ email: String) throws -> KACLSTestToken {
        try authentication(email).signed(by: try KACLSTestKeys.shared.get().admins).with("iss", "https://admins.example.com")
            .with("aud", "admin-client")
    }

    // MARK: Calls

    /// A request over TLS.
    func send(
        _ path: String, method: String = "POST", headers: [(String, String)] = [("Content-Type", "application/json")], body: [UInt8] = []
    ) async throws -> KACLSReply {
        let connection = KACLSSite.outbound(wire.port, "\(wire.certificates.folder.path)/ca.pem")
        var request = HTTPClientRequest(
            method: method, url: "https://ekm.example.com:\(wire.port)\(path)", headers: headers.map { HTTPClientHeader($0.0, $0.1) },
            body: body, connection: connection)
        (request.totalTimeout, request.connectTimeout) = (.seconds(60), .seconds(30))
        let response = try await KACLSSite.client.send(request)
        return KACLSReply(status: response.status, headers: response.headers, body: response.body)
    }

    /// A method of the endpoint with these fields.
    func call(_ method: String, _ fields: [(String, JSONValue)], headers: [(String, String)] = []) async throws -> KACLSReply {
        try await send(
            "/v0/kacls/hq/\(method)", headers: [("Content-Type", "application/json")] + headers,
            body: JSONValue.object(fields.map { (name: $0.0, value: $0.1) }).json)
    }

    func wrap(
        _ dek: [UInt8] = tinkKey, _ authorization: KACLSTestToken? = nil, _ authentication: KACLSTestToken? = nil,
        reason: String = "{client:'drive' op:'update'}"
    ) async throws -> KACLSReply {
        try await call("wrap", [
            ("key", .string(Base64.string(dek))), ("authorization", .string(try (authorization ?? self.authorization()).text)),
            ("authentication", .string(try (authentication ?? self.authentication()).text)), ("reason", .string(reason)),
        ])
    }

    func unwrap(
        _ wrapped: String, _ authorization: KACLSTestToken? = nil, _ authentication: KACLSTestToken? = nil
    ) async throws -> KACLSReply {
        try await call("unwrap", [
            ("wrapped_key", .string(wrapped)), ("authorization", .string(try (authorization ?? self.authorization("reader")).text)),
            ("authentication", .string(try (authentication ?? self.authentication()).text)), ("reason", "{client:'drive' op:'read'}"),
        ])
    }

    /// A key as Drive's clients send it: a serialised Tink AesGcmKey.
    static let tinkKey: [UInt8] = [0x1A, 0x20] + Array(0..<32)

    /// A wrapped key.
    func wrapped(_ dek: [UInt8] = tinkKey, _ authorization: KACLSTestToken? = nil) async throws -> String {
        try #require(try await wrap(dek, authorization)["wrapped_key"])
    }
}
