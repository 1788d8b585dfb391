package import Primitives

/// What holdfast.yaml says, and what counts where nothing else is set.
package struct FileSettings: Sendable {
    /// Its proxy, its trust and its address overrides.
    package var outbound = OutboundRoute()
    /// The authorities that its trust names, as PEM, to which further ones can be added; the system's if nil.
    package var authorities: [UInt8]?
    package var limits: [LimitSetting: Int64] = [:]
    package var logLevel = "info"

    /// The defaults.
    package init() {}
}

/// What is set in the database; what is nil or absent is as the file says.
package struct ServerSettings: Sendable, Equatable {
    /// Raised with each change; 1 before the first.
    package var revision: Int64 = 1
    package var changedAt: Instant?
    package var proxyURL: String?
    package var hasCredentials = false
    package var noProxy: [String]?
    package var authorities: String?
    package var hosts: [String: [String]]?
    package var limits: [LimitSetting: Int64] = [:]
    package var logLevel: String?

    static let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]

    /// Reads what the database holds.
    init(document: JSONValue, revision: Int64, changedAt: Instant?, hasCredentials: Bool) {
        (self.revision, self.changedAt, self.hasCredentials) = (revision, changedAt, hasCredentials)
        proxyURL = document["proxy_url"]?.string
        noProxy = document["no_proxy"]?.array?.compactMap(\.string)
        authorities = document["ca_certificates"]?.string
        hosts = document["dns_hosts"]?.object.map { members in
            Dictionary(members.map { ($0.name, $0.value.array?.compactMap(\.string) ?? []) }) { first, _ in first }
        }
        for setting in LimitSetting.allCases { limits[setting] = document["limits"]?[setting.rawValue]?.integer }
        logLevel = document["log_level"]?.string
    }

    /// Nothing is set.
    init() {}

    /// Whether the way to other servers, or the authorities that vouch for them, are others.
    func reachesProvidersOtherwise(than other: ServerSettings) -> Bool {
        proxyURL != other.proxyURL || authorities != other.authorities || (hosts ?? [:]) != (other.hosts ?? [:])
    }

    /// What the database holds.
    var document: JSONValue {
        var members: [(name: String, value: JSONValue)] = []
        if let proxyURL { members.append(("proxy_url", .string(proxyURL))) }
        if let noProxy { members.append(("no_proxy", .strings(noProxy))) }
        if let authorities { members.append(("ca_certificates", .string(authorities))) }
        if let hosts { members.append(("dns_hosts", ServerSettings.document(hosts))) }
        let limits = LimitSetting.allCases.compactMap { setting in
            self.limits[setting].map { (name: setting.rawValue, value: JSONValue.integer($0)) }
        }
        if !limits.isEmpty { members.append(("limits", .object(limits))) }
        if let logLevel { members.append(("log_level", .string(logLevel))) }
        return .object(members)
    }

    static func document(_ hosts: [String: [String]]) -> JSONValue {
        .object(hosts.sorted { $0.key < $1.key }.map { (name: $0.key, value: .strings($0.value)) })
    }
}
