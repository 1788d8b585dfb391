package import KeyCore
package import Primitives

/// Asks other key services to unwrap: over https, at addresses that are looked at just before the connection, without following
/// redirects, within 5 seconds and 64 KiB (N17, N18).
package struct KACLSPeerClient: Sendable {
    private let client: HTTPClient
    private let connection: @Sendable (_ url: String) -> HTTPClientConnection
    private let ring: SigningKeyRing
    private let rsa: KACLSWorkers
    private let totalTimeout: Duration

    /// A client that takes the way out that `connection` names when it asks, whose address rule is replaced: peers are on the public Internet unless an administrator said
    /// otherwise.
    package init(
        client: HTTPClient, connection: @escaping @Sendable (_ url: String) -> HTTPClientConnection, ring: SigningKeyRing, workers: WorkerPool,
        totalTimeout: Duration = .seconds(5)
    ) {
        (self.client, self.connection, self.ring, self.totalTimeout) = (client, connection, ring, totalTimeout)
        rsa = KACLSWorkers(pool: workers, deadline: totalTimeout)
    }

    /// The data key in another key service's wrapped key.
    /// - Parameter name: its URL as Google spells it, which it may compare letter by letter.
    func unwrap(
        _ wrapped: String, resource: String, at peer: KACLSOptions.Peer, calledBy name: String, for call: KACLSCall
    ) async throws -> SecretBytes {
        let claims = try self.claims(resource, name, call)
        let token = try await rsa.run { [ring] in try ring.sign(claims) }
        let body: JSONValue = [
            "authentication": .string(token), "wrapped_key": .string(wrapped), "resource_name": .string(resource),
            "reason": .string(call.reason ?? ""),
        ]
        let url = peer.url.method("privilegedunwrap")
        var request = HTTPClientRequest(
            method: "POST", url: url,
            headers: [HTTPClientHeader("Content-Type", "application/json"), HTTPClientHeader("Accept", "application/json")],
            body: body.json, connection: connection(url))
        request.connection.addressRule = peer.mayBePrivate ? .any : .publicOnly
        request.connectTimeout = min(.seconds(2), totalTimeout)
        request.totalTimeout = totalTimeout
        request.maxResponseBytes = 64 << 10
        return try key(in: try await send(request))
    }

    private func claims(_ resource: String, _ name: String, _ call: KACLSCall) throws -> JSONValue {
        guard let url = call.kacls.url?.description else { throw KACLSError(500, "the endpoint has no URL", cause: "internal") }
        let now = call.http.receivedAt.seconds
        return [
            "iss": .string(url), "aud": .string(KACLSEndpoint.migrationAudience), "kacls_url": .string(name),
            "resource_name": .string(resource), "iat": .integer(now), "exp": .integer(now + 300),
            "jti": .string(try UUIDBytes.random().description),
        ]
    }

    private func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        let response: HTTPClientResponse
        do {
            response = try await client.send(request)
        } catch .timedOut {
            throw KACLSError(504, "the other key service did not answer in time", cause: "peer-timeout")
        } catch .addressRefused {
            throw KACLSError(403, "the other key service is at an address that is not permitted", cause: "peer-address")
        } catch .overloaded {
            throw KACLSError(503, "too many keys are being taken over at once; try again", cause: "peer-overloaded")
        } catch {
            throw KACLSError(502, "the other key service can't be reached", cause: "peer-unreachable")
        }
        switch response.status {
        case 200: return response
        case 300..<400: throw KACLSError(403, "the other key service redirects, which is not followed", cause: "peer-redirects")
        default: throw KACLSError(502, "the other key service answered \(response.status)", cause: "peer-status")
        }
    }

    private func key(in response: HTTPClientResponse) throws -> SecretBytes {
        do {
            let answer = try KACLSRequest(response.body)
            return try answer.secret(.key, atMost: KACLSDataKey.maxBytes)
        } catch {
            throw KACLSError(502, "the other key service's answer holds no key", cause: "peer-answer")
        }
    }
}
