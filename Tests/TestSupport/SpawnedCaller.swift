package import Primitives

/// A caller as Cloud KMS is one: wraps and unwraps over TLS with the demo issuer's token.
package struct SpawnedCaller: Sendable {
    /// An answer with its body, if that is JSON.
    package struct Answer: Sendable {
        package let status: Int
        package let body: JSONValue?
        /// The body as it came.
        package let text: String
        /// The header field, if there is one.
        package let retryAfter: String?
        /// Whether an earlier request had made the connection.
        package let reusedConnection: Bool

        /// The bytes of a base64 member.
        package func bytes(_ name: String) -> [UInt8]? {
            guard let text = body?[name]?.string else { return nil }
            return try? Base64.decodeLenient(Array(text.utf8)[...])
        }
    }

    /// The resource that it names.
    package static let resource = "projects/acme/locations/europe-west1/keyRings/ring/cryptoKeys/disk/cryptoKeyVersions/1"

    /// The endpoint's URL.
    package let keyURI: String
    /// The file with the authority to trust.
    package let authority: String
    /// A compact JWT.
    package let token: String
    private let client = HTTPClient(threads: 1)

    /// A caller as given.
    package init(keyURI: String, authority: String, token: String) {
        (self.keyURI, self.authority, self.token) = (keyURI, authority, token)
    }

    /// Wraps; the blob is `bytes("wrappedBlob")`.
    package func wrap(_ plaintext: [UInt8]) async throws -> Answer {
        try await post("wrap", SpawnedCaller.body("plaintext", plaintext))
    }

    /// Unwraps; the plaintext is `bytes("plaintext")`.
    package func unwrap(_ blob: [UInt8]) async throws -> Answer {
        try await post("unwrap", SpawnedCaller.body("wrappedBlob", blob))
    }

    /// A blob of `plaintext`.
    /// - Throws: `SpawnedTimeout` with the answer if it is not 200.
    package func blob(of plaintext: [UInt8]) async throws -> [UInt8] {
        let answer = try await wrap(plaintext)
        guard answer.status == 200, let blob = answer.bytes("wrappedBlob") else { throw SpawnedTimeout("wrap gave \(answer)") }
        return blob
    }

    /// Posts a body to a method of the endpoint.
    package func post(_ method: String, _ body: String) async throws -> Answer {
        var request = request("POST", "\(keyURI):\(method)")
        request.headers = [HTTPClientHeader("Content-Type", "application/json"), HTTPClientHeader("Authorization", "Bearer \(token)")]
        request.body = Array(body.utf8)
        return try await send(request)
    }

    /// Gets a path of the server, without the token.
    package func get(_ path: String) async throws -> Answer {
        let origin = keyURI.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        let host = origin.last?.prefix { $0 != "/" } ?? ""
        return try await send(request("GET", "https://\(host)/\(path)"))
    }

    /// The body of a wrap or unwrap for the customer's own reasons.
    package static func body(_ name: String, _ value: [UInt8], resource: String = SpawnedCaller.resource) -> String {
        """
        {"\(name)":"\(Base64.string(value))","additionalContext":{"relativeResourceName":"\(resource)",\
        "accessReasonContext":{"reason":"CUSTOMER_INITIATED_ACCESS"}}}
        """
    }

    private func request(_ method: String, _ url: String) -> HTTPClientRequest {
        var connection = HTTPClientConnection()
        connection.trust = .file(authority)
        return HTTPClientRequest(method: method, url: url, connection: connection)
    }

    private func send(_ request: HTTPClientRequest) async throws -> Answer {
        let response = try await client.send(request)
        return Answer(
            status: response.status, body: try? JSONValue(parsing: response.body), text: String(decoding: response.body, as: UTF8.self),
            retryAfter: response.header("retry-after"), reusedConnection: response.timing.reusedConnection)
    }
}
