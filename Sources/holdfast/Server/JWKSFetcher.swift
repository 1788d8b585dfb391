import Foundation
import KeyCore
import Primitives

/// Fetches JWK Sets over HTTPS: no redirects, 256 KiB and 5 s at most, addresses from configuration only (N14).
struct JWKSFetcher: Sendable {
    private let client = HTTPClient(threads: 2)
    private let connection: HTTPClientConnection

    /// A fetcher with the configured route and trust.
    init(_ outbound: Configuration.Outbound, folder: DataFolder) throws {
        var connection = HTTPClientConnection()
        if let url = outbound.proxy {
            var proxy = HTTPClientProxy(url: url)
            proxy.except = outbound.noProxy
            connection.proxy = proxy
        }
        if let file = outbound.caFile { connection.trust = .file(folder.file(file)) }
        connection.addressOverrides = try outbound.resolve.map(JWKSFetcher.override)
        self.connection = connection
    }

    /// The set's bytes, and for how long the issuer lets us keep them.
    func fetch(_ url: String) async throws -> (body: [UInt8], maxAge: Duration?) {
        var request = HTTPClientRequest(url: url, connection: connection)
        request.totalTimeout = .seconds(5)
        request.connectTimeout = .seconds(3)
        request.maxResponseBytes = 256 << 10
        let response = try await client.send(request)
        guard response.status == 200 else { throw Complaint("\(url): expected status 200, found \(response.status)") }
        return (response.body, response.header("cache-control").flatMap(JWKSFetcher.maxAge))
    }

    /// A request to an OpenID provider, by the same route and trust.
    func send(_ request: HTTPClientRequest) async throws -> (status: Int, body: [UInt8]) {
        var request = request
        request.connection = connection
        let response = try await client.send(request)
        return (response.status, response.body)
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

    private static func override(_ text: String) throws -> HTTPClientAddressOverride {
        let parts = text.split(separator: ":", maxSplits: 2).map(String.init)
        guard parts.count == 3, let port = UInt16(parts[1]) else {
            throw Complaint("outbound.resolve: expected host:port:address, found “\(text)”")
        }
        return HTTPClientAddressOverride(host: parts[0], port: port, addresses: [parts[2]])
    }
}
