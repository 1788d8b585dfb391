import KeyCore
import Primitives

/// A change of settings, checked: what is not named stays, what is null goes back to what the file says.
struct SettingsPatch: Sendable {
    private let body: JSONValue
    let credentials: ProxyCredentials?

    /// - Throws: `.invalidField` for what the schema can't say.
    init(_ body: JSONValue) throws(Problem) {
        self.body = body
        if let url = body["proxy_url"]?.string { try SettingsPatch.check(proxy: url) }
        if let pem = body["ca_certificates"]?.string { try SettingsPatch.check(authorities: pem) }
        for member in body["dns_hosts"]?.object ?? [] { try SettingsPatch.check(host: member.name, member.value) }
        if let user = body["proxy_credentials"]?["user"]?.string, let password = body["proxy_credentials"]?["password"]?.string {
            credentials = ProxyCredentials(user: user, password: SharedSecret(SecretBytes(copying: Array(password.utf8))))
        } else {
            credentials = nil
        }
    }

    /// The names of what it changes.
    var names: [String] {
        (body.object ?? []).flatMap { member in
            member.name == "limits" ? member.value.object?.map { "limits.\($0.name)" } ?? ["limits"] : [member.name]
        }
    }

    /// Whether a body changes by which way, and on whose word, OpenID providers are believed to be who they are.
    static func redirectsSignIn(_ body: JSONValue) -> Bool { ["proxy_url", "ca_certificates", "dns_hosts"].contains { body.has($0) } }

    /// Credentials belong to the proxy for which they were given: another address must not be told them.
    func keepsCredentials(of present: ServerSettings) -> Bool {
        if let credentials = body["proxy_credentials"] { return credentials != .null && self.credentials == nil }
        guard let url = body["proxy_url"] else { return true }
        return url.string != nil && url.string == present.proxyURL
    }

    func applied(to present: ServerSettings) -> ServerSettings {
        var next = present
        if let value = body["proxy_url"] { next.proxyURL = value.string }
        if let value = body["no_proxy"] { next.noProxy = value.array?.compactMap(\.string) }
        if let value = body["ca_certificates"] { next.authorities = value.string }
        if let value = body["dns_hosts"] {
            next.hosts = value.object.map { members in
                Dictionary(members.map { ($0.name.lowercased(), $0.value.array?.compactMap(\.string) ?? []) }) { first, _ in first }
            }
        }
        if let value = body["limits"] {
            if value == .null { next.limits = [:] }
            for setting in LimitSetting.allCases { if let limit = value[setting.rawValue] { next.limits[setting] = limit.integer } }
        }
        if let value = body["log_level"] { next.logLevel = value.string }
        return next
    }

    // MARK: Checks

    private static func check(proxy url: String) throws(Problem) {
        guard let target = HTTPClientTarget(url), ["http", "https", "socks5", "socks5h"].contains(target.scheme), target.isBare,
            url.utf8.contains(0x3A), target.port != nil
        else {
            throw .invalid("/proxy_url", expected: "http://, https://, socks5:// or socks5h:// with host and port, and nothing else")
        }
    }

    private static func check(authorities pem: String) throws(Problem) {
        let certificates = try? Certificate.chain(pem: pem)
        guard certificates?.isEmpty == false, !pem.contains("PRIVATE KEY") else {
            throw .invalid("/ca_certificates", expected: "certificates in PEM, and nothing else")
        }
    }

    private static func check(host: String, _ addresses: JSONValue) throws(Problem) {
        for address in addresses.array ?? [] where HTTPClientAddress(address.string ?? "") == nil {
            throw .invalid("/dns_hosts", expected: "for \(AuditText.clean(host, limit: 64)) only IPv4 and IPv6 addresses")
        }
    }
}
