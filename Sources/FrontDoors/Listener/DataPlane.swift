import Primitives

/// The data plane's handler: chooses the front door by path. What no door knows is 404, and tells nothing else.
package struct DataPlane: HTTPHandler {
    private let ekm: EKMDoor
    private let kacls: KACLSDoor?
    private let salesforce: SalesforceDoor?
    private let isReady: @Sendable () -> Bool

    /// A data plane of these doors; `isReady` says whether requests can be served right now.
    package init(ekm: EKMDoor, kacls: KACLSDoor? = nil, salesforce: SalesforceDoor? = nil, isReady: @escaping @Sendable () -> Bool) {
        (self.ekm, self.kacls, self.salesforce, self.isReady) = (ekm, kacls, salesforce, isReady)
    }

    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        if let response = await kacls?.respond(to: request) { return response }
        if let salesforce, let target = salesforce.target(request.target) { return await salesforce.respond(to: request, target: target) }
        guard let path = RequestPath(target: request.target) else {
            return refusal(status: 400, message: "malformed path")
        }
        switch path.text {
        case "healthz": return status("alive", 200)
        case "readyz": return isReady() ? status("ready", 200) : status("not ready", 503)
        default: return await ekm.respond(to: request, path: path)
        }
    }

    package func refusal(status: Int, message: String) -> HTTPResponse {
        let code = switch status {
        case 503: 14
        case 408: 4
        default: 3
        }
        return EKMError(status: status, code: code, message, cause: "listener").response
    }

    package func refusal(status: Int, message: String, to request: HTTPRequest) -> HTTPResponse {
        kacls?.refusal(status: status, message: message, to: request) ?? refusal(status: status, message: message)
    }

    /// Whoever asks learns the status and nothing else (N55).
    private func status(_ word: String, _ status: Int) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
            body: Array(#"{"status":"\#(word)"}"#.utf8))
    }
}
