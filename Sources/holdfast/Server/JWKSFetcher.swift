import Foundation
import KeyCore
import Management
import Primitives
import Synchronization

/// Fetches JWK Sets over HTTPS: no redirects, 256 KiB and 5 s at most, addresses from configuration only (N14).
struct JWKSFetcher: Sendable {
    private let client = HTTPClient(threads: 2)
    private let publicOnly = PublicAddresses()
    /// The way out that counts now, for others too.
    let connection: @Sendable (_ url: String) -> HTTPClientConnection

    /// A fetcher that takes the way and the trust that count when it fetches.
    init(_ connection: @escaping @Sendable (_ url: String) -> HTTPClientConnection) { self.connection = connection }

    /// The set's bytes, and for how long the issuer lets us keep them.
    func fetch(_ url: String) async throws -> (body: [UInt8], maxAge: Duration?) {
        let response = try await response(url)
        guard response.status == 200 else { throw Complaint("\(url): expected status 200, found \(response.status)") }
        return (response.body, response.header("cache-control").flatMap(JWKSFetcher.maxAge))
    }

    /// The document there, whatever its status.
    func document(_ url: String) async throws -> FetchedDocument {
        let response = try await response(url)
        let type = response.header("content-type")?.prefix { $0 != ";" && $0 != " " }.lowercased() ?? ""
        return FetchedDocument(status: response.status, contentType: type, body: response.body, timing: response.timing)
    }

    private func response(_ url: String) async throws(HTTPClientError) -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url, connection: connection(url))
        if publicOnly.urls.withLock({ $0.contains(url) }) { request.connection.addressRule = .publicOnly }
        request.totalTimeout = .seconds(5)
        request.connectTimeout = .seconds(3)
        request.maxResponseBytes = 256 << 10
        return try await client.send(request)
    }

    /// A request to an OpenID provider, by the same route and trust.
    func send(_ request: HTTPClientRequest) async throws -> (status: Int, body: [UInt8]) {
        let response = try await exchange(request)
        return (response.status, response.body)
    }

    /// Any request by the same route and trust.
    func exchange(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        var request = request
        request.connection = connection(request.url)
        return try await client.send(request)
    }

    /// From now on these addresses, and no others, are fetched only from the public Internet: other people's key services (N18).
    func restrict(toPublic urls: some Sequence<String>) { publicOnly.urls.withLock { $0 = Set(urls) } }

    private final class PublicAddresses: Sendable {
        let urls = Mutex<Set<String>>([])
    }

    /// `max-age` of a Cache-Control header (RFC 9111, 5.2.2.1).
    static func maxAge(_ header: String) -> Duration? {
        for directive in header.split(separator: ",") {
            let parts = directive.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " && $0 != "\"" }.lowercased() }
            if parts.count == 2, parts[0] == "max-age", let seconds = Int64(parts[1]), seconds >= 0, seconds < 1 << 31 {
                return .seconds(seconds)
            }
        }
        return nil
    }
}
