import KeyCore
import Primitives

extension AuditEvent {
    static let settingsChanged = AuditEvent("settings.changed")
}

/// The settings that can be changed while the server runs. Where it listens, where its audit goes and where its root key lies is said by
/// holdfast.yaml alone: nobody may point those elsewhere from afar (N38).
package struct SettingsRoutes: RouteProvider {
    private let runtime: RuntimeSettings

    /// Routes over the settings of a server.
    package init(_ runtime: RuntimeSettings) { self.runtime = runtime }

    package var routes: [Route] {
        [
            Route(
                .get, "/api/v1/settings", "getSettings", "The settings that count now, and where each comes from", tag: "Settings",
                access: .needs(.readSettings), answers: [200: .json(SettingsSchemas.settings)], handler: get),
            Route(
                .patch, "/api/v1/settings", "changeSettings",
                "Change settings; they count at once. What is null is as holdfast.yaml says from then on", tag: "Settings",
                access: .needs(.updateSettings), event: .settingsChanged, quorum: .addToAdmins, body: .json(SettingsSchemas.patch),
                answers: [200: .json(SettingsSchemas.settings)], allowsDryRun: true, allowsIfMatch: true, handler: change),
        ]
    }

    private func get(_ call: APICall) async throws -> APIAnswer {
        let settings = try await SettingsStore(call.stores).find()
        return .thing(SettingsSchemas.document(settings, runtime.file), revision: settings.revision)
    }

    private func change(_ call: APICall) async throws -> APIAnswer {
        let patch = try SettingsPatch(call.body)
        let settings = try await SettingsStore(call.stores).apply(patch, expecting: call.expectedRevision, by: call.caller)
        if !call.isDryRun { try await runtime.reload() }
        return .thing(
            SettingsSchemas.document(settings, runtime.file), revision: settings.revision,
            audit: AuditDetail(target: patch.names.joined(separator: " ")))
    }
}

/// Settings on the wire.
enum SettingsSchemas {
    private static let host = StringRule(
        length: 1...253, pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", about: "a host's name",
        accepts: { $0.wholeMatch(of: /[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?/) != nil })
    private static let hosts = Schema.map(keys: host, values: .array(.text(2...45), count: 1...16), count: 0...1000)
    private static let exceptions = Schema.array(.text(1...253), count: 0...1000)
    private static let line = StringRule(
        length: 1...256, isSecret: true, pattern: "^[^\\u0000-\\u001f:]+$", about: "text without control characters or colon",
        accepts: { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != ":" } })
    private static let password = StringRule(
        length: 1...1024, isSecret: true, pattern: "^[^\\u0000-\\u001f]+$", about: "text without control characters",
        accepts: { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } })

    static let patch = Schema.object(name: "SettingsPatch", [
        .optional("proxy_url", .nullable(.text(1...512)), "http://, https://, socks5:// or socks5h:// with host and port"),
        .optional("proxy_credentials", .nullable(.object(name: "ProxyCredentials", [
            .required("user", .string(line)), .required("password", .string(password)),
        ])), "Kept sealed, never shown; another proxy_url forgets them"),
        .optional("no_proxy", .nullable(exceptions), "Hosts that are reached directly: *, names with all below them, addresses, networks"),
        .optional("ca_certificates", .nullable(.text(1...262_144)), "PEM; trusted beside the authorities that holdfast.yaml or the system names"),
        .optional("dns_hosts", .nullable(hosts), "Addresses of hosts, instead of what name resolution says"),
        .optional("limits", .nullable(.object(name: "LimitsPatch", LimitSetting.allCases.map {
            .optional($0.rawValue, .nullable(.integer($0.range)))
        })), "Of the data plane, for connections that come from now on"),
        .optional("log_level", .nullable(.oneOf(ServerSettings.levels))),
    ])

    static let settings = Schema.object(name: "Settings", [
        .required("proxy_url", .nullable(.text(0...512))), .required("proxy_has_credentials", .boolean),
        .required("no_proxy", .array(.text(0...512), count: 0...10_000)), .required("ca_certificates", .nullable(.text(0...262_144))),
        .required("dns_hosts", hosts),
        .required("limits", .object(name: "Limits", LimitSetting.allCases.map {
            .required($0.rawValue, .nullable(.integer(0...(1 << 53))))
        })),
        .required("log_level", .oneOf(ServerSettings.levels)),
        .required("set", .array(.text(1...64), count: 0...100), "The names of what is set here; everything else is as holdfast.yaml says"),
        .required("revision", .integer(1...(1 << 53))), .required("changed_at", .nullable(.time)),
    ])

    static func document(_ settings: ServerSettings, _ file: FileSettings) -> JSONValue {
        let limits = LimitSetting.allCases.map { setting in
            (name: setting.rawValue, value: JSONValue.optional(settings.limits[setting] ?? file.limits[setting]))
        }
        let set = (settings.document.object ?? []).flatMap { member in
            member.name == "limits" ? member.value.object?.map { "limits.\($0.name)" } ?? [] : [member.name]
        }
        return [
            "proxy_url": .optional(settings.proxyURL ?? file.outbound.base.proxy?.url),
            "proxy_has_credentials": .bool(settings.hasCredentials),
            "no_proxy": .strings(settings.noProxy ?? file.outbound.base.proxy?.except ?? []),
            "ca_certificates": .optional(settings.authorities), "dns_hosts": ServerSettings.document(settings.hosts ?? [:]),
            "limits": .object(limits), "log_level": .string(settings.logLevel ?? file.logLevel), "set": .strings(set),
            "revision": .integer(settings.revision), "changed_at": .optional(settings.changedAt),
        ]
    }
}
