import Foundation
import Primitives

/// What the API answered.
struct APIReply: Sendable {
    let status: Int
    let body: [UInt8]
    /// The body as JSON; null if it is something else.
    let document: JSONValue
    let requestID: String?
    /// The media type, without parameters.
    let type: String

    init(_ response: HTTPClientResponse) {
        (status, body) = (response.status, response.body)
        requestID = response.header("x-request-id")
        type = String(response.header("content-type")?.prefix { $0 != ";" } ?? "")
        document = type.hasSuffix("json") ? (try? JSONValue(parsing: response.body, maxDepth: 64)) ?? .null : .null
    }

    /// What came of an approved request, as it would have been answered at once; nil if that has no document.
    init?(result approval: APIReply) {
        guard let result = approval.document["result"], result != .null, let status = approval.document["outcome"]?["status"]?.integer else { return nil }
        (self.status, body, document) = (Int(status), result.json, result)
        (requestID, type) = (approval.requestID, "application/json")
    }
}

/// The API of one server, asked by one command.
struct APIClient: Sendable {
    let server: APIServer
    /// Whether problems are for programs.
    let asJSON: Bool
    private let client = HTTPClient(threads: 1)

    init(_ server: APIServer, asJSON: Bool) { (self.server, self.asJSON) = (server, asJSON) }

    /// Asks, and gives back a successful answer.
    /// - Parameters:
    ///   - path: below `/api/v1`, or whole if it begins with a slash.
    ///   - query: values that are nil are left out.
    /// - Throws: `APIProblem` for any other answer, `Unavailable` if there is none.
    func send(
        _ method: String, _ path: String, query: [(String, String?)] = [], headers: [(String, String?)] = [], body: APIBody = .none,
        sink: (@Sendable ([UInt8]) -> Bool)? = nil
    ) async throws -> APIReply {
        let answer = try await ask(method, path, query: query, headers: headers, body: body, sink: sink)
        guard (200..<300).contains(answer.status) else {
            throw APIProblem(answer, asJSON: asJSON, remedy: answer.status == 401 ? server.signIn : nil)
        }
        return answer
    }

    /// As `send`, but an answer is an answer, whatever it says.
    func ask(
        _ method: String, _ path: String, query: [(String, String?)] = [], headers: [(String, String?)] = [], body: APIBody = .none,
        sink: (@Sendable ([UInt8]) -> Bool)? = nil
    ) async throws -> APIReply {
        var request = HTTPClientRequest(method: method, url: server.url + APIClient.target(path, query), connection: server.connection)
        request.headers = headers.compactMap { name, value in value.map { HTTPClientHeader(name, $0) } }
        if let token = server.token { request.headers.append(HTTPClientHeader("Authorization", "Bearer \(token)")) }
        if let type = body.type { request.headers.append(HTTPClientHeader("Content-Type", type)) }
        request.body = body.bytes
        request.maxResponseBytes = 1 << 30
        request.totalTimeout = sink == nil ? .seconds(600) : .seconds(86_400)
        request.sink = sink
        do {
            return APIReply(try await client.send(request))
        } catch {
            throw Unavailable("\(server.name) can't be asked: \(APIClient.words(error, server))")
        }
    }

    private static func target(_ path: String, _ query: [(String, String?)]) -> String {
        let pairs = query.compactMap { name, value in value.map { "\(name)=\(encoded($0))" } }
        return (path.hasPrefix("/") ? path : "/api/v1/\(path)") + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
    }

    /// Percent-encoded for a query (RFC 3986: all but the unreserved characters).
    static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: String(UnicodeScalar(byte))
            default: "%" + Hex.string([byte]).uppercased()
            }
        }.joined()
    }

    private static func words(_ error: HTTPClientError, _ server: APIServer) -> String {
        guard let path = server.connection.unixSocketPath else {
            if case .tls(let reason) = error { return "\(reason); name the authority that vouches for it (ca in the profile, HOLDFAST_CA)" }
            return "\(error)"
        }
        if case .connect = error {
            return "nobody answers at \(path). Either the server is gone without saying goodbye (start it with `holdfast serve --data \(server.name)`), "
                + "or this user is neither root nor the one who runs it"
        }
        return "\(error); its socket serves only root and the user who runs it"
    }
}

/// What is sent along.
struct APIBody: Sendable {
    let type: String?
    let bytes: [UInt8]

    static let none = APIBody(type: nil, bytes: [])
    /// A document; members that are nil are left out.
    static func json(_ members: KeyValuePairs<String, JSONValue?>) -> APIBody {
        json(.object(members.compactMap { name, value in value.map { (name: name, value: $0) } }))
    }
    /// A document.
    static func json(_ document: JSONValue) -> APIBody { APIBody(type: "application/json", bytes: document.json) }
    /// Bytes of a media type.
    static func bytes(_ bytes: [UInt8], type: String) -> APIBody { APIBody(type: type, bytes: bytes) }
}

extension JSONValue {
    /// The string, or nothing at all.
    static func given(_ text: String?) -> JSONValue? { text.map(JSONValue.string) }
    /// The integer, or nothing at all.
    static func given(_ integer: Int?) -> JSONValue? { integer.map { .integer(Int64($0)) } }
    /// The strings, or nothing at all if there are none.
    static func given(_ texts: [String]) -> JSONValue? { texts.isEmpty ? Optional.none : .strings(texts) }
    /// `true`, or nothing at all.
    static func given(_ flag: Bool) -> JSONValue? { flag ? .bool(true) : Optional.none }
}
