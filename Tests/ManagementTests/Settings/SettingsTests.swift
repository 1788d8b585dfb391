import KeyCore
import Primitives
import TestSupport
import Testing

@testable import Management

@Suite("Settings") struct SettingsTests {
    private let fixture: APIFixture

    init() throws { fixture = try APIFixture() }

    private func change(_ body: JSONValue, headers: [String: String] = [:]) async throws -> TestAnswer {
        try await fixture.call("PATCH", "/api/v1/settings", body: body, headers: headers)
    }

    @Test("count at once for every call that leaves the server, and null takes them back")
    func outbound() async throws {
        let settings = fixture.observation.settings
        #expect(settings.connection(to: "https://a.example").proxy == nil)
        let answer = try await change([
            "proxy_url": "http://proxy.example:3128", "no_proxy": ["internal.example"],
            "dns_hosts": ["Login.Example": ["192.0.2.7", "2001:db8::7"]], "log_level": "debug", "limits": ["max_connections": 100],
        ])
        #expect(answer.status == 200)
        let connection = settings.connection(to: "https://login.example/keys")
        #expect(connection.proxy?.url == "http://proxy.example:3128" && connection.proxy?.except == ["internal.example"])
        #expect(connection.addressOverrides == [
            HTTPClientAddressOverride(host: "login.example", port: 443, addresses: ["192.0.2.7", "2001:db8::7"])
        ])
        #expect(settings.current.logLevel == "debug" && settings.current.limits[.maxConnections] == 100)
        #expect(answer["set"] == ["proxy_url", "no_proxy", "dns_hosts", "limits.max_connections", "log_level"])

        _ = try await change(["proxy_url": nil, "no_proxy": nil, "dns_hosts": nil, "limits": ["max_connections": nil], "log_level": nil])
        #expect(settings.current.outbound == settings.file.outbound && settings.current.logLevel == "info")
        #expect(try await fixture.call("GET", "/api/v1/settings")["set"] == [])
    }

    @Test("show no credentials, keep them sealed, and forget them when the proxy is another one")
    func credentials() async throws {
        let canary = "canary-5f1d-password"
        let answer = try await change([
            "proxy_url": "http://proxy.example:3128", "proxy_credentials": ["user": "holdfast", "password": .string(canary)],
        ])
        #expect(answer["proxy_has_credentials"] == true && !answer.text.contains(canary))
        #expect(try await !fixture.call("GET", "/api/v1/settings").text.contains(canary))
        let password = fixture.observation.settings.connection(to: "https://a.example").proxy?.password
        #expect(password?.bytes.exposedCopy() == Array(canary.utf8))
        #expect(try fixture.store.files(holding: Array(canary.utf8)).isEmpty)
        #expect(!fixture.audit.records.contains { "\($0)".contains(canary) })

        #expect(try await change(["log_level": "info"])["proxy_has_credentials"] == true)
        let moved = try await change(["proxy_url": "http://attacker.example:3128"])
        #expect(moved["proxy_has_credentials"] == false)
        #expect(fixture.observation.settings.connection(to: "https://a.example").proxy?.user == nil)
    }

    @Test("N38 can't say where the audit goes, nor anything else that holdfast.yaml alone says", arguments: [
        "audit", "audit_folder", "audit_path", "folder", "root_key", "rootKey", "listen", "data_folder", "log_file", "node",
    ])
    func auditPath(name: String) async throws {
        let body = JSONValue.object([(name: name, value: "/usr/local/bin/holdfast")])
        #expect(try await change(body).code == "invalid_field")
        #expect(try await change(["limits": body]).code == "invalid_field")
        #expect(try await fixture.call("GET", "/api/v1/settings")["revision"] == 1)
    }

    @Test("are refused, by the name of the field and without repeating a secret, if they are", arguments: [
        ("/proxy_url", ["proxy_url": "ftp://proxy.example:21"]), ("/proxy_url", ["proxy_url": "http://user:secret@proxy.example:3128"]),
        ("/proxy_url", ["proxy_url": "http://proxy.example:3128/path"]), ("/ca_certificates", ["ca_certificates": "no certificate"]),
        ("/dns_hosts", ["dns_hosts": ["a.example": ["not an address"]]]), ("/dns_hosts/a b", ["dns_hosts": ["a b": ["192.0.2.1"]]]),
        ("/limits/max_connections", ["limits": ["max_connections": 0]]), ("/log_level", ["log_level": "loud"]),
        ("/proxy_credentials", ["proxy_credentials": ["user": "u", "password": "canary-secret"]]),
        ("/proxy_credentials/password", ["proxy_credentials": ["user": "u", "password": "canary-secret\n"]]),
    ] as [(String, JSONValue)])
    func refused(field: String, body: JSONValue) async throws {
        let answer = try await change(body)
        #expect(answer.status == 400 && answer["errors"].array?.first?["field"]?.string == field, "\(answer.text)")
        #expect(!answer.text.contains("secret"))
        #expect(try await fixture.call("GET", "/api/v1/settings")["revision"] == 1)
    }

    @Test("are changed by one at a time, and only tried out in a dry run")
    func concurrency() async throws {
        let read = try await fixture.call("GET", "/api/v1/settings")
        #expect(read.etag == "\"1\"")
        let rehearsed = try await fixture.call("PATCH", "/api/v1/settings?dry_run=true", body: ["log_level": "debug"])
        #expect(rehearsed["log_level"] == "debug")
        #expect(fixture.observation.settings.current.logLevel == "info")
        #expect(try await change(["log_level": "debug"], headers: ["If-Match": "\"1\""]).etag == "\"2\"")
        #expect(try await change(["log_level": "info"], headers: ["If-Match": "\"1\""]).status == 412)
        #expect(fixture.observation.settings.current.logLevel == "debug")
    }

    @Test("need update:settings, and are on record by the names of what was changed")
    func access() async throws {
        let reader = try Caller.person("reader", [.readSettings])
        #expect(try await fixture.call("GET", "/api/v1/settings", as: reader).status == 200)
        #expect(try await fixture.call("PATCH", "/api/v1/settings", body: ["log_level": "debug"], as: reader).status == 403)
        _ = try await change(["log_level": "debug", "limits": ["max_body_bytes": 1_048_576]])
        let record = try #require(fixture.audit.records.last)
        #expect(record.event == .settingsChanged && record.outcome == .allowed && record.target == "log_level limits.max_body_bytes")
    }

    @Test("that another process has changed are applied when it is next looked")
    func otherProcess() async throws {
        let other = RuntimeSettings(FileSettings(), stores: fixture.stores)
        _ = try await change(["log_level": "error"])
        #expect(other.current.logLevel == "info")
        try await other.reload()
        #expect(other.current.logLevel == "error")
    }

    @Test("that were taken away, as a restore does, count no more when it is next looked")
    func takenAway() async throws {
        let other = RuntimeSettings(FileSettings(), stores: fixture.stores)
        _ = try await change(["log_level": "error"])
        _ = try await change(["log_level": "debug"])
        try await other.reload()
        #expect(other.current.logLevel == "debug")
        try await fixture.store.database.execute("DELETE FROM settings")
        try await other.reload()
        #expect(other.current.logLevel == "info")
    }
}
