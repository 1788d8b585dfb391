import Primitives

/// The cookie by which browsers prove a session: only over TLS, only to this host, not to scripts, not from other sites.
enum SessionCookie {
    static let name = "__Host-holdfast"

    /// The token in the request's cookie; nil if there is none.
    static func token(in request: APIRequest) -> String? { value(of: name, in: request.headers) }

    /// The value of a cookie (RFC 6265, 4.2.1); nil if it is missing or there twice.
    static func value(of name: String, in headers: [String: String]) -> String? {
        // Two Cookie fields were joined by a comma, which no value of ours holds.
        let pairs = (headers["cookie"] ?? "").split { $0 == ";" || $0 == "," }.map { $0.drop { $0 == " " } }
        let values = pairs.filter { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
        return values.count == 1 ? values[0] : nil
    }

    /// `Set-Cookie` for a new session.
    static func set(_ token: BearerToken, seconds: Int64) -> (name: String, value: String) {
        ("Set-Cookie", "\(name)=\(token.text); Path=/; Max-Age=\(seconds); Secure; HttpOnly; SameSite=Strict")
    }

    /// `Set-Cookie` that removes it.
    static let clear = (name: "Set-Cookie", value: "\(name)=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict")

    /// A change with a cookie must come from our own pages: browsers say so in `Sec-Fetch-Site` or `Origin`, and no page can say it for them
    /// (OWASP, "Cross-Site Request Forgery Prevention").
    static func checkOrigin(_ request: APIRequest) throws(Problem) {
        guard request.method != "GET", request.method != "HEAD", isOwnPage(request) != true else { return }
        throw refusal
    }

    /// The same for a client certificate, which a browser presents unasked: what no browser sent may pass.
    static func checkNoForeignPage(_ request: APIRequest) throws(Problem) {
        guard request.method != "GET", request.method != "HEAD", isOwnPage(request) == false else { return }
        throw refusal
    }

    /// Whether a page of this server sent it; nil if no browser says anything.
    private static func isOwnPage(_ request: APIRequest) -> Bool? {
        if let site = request.headers["sec-fetch-site"] { return site == "same-origin" }
        guard let origin = request.headers["origin"], let host = request.headers["host"] else { return nil }
        return origin.lowercased() == "https://\(host.lowercased())"
    }

    private static let refusal = Problem(
        .permissionDenied, "this request was not sent by a page of this server",
        remedy: "programs send their token as Authorization: Bearer, not as a cookie")
}
