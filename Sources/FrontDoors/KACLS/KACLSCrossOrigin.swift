import KeyCore
import NIOHTTP1

/// Cross-origin resource sharing (WHATWG Fetch, 3.2): pages of the configured origins may read our answers, refusals too. Exact
/// origins only, no wildcard, no credentials (N53). Who comes from elsewhere, or is no browser, gets the same answer without these headers.
struct KACLSCrossOrigin: Sendable {
    let origins: [String]
    let allowsPrivateNetwork: Bool

    /// The rules of an endpoint; Google's defaults where there is none.
    init(_ endpoint: KACLSEndpoint?) {
        origins = endpoint?.options.origins ?? KACLSOptions.defaultOrigins
        allowsPrivateNetwork = endpoint?.options.allowsPrivateNetworkAccess ?? false
    }

    /// The request's origin, if it may read the answer.
    private func origin(_ http: HTTPRequest) -> String? {
        let values = http.headers["origin"]
        guard values.count == 1, let value = values.first else { return nil }
        return origins.first { $0.utf8.elementsEqual(value.utf8) }
    }

    /// The answer with what the browser needs in order to show it to the page. `Vary` is there whoever asks, because caches must know.
    func sharing(_ response: HTTPResponse, with http: HTTPRequest) -> HTTPResponse {
        var response = response
        response.headers.append(("Vary", "Origin"))
        guard let origin = origin(http) else { return response }
        response.headers.append(("Access-Control-Allow-Origin", origin))
        response.headers.append(("Access-Control-Expose-Headers", "X-Request-Id, Retry-After"))
        return response
    }

    /// The answer to a preflight, which carries no token.
    func preflight(_ http: HTTPRequest) -> HTTPResponse {
        var response = sharing(HTTPResponse(status: 204), with: http)
        guard origin(http) != nil else { return response }
        response.headers.append(("Access-Control-Allow-Methods", "GET, POST, OPTIONS"))
        response.headers.append(("Access-Control-Allow-Headers", headers(http)))
        response.headers.append(("Access-Control-Max-Age", "3600"))
        if allowsPrivateNetwork, http.headers.first(name: "access-control-request-private-network") == "true" {
            response.headers.append(("Access-Control-Allow-Private-Network", "true"))
        }
        return response
    }

    /// Those of the wanted headers that can do no harm; `content-type` always.
    private func headers(_ http: HTTPRequest) -> String {
        let harmless = ["content-type", "accept", "accept-language", "content-language", "x-goog-encode-response-if-executable", "x-requested-with"]
        let wanted = http.headers["access-control-request-headers"].flatMap { $0.split(separator: ",") }
            .map { $0.trimming(while: { $0 == " " || $0 == "\t" }).lowercased() }
        return (["content-type"] + harmless.dropFirst().filter(wanted.contains)).joined(separator: ", ")
    }
}

extension Substring {
    fileprivate func trimming(while isSpace: (Character) -> Bool) -> Substring {
        var text = drop(while: isSpace)
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }
}
